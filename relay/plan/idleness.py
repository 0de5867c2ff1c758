"""What work costs more after a pause, as shares of a price: the process slept, and others have used the processor's caches since.

Every share grows from 0 to 1 with the length of the pause. Where caches are concerned it does so by the logarithm, because they
are lost level by level. The lengths are those that fit measurements on virtual machines; docs/capacity.md tells of their limits.
"""

import math
from typing import Final, NamedTuple

ASLEEP_SECONDS: Final = (100e-6, 300e-6)
ROUSED_SECONDS: Final = (1e-3, 20e-3)
CHILLED_SECONDS: Final = (100e-6, 10e-3)
CHILLED_SENDS: Final = 20
STALE_SECONDS: Final = (3e-3, 20e-3)
LAPSED_SECONDS: Final = (20e-3, 100e-3)
STALE_SENDS: Final = 1000


class Cooled(NamedTuple):
    """Of some sends after a pause, how many are to be paid `chill`, `stale`, `lapse`; and `cold`: what a pause has made cold is
    not made so by the number of connections as well."""

    chill: float
    stale: float
    lapse: float
    cold: float


class Pause:
    """One that took so many seconds, and what it makes dearer."""

    def __init__(self, seconds: float) -> None:
        self.asleep = asleep(seconds)
        self.roused = roused(seconds)
        self._chilled = chilled(seconds)
        self._stale = stale(seconds)
        self._lapsed = lapsed(seconds)

    def cools(self, before: float, sends: float) -> Cooled:
        """So many sends, when `before` of them have been made since the pause."""
        first = min(max(CHILLED_SENDS - before, 0.0), sends)
        early = min(max(STALE_SENDS - before, 0.0), sends)
        chill, stale = first * self._chilled, early * self._stale
        cooled = chill + (early - first) * self._stale
        return Cooled(chill, stale, early * self._lapsed, sends - cooled)


def asleep(seconds: float) -> float:
    """How surely the process gave its core away, and others had it: from 0.1 milliseconds of idleness, and up to 0.3."""
    return _share(seconds, *ASLEEP_SECONDS)


def roused(seconds: float) -> float:
    """How far the wake-up itself has become dearer than that: 1 to 20."""
    return _share(seconds, *ROUSED_SECONDS)


def chilled(seconds: float) -> float:
    """The same of each of the first twenty sends, which meet the code and the data that all have in common: 0.1 to 10."""
    return _share(seconds, *CHILLED_SECONDS)


def stale(seconds: float) -> float:
    """The same of each of the first thousand sends, for what is a socket's own: 3 to 20."""
    return _share(seconds, *STALE_SECONDS)


def lapsed(seconds: float) -> float:
    """And what comes to that from 20 to 100. How much is lost when depends on what others on the host do, so the two have prices
    of their own."""
    return _share(seconds, *LAPSED_SECONDS)


def _share(seconds: float, begins: float, ends: float) -> float:
    if seconds <= begins:
        return 0.0
    return min(math.log(seconds / begins) / math.log(ends / begins), 1.0)
