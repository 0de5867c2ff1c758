"""What a figure was measured on; without it no figure means anything."""

import os
import platform
from pathlib import Path

from relay.bench.words import counted


def processor() -> str:
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gib() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def congestion_control() -> str:
    return Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()


def hardware() -> str:
    """In a few words."""
    return f"{processor()}, {counted(os.cpu_count() or 1, 'core')}, {memory_gib():.0f} GiB"


def system() -> str:
    """The system and what it does about congestion."""
    return f"{platform.system()} {platform.release()}, TCP {congestion_control()}"
