"""`python -m benchmarks.capacity`: how near `relay plan` comes, on workloads that its calibration did not use.

One calibration of as many passes as there are rounds; after each of its passes every workload is run once, so that both sides
meet the same minutes of a machine that changes by the minute. Of the processor time the geometric mean of the runs counts, as it
does in the calibration, of all else the median. Verdicts are on the processor time and the memory of the process; what the
connections add to it, and the latency, are shown. A calibration that has doubts about itself is not judged, as plans with such
prices are not to be relied on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import geometric_mean, median

from benchmarks.study import Finding, Goal, Study, main
from relay.plan.calibrate import calibrate
from relay.plan.prices import Calibration
from relay.plan.show_measured import doubts
from relay.plan.verify import Measured, compare, run_load
from relay.plan.workload import Workload

PROCESSOR = Goal("CPU ratio", least=0.85, most=1.15)
MEMORY = Goal("memory ratio", least=0.9, most=1.1)
WARM_UP_SECONDS = 0.5

WORKLOADS = {
    "a chat: 2000 in rooms of 20": Workload(connections=2000, channel_size=20, messages=0.2, payload_bytes=200),
    "the same, louder": Workload(connections=2000, channel_size=20, messages=1.0, payload_bytes=200),
    "pairs that talk": Workload(connections=2000, channel_size=2, messages=1.0, payload_bytes=120),
    "cursors: 40 in each of 10": Workload(connections=400, channel_size=40, messages=5.0, payload_bytes=80),
    "a hall of 1000": Workload(connections=1000, channel_size=1000, messages=0.05, payload_bytes=300),
    "sensors: large payloads": Workload(connections=500, channel_size=10, messages=0.5, payload_bytes=8192),
    "many, mostly silent": Workload(connections=8000, channel_size=10, messages=0.05, payload_bytes=200),
    "coming and going": Workload(
        connections=1000, channel_size=10, messages=0.2, payload_bytes=200, joins=50.0
    ),
    "games: 8 each, 20 a second": Workload(connections=400, channel_size=8, messages=20.0, payload_bytes=70),
}  # fmt: skip


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    runs: dict[str, list[Measured]] = {name: [] for name in WORKLOADS}

    def run_all() -> None:
        for name, workload in WORKLOADS.items():
            runs[name].append(run_load(workload, seconds, WARM_UP_SECONDS))

    calibration = calibrate(lambda _: None, rounds, run_all)
    for name, measured in runs.items():
        yield finding(name, calibration, measured)


def finding(name: str, calibration: Calibration, runs: Sequence[Measured]) -> Finding:
    """One workload. Runs that do not count are left out, unless none does."""
    compared = [compare(calibration, run) for run in runs]
    counting = [each for each in compared if each.is_valid] or compared
    figures = [{each.name: each for each in one.figures} for one in counting]

    def middle(of: str, what: str) -> float:
        return median(known(getattr(one[of], what)) for one in figures)

    predicted = middle("processor", "predicted")
    busy = [known(one["processor"].measured) for one in figures]
    measured = geometric_mean(busy)
    return Finding(
        name,
        {
            "CPU % predicted": predicted * 100,
            "CPU % measured": measured * 100,
            "at least": min(busy) * 100,
            "at most": max(busy) * 100,
            "runs": len(counting),
            "sends ratio": middle("sends", "ratio"),
            "p99 ms predicted": middle("p99", "predicted"),
            "p99 ms measured": middle("p99", "measured"),
            "of connections ratio": middle("of connections", "ratio"),
            "memory ratio": middle("memory", "ratio"),
            "CPU ratio": predicted / measured,
        },
        (PROCESSOR, MEMORY),
        invalid=next(
            (f"invalid: {text}" for text in (counting[0].trouble, *doubts(calibration)) if text), ""
        ),
    )


def known(figure: float | None) -> float:
    """What could not be measured is no number, and meets no goal."""
    return float("nan") if figure is None else figure


STUDY = Study(
    "benchmarks.capacity",
    "How near does relay plan come? Predicted by measured, for workloads that its calibration did not use.",
    measure,
    rounds=9,
    seconds=0.6,
)

if __name__ == "__main__":
    main(STUDY)
