"""How much is left of what a process can run out of, and which of it ends first. Pure: no I/O and no clock.

The share left of a resource is 1 less the share in use: 1 is all, 0 is none. A load that grows f-fold takes at most f times as
much of each, so it may grow at least 1 / (share in use)-fold: that is a lower bound, for what a process holds without a load
does not grow, and deliveries become cheaper in larger batches. docs/capacity.md tells what it leaves out.
"""

from collections import deque
from typing import Final, NamedTuple

WINDOW_SECONDS: Final = 10.0
SAMPLE_SECONDS: Final = 1.0
LEAST_SECONDS: Final = 0.5
"""Over less time than this a share of a core is chance."""


class Mark(NamedTuple):
    """Seconds at one moment: by a steady clock, spent in turns, and of processor time."""

    at: float
    busy: float
    cpu: float


class Load(NamedTuple):
    """Shares of one core over some time. The processor time has in it what Python does between turns; turns have in them what
    they waited for a core that others used."""

    busy: float
    cpu: float

    @property
    def used(self) -> float:
        """The larger: whichever reaches 1 is the end."""
        return max(self.busy, self.cpu)


class LoadWindow:
    """Remembers a mark a second, for the last ten."""

    def __init__(self) -> None:
        self._marks: deque[Mark] = deque(maxlen=round(WINDOW_SECONDS / SAMPLE_SECONDS) + 1)

    def note(self, mark: Mark) -> None:
        self._marks.append(mark)

    def load_until(self, now: Mark) -> Load | None:
        """Over the window that ends now; None when too little time of it has been seen."""
        first = self._marks[0] if self._marks else now
        seconds = now.at - first.at
        if seconds < LEAST_SECONDS:
            return None
        return Load((now.busy - first.busy) / seconds, (now.cpu - first.cpu) / seconds)


class Use(NamedTuple):
    """How much of a resource is used and how much there is; None is not known."""

    used: float | None
    limit: float | None


def shares_left(uses: dict[str, Use]) -> dict[str, float]:
    """Of each resource, from 0 to 1; those of which nothing is known are left out."""
    return {
        name: min(max(1.0 - use.used / use.limit, 0.0), 1.0)
        for name, use in uses.items()
        if use.used is not None and use.limit
    }


def resources(
    load: Load | None,
    connections: tuple[int, int],
    open_files: tuple[int, int],
    resident_bytes: int,
    available_bytes: int | None,
) -> dict[str, Use]:
    """What one process can run out of, by the names that `relay plan` has for them. Pairs are what is used, and the limit;
    the limit of memory is what the process has and what it may still get."""
    memory = None if available_bytes is None else resident_bytes + available_bytes
    return {
        "processor": Use(None if load is None else load.used, 1.0),
        "memory": Use(resident_bytes, memory),
        "connections": Use(*connections),
        "open_files": Use(*open_files),
    }
