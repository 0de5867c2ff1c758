"""A server in a process of its own, on a core of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from relay.bench.usage import Watched, family

SERVER_CORE = 0
LOAD_CORE = 1
LISTENING = re.compile(r"listening on http://\S+:(\d+)")
OPERATORS = re.compile(r"operators at http://\S+:(\d+)/")
STOP_SECONDS = 10


class ServerProcess(Watched):
    """Runs `command` on one core until the context is left; `port` is the one it says it listens on, `admin_port` the one for
    operators, 0 for none."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),
        )
        super().__init__(self._process.pid)
        self.admin_port = 0
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
            if (operators := OPERATORS.search(line)) is not None:
                self.admin_port = int(operators[1])
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
