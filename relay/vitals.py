"""What this process uses of its machine: processor time, memory, descriptors. Nothing here walks a list of them."""

import os
import resource
from pathlib import Path
from typing import Final

_PAGE_BYTES: Final = resource.getpagesize()
_STATM: Final = Path("/proc/self/statm")
_DESCRIPTORS: Final = "/proc/self/fd"


def cpu_seconds() -> float:
    """Processor time of this process since it started, its own and the kernel's."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_bytes() -> int:
    """Memory that this process has at present."""
    return int(_STATM.read_text().split()[1]) * _PAGE_BYTES


def open_files(known: int) -> int:
    """How many descriptors are open; `known` where the kernel does not tell.

    Linux has told it as the size of the directory since 6.2. To list the directory instead would take a tenth of a second
    with a hundred thousand connections, of which nobody would get a message meanwhile.
    """
    return os.stat(_DESCRIPTORS).st_size or known
