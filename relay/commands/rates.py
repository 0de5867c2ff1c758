"""What two answers of `/api/stats` say together: rates, and what happened in between. Pure: no I/O and no clock.

The dashboard does the same sums in `relay/pages/dashboard-rates.js`; one table of cases tests both.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Annotated, Final, TypeAlias

import msgspec

TURNS: Final = "turn_seconds"
MEMORY: Final = "memory"
RESIDENT: Final = "resident_bytes"

Numbers: TypeAlias = Mapping[str, float]

_SHOWN: Final = msgspec.Meta(ge=0, le=253_402_000_000_000)
Milliseconds: TypeAlias = Annotated[int, _SHOWN] | Annotated[float, _SHOWN]
"""Since the epoch, up to the year 9999: what a clock can show."""


class Histogram(msgspec.Struct, frozen=True):
    """How many values were up to each bound, not cumulative, and how many above the last."""

    bounds: list[float]
    counts: list[float]


class Worker(msgspec.Struct, frozen=True):
    """One process of the relay; its counters only grow."""

    worker: int
    pid: int
    counters: dict[str, float]
    gauges: dict[str, int | float]
    backlogs: list[int | float] = []
    headroom: dict[str, float] = {}
    histograms: dict[str, Histogram] = {}


class Snapshot(msgspec.Struct, frozen=True):
    """One answer; `date` and `started` are milliseconds since the epoch. Counts stay whole numbers, for `--json`."""

    version: str
    date: Milliseconds
    started: Milliseconds
    draining: bool
    limits: str
    workers: Annotated[list[Worker], msgspec.Meta(min_length=1)]


class Figures(msgspec.Struct, frozen=True):
    """What there is to tell of one worker, or of all; `rates` are a second, and None where nothing is known to compare with.

    `headroom` is the share left of each resource; of several workers that of the one which has least, and of the memory, which
    they share, what all have left together.
    """

    worker_count: int
    counters: Numbers
    gauges: Numbers
    backlogs: Sequence[float]
    headroom: Numbers
    rates: Numbers | None
    turns: Histogram | None


class Moment(msgspec.Struct, frozen=True):
    """All figures of one answer."""

    snapshot: Snapshot
    workers: dict[int, Figures]
    total: Figures


def read_snapshot(body: bytes) -> Snapshot:
    """Raises ValueError for what is no answer of a relay."""
    try:
        return msgspec.json.decode(body, type=Snapshot)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ValueError(f"expected the figures of a relay: {exc}") from None


def has_restarted(before: Snapshot, after: Snapshot) -> bool:
    """Whether another process answers now, or one that counts from the start again."""
    former = {worker.worker: worker for worker in before.workers}
    return before.started != after.started or any(
        worker.worker in former and _is_another(former[worker.worker], worker)
        for worker in after.workers
    )


def moment_of(before: Snapshot | None, after: Snapshot) -> Moment:
    """The figures of each worker and of all together."""
    seconds = (after.date - before.date) / 1000 if before else 0.0
    is_same_relay = before is not None and before.started == after.started and seconds > 0
    former = {worker.worker: worker for worker in before.workers} if before else {}
    workers = {
        worker.worker: _figures_of(
            former.get(worker.worker) if is_same_relay else None, worker, seconds
        )
        for worker in after.workers
    }
    return Moment(after, workers, _total_of(list(workers.values())))


def _is_another(before: Worker, after: Worker) -> bool:
    return before.pid != after.pid or any(
        after.counters.get(name, 0) < count for name, count in before.counters.items()
    )


def _figures_of(before: Worker | None, after: Worker, seconds: float) -> Figures:
    rates = turns = None
    if before is not None and not _is_another(before, after):
        rates = {
            name: (count - before.counters.get(name, 0)) / seconds
            for name, count in after.counters.items()
        }
        turns = _merge(before.histograms.get(TURNS), after.histograms.get(TURNS), _grown)
    left = _shares(after.headroom)
    return Figures(1, after.counters, after.gauges, after.backlogs, left, rates, turns)


def _shares(headroom: Numbers) -> dict[str, float]:
    """What is no share is left out, as on the dashboard."""
    return {name: share for name, share in headroom.items() if 0 <= share <= 1}


def _total_of(workers: list[Figures]) -> Figures:
    known = [figures.rates for figures in workers if figures.rates is not None]
    return Figures(
        worker_count=len(workers),
        counters=_add_up(figures.counters for figures in workers),
        gauges=_add_up(figures.gauges for figures in workers),
        backlogs=sorted((size for figures in workers for size in figures.backlogs), reverse=True),
        headroom=_left_to_all(workers),
        rates=_add_up(known) if len(known) == len(workers) else None,
        turns=reduce(
            lambda one, other: _merge(one, other, lambda a, b: a + b),
            (figures.turns for figures in workers),
        ),
    )


def _add_up(several: Iterable[Numbers]) -> dict[str, float]:
    sums: Counter[str] = Counter()
    for numbers in several:
        sums.update(numbers)
    return dict(sums)


def _left_to_all(workers: list[Figures]) -> dict[str, float]:
    left = _least(figures.headroom for figures in workers)
    known = [
        (figures.gauges[RESIDENT], figures.headroom[MEMORY])
        for figures in workers
        if MEMORY in figures.headroom and figures.gauges.get(RESIDENT, 0) > 0
    ]
    if len(known) > 1:
        left[MEMORY] = min(_memory_left(known), left[MEMORY])
    return left


def _memory_left(workers: list[tuple[float, float]]) -> float:
    """Of what they hold and the share that each of them has left: each counts what is available on their host as its own, and
    there is only one of it."""
    held = sum(resident for resident, _ in workers)
    available = min(
        (resident * left / (1 - left) for resident, left in workers if left < 1), default=math.inf
    )
    return available / (held + available) if available < math.inf else 1.0


def _least(several: Iterable[Numbers]) -> dict[str, float]:
    """Of each name the smallest number."""
    least: dict[str, float] = {}
    for numbers in several:
        for name, number in numbers.items():
            least[name] = min(number, least.get(name, number))
    return least


def _grown(before: float, after: float) -> float:
    return max(after - before, 0)


def _merge(
    one: Histogram | None, other: Histogram | None, join: Callable[[float, float], float]
) -> Histogram | None:
    """None when one of them is not there, or they are cut differently."""
    if one is None or other is None or one.bounds != other.bounds:
        return None
    if not len(one.counts) == len(other.counts) == len(one.bounds) + 1:
        return None
    return Histogram(
        one.bounds, [join(a, b) for a, b in zip(one.counts, other.counts, strict=True)]
    )


def quantile(histogram: Histogram | None, q: float) -> float | None:
    """Where the share `q` of what was counted lies, even within a bucket; None when nothing was counted.

    What is above the last bound is told as that bound, as Prometheus does.
    """
    total = sum(histogram.counts) if histogram else 0
    if histogram is None or not total:
        return None
    below = lower = 0.0
    for upper, count in zip(histogram.bounds, histogram.counts, strict=False):
        if count and below + count >= q * total:
            return lower + (upper - lower) * max(q * total - below, 0) / count
        below += count
        lower = upper
    return histogram.bounds[-1] if histogram.bounds else None
