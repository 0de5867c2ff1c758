"""A server in a process of its own, on a core of its own, and what it uses."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

SERVER_CORE = 0
LOAD_CORE = 1
LISTENING = re.compile(r"listening on http://\S+:(\d+)")
STOP_SECONDS = 10


@dataclass(frozen=True)
class Usage:
    """Seconds a process ran, and seconds it could have run but others had its core."""

    ran: float
    waited: float

    def __sub__(self, earlier: Usage) -> Usage:
        return Usage(self.ran - earlier.ran, self.waited - earlier.waited)


class ServerProcess:
    """Runs `command` on one core until the context is left; `port` is the one it says it listens on."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),
        )
        self.pid = self._process.pid
        try:
            self.port = self._await_port()
        except BaseException:
            self._stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _await_port(self) -> int:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if (listening := LISTENING.search(line)) is not None:
                return int(listening[1])
        raise RuntimeError(f"the server ended with {self._process.wait()} before it listened")

    def _stop(self) -> None:
        # Not asked to drain: ten thousand closing handshakes would be waited for, and nothing learnt. Children would outlive it.
        for pid in [*family(self.pid)] if self._process.poll() is None else []:
            os.kill(pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def usage(self) -> Usage:
        """Processor time of all its threads and children so far."""
        return sum_usage(thread for pid in family(self.pid) for thread in threads(pid))

    def resident_bytes(self) -> int:
        """Resident memory of it and its children."""
        pages = (Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in family(self.pid))
        return sum(map(int, pages)) * resource.getpagesize()

    def forget_peak(self) -> None:
        """Let the peak begin anew at what is resident now (proc(5), clear_refs)."""
        for pid in family(self.pid):
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peak_resident_bytes(self) -> int:
        """The most that was resident at one time since it was started, or since `forget_peak`."""
        return (
            sum(peak_kib(Path(f"/proc/{pid}/status").read_text()) for pid in family(self.pid))
            * 1024
        )


def peak_kib(status: str) -> int:
    """The high-water mark in the text of /proc/<pid>/status."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1])


def threads(pid: int) -> Iterator[Path]:
    return Path(f"/proc/{pid}/task").iterdir()


def sum_usage(found: Iterable[Path]) -> Usage:
    """/proc/<pid>/stat counts in ticks of 10 ms; schedstat counts nanoseconds."""
    ran = waited = 0
    for thread in found:
        fields = (thread / "schedstat").read_text().split()
        ran, waited = ran + int(fields[0]), waited + int(fields[1])
    return Usage(ran / 1e9, waited / 1e9)


def own_usage() -> Usage:
    """Of the thread that calls, which runs the generator."""
    return sum_usage([Path("/proc/thread-self")])


def family(pid: int) -> Iterator[int]:
    yield pid
    for thread in threads(pid):
        for child in (thread / "children").read_text().split():
            yield from family(int(child))


@contextmanager
def pinned_to_load_core() -> Iterator[None]:
    """Run the generator beside the server, not on its core; needs a machine of two."""
    before = os.sched_getaffinity(0)
    if not {SERVER_CORE, LOAD_CORE} <= before:
        raise RuntimeError("two processor cores are needed: one for the server, one for the load")
    os.sched_setaffinity(0, {LOAD_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raise_file_limit(wanted: int) -> None:
    """Let this process and the servers it starts open `wanted` files; they all inherit the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise RuntimeError(f"{wanted} open files are needed, and the hard limit is {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
