"""What else ran on the cores while something was measured on them: other programs, and other guests of the host."""

import resource
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final, NamedTuple, Self

_STAT: Final = Path("/proc/stat")
_TICKS_A_SECOND: Final = 100
"""USER_HZ, in which /proc/stat counts on every architecture that we know of."""
_IDLE_FIELDS: Final = (3, 4)  # idle, iowait
_FIELDS: Final = (
    8  # up to steal; what guests of this machine use is counted in the first two already
)


class _Moment(NamedTuple):
    at: float
    busy: float
    own: float


class Disturbance:
    """While its context is entered: `share` is that of the time of these cores that neither this process nor the children it has
    waited for have used, though somebody did. 0 where the system does not tell."""

    def __init__(self, cores: Collection[int]) -> None:
        self._names = {f"cpu{core}" for core in cores}
        self.share = 0.0

    def __enter__(self) -> Self:
        self._begin = self._now()
        return self

    def __exit__(self, *exc_info: object) -> None:
        now = self._now()
        seconds = (now.at - self._begin.at) * len(self._names)
        others = (now.busy - self._begin.busy) - (now.own - self._begin.own)
        self.share = min(max(others / seconds, 0.0), 1.0) if seconds else 0.0

    def _now(self) -> _Moment:
        own = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        used = sum(each.ru_utime + each.ru_stime for each in own)
        try:
            busy = busy_seconds(_STAT.read_text(), self._names)
        except OSError:
            busy = 0.0
        return _Moment(time.monotonic(), busy, used)


def busy_seconds(text: str, names: Collection[str]) -> float:
    """Of these cores, in the text of /proc/stat (proc(5)): all but idle time, stolen time among it."""
    ticks = 0
    for line in text.splitlines():
        name, *fields = line.split()
        if name in names:
            counted = enumerate(map(int, fields[:_FIELDS]))
            ticks += sum(value for i, value in counted if i not in _IDLE_FIELDS)
    return ticks / _TICKS_A_SECOND
