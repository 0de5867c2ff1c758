"""`python -m benchmarks.pauses`: what the same work takes after a pause, beside what it takes without.

A loop that does nothing but count, on a core of its own: what it takes more is the core's, which had slowed down or was given to
others, and not that of any cache. It is why a server that has little to do uses more time for each message than a busy one, and
why `relay plan` has prices for what comes after pauses.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import fmean, median

from benchmarks.process import pinned_to_load_core
from benchmarks.study import Finding, Study, main

PAUSES_MS = (0.1, 0.3, 1, 3, 10, 30, 100)
WORKS_MS = (0.05, 0.2, 1, 5)
COUNTED = range(600)
LEAST_TIMES = 8
WARM_UP_SECONDS = 0.3
REFERENCE_TIMES = 2000


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    with pinned_to_load_core():
        for pause in PAUSES_MS:
            found = [_row(pause, seconds) for _ in range(rounds)]
            figures = {f"{work:g} ms": median(each[work] for each in found) for work in WORKS_MS}
            yield Finding(f"after {pause:g} ms", figures)


def _row(pause_ms: float, seconds: float) -> dict[float, float]:
    """By how much each work takes longer than without pauses."""
    unit = _unit_seconds()
    return {work: _cost(pause_ms / 1e3, work / 1e3, unit, seconds) for work in WORKS_MS}


def _unit_seconds() -> float:
    """What one call takes when the core has been busy for a while."""
    end = time.monotonic() + WARM_UP_SECONDS
    while time.monotonic() < end:
        _work(1)
    return _work(REFERENCE_TIMES) / REFERENCE_TIMES


def _cost(pause: float, work: float, unit: float, seconds: float) -> float:
    calls = max(round(work / unit), 1)
    times = max(round(seconds / (pause + work)), LEAST_TIMES)
    costs = []
    for _ in range(times):
        time.sleep(pause)
        costs.append(_work(calls))
    return fmean(costs[times // 4 :]) / (calls * unit)


def _work(calls: int) -> float:
    """Processor time of so many calls, in seconds."""
    before = time.thread_time()
    for _ in range(calls):
        sum(COUNTED)
    return time.thread_time() - before


STUDY = Study(
    "benchmarks.pauses",
    "By how much does the same work take longer after a pause? Columns are the work, without pauses before it.",
    measure,
    rounds=3,
    seconds=0.2,
)

if __name__ == "__main__":
    main(STUDY)
