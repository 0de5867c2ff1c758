"""What the operating system must allow, and what it allows here."""

import math
import resource
from pathlib import Path
from typing import Final

import msgspec

from relay.plan.hosts import DESCRIPTORS_BESIDE

PORTS_BY_DEFAULT: Final = 28_232
_PAGE_BYTES: Final = 4096
_SYSCTL: Final = Path("/proc/sys")


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """One limit: what it must be at least, what it is here (None: not known here), how it is set, and why."""

    name: str
    needed: int
    present: int | None
    setting: str
    why: str

    @property
    def is_met(self) -> bool:
        """Also when nothing is known."""
        return self.present is None or self.present >= self.needed


def limits_for(
    connections_per_process: int,
    processes_per_host: int,
    connections_per_host: int,
    kernel_memory_bytes: float,
) -> list[Limit]:
    """`kernel_memory_bytes` is of all sockets of a host."""
    descriptors = connections_per_process + DESCRIPTORS_BESIDE
    per_host = connections_per_host + DESCRIPTORS_BESIDE * processes_per_host
    return [
        Limit(
            name="open files of a process",
            needed=descriptors,
            present=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
            setting=f"ulimit -n {descriptors}, or LimitNOFILE={descriptors} in the unit",
            why="one descriptor for each connection; relay serve raises its own limit up to this",
        ),
        _sysctl("fs.nr_open", descriptors, "no process may be allowed more files than this"),
        _sysctl("fs.file-max", math.ceil(per_host * 1.1), "open files of the whole host"),
        _sysctl(
            "net.ipv4.tcp_mem",
            math.ceil(kernel_memory_bytes / _PAGE_BYTES * 1.5),
            "pages of memory for all TCP sockets (its third number)",
            field=2,
        ),
        _sysctl(
            "net.netfilter.nf_conntrack_max",
            per_host * 2,
            "where a firewall tracks connections, it drops what is more than this",
        ),
        _sysctl("net.core.somaxconn", 4096, "connections that wait to be accepted in a rush"),
    ]


def proxy_addresses(connections_per_host: int) -> int:
    """How many addresses a proxy needs to reach one host and port: each has so many ports by default (ip_local_port_range)."""
    return math.ceil(connections_per_host / PORTS_BY_DEFAULT)


def _sysctl(name: str, needed: int, why: str, field: int = 0) -> Limit:
    shown = f"{name}=… … {needed}" if field else f"{name}={needed}"
    return Limit(
        name=name, needed=needed, present=_read(name, field), setting=f"sysctl -w {shown}", why=why
    )


def _read(name: str, field: int) -> int | None:
    try:
        return int((_SYSCTL / name.replace(".", "/")).read_text().split()[field])
    except (OSError, ValueError, IndexError):
        return None
