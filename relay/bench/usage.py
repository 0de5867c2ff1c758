"""What a process uses: processor time to the nanosecond, and memory, as Linux tells it in /proc."""

import contextlib
import os
import re
import resource
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_FILES_BESIDE = 256


@dataclass(frozen=True)
class Usage:
    """Seconds a process ran, and seconds it could have run but others had its core."""

    ran: float
    waited: float

    def __sub__(self, earlier: "Usage") -> "Usage":
        return Usage(self.ran - earlier.ran, self.waited - earlier.waited)


class Watched:
    """A process with its children, looked at from outside. Every method raises OSError when it is gone, or hidden."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def usage(self) -> Usage:
        """Processor time of all threads so far."""
        return sum_usage(thread for pid in family(self.pid) for thread in threads(pid))

    def resident_bytes(self) -> int:
        """Resident memory."""
        pages = (Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in family(self.pid))
        return sum(map(int, pages)) * resource.getpagesize()

    def forget_peak(self) -> None:
        """Let the peak begin anew at what is resident now (proc(5), clear_refs)."""
        for pid in family(self.pid):
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peak_resident_bytes(self) -> int:
        """The most that was resident at one time since it was started, or since `forget_peak`."""
        return sum(peak_kib(status_of(pid)) for pid in family(self.pid)) * 1024


def status_of(pid: int) -> str:
    """The text of /proc/<pid>/status. In it is the name, which is any bytes: cut to fifteen it may end amid a character."""
    return Path(f"/proc/{pid}/status").read_text("utf-8", "replace")


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


def ancestors() -> Iterator[tuple[int, str]]:
    """This process and those it descends from, nearest first, each as pid and name; as far as the system tells of them."""
    pid = os.getpid()
    with contextlib.suppress(OSError, KeyError):
        while pid:  # the first process has the parent 0, as has one from outside of this namespace
            status = dict(line.partition(":\t")[::2] for line in status_of(pid).splitlines())
            yield pid, status["Name"]
            pid = int(status["PPid"])


def kernel_cache_bytes() -> int:
    """What the kernel holds in its object caches (proc(5), meminfo, Slab), sockets among it; 0 where it does not tell."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Slab:"):
            return int(line.split()[1]) * 1024
    return 0


def raise_file_limit(wanted: int) -> None:
    """Let this process, and those it starts, open `wanted` files. Raises RuntimeError when the hard limit is below."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise RuntimeError(f"{wanted} open files are needed, and the hard limit is {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def file_room() -> int:
    """How many connections this process could open, with what else it needs, under the hard limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 1_000_000 if hard == resource.RLIM_INFINITY else max(hard - _FILES_BESIDE, 1)


def ports() -> int:
    """How many connections an address of this machine may begin to one server."""
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    return high - low + 1


def share_one_core(pid: int) -> bool:
    """Whether this process and that one have a single core between them; `pid` is 0 when it is not known."""
    others = set(range(os.cpu_count() or 1))
    if pid:
        with contextlib.suppress(OSError):  # it has ended
            others = os.sched_getaffinity(pid)
    return len(os.sched_getaffinity(0) | others) == 1


def cores() -> int:
    """How many processor cores this process may run on."""
    return len(os.sched_getaffinity(0))
