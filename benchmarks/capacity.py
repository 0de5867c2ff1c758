"""`python -m benchmarks.capacity`: how near `relay plan` comes, on workloads that its calibration did not use.

In each round the machine is calibrated first; then each workload is predicted, run, and compared. Figures are medians of the
rounds, but for processor time, predicted and measured, which is the least of them: a shared machine changes by the minute, and
what others do there only adds, to the prices as to the loads. Verdicts are on the processor time and the memory of the process;
what the connections add to it, and the latency, are shown. Rounds whose calibration has doubts about itself are not judged, as
plans with such prices are not to be relied on.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.study import Finding, Goal, Study, main
from relay.plan.calibrate import calibrate
from relay.plan.show_measured import doubts
from relay.plan.verify import Verification, verify
from relay.plan.workload import Workload

PROCESSOR = Goal("CPU ratio", least=0.85, most=1.15)
MEMORY = Goal("memory ratio", least=0.9, most=1.1)

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
    found: dict[str, list[Verification]] = {name: [] for name in WORKLOADS}
    doubted = ""
    for _ in range(rounds):
        calibration = calibrate(lambda _: None)
        doubted = doubted or next(doubts(calibration), "")
        for name, workload in WORKLOADS.items():
            found[name].append(verify(calibration, workload, seconds))
    for name, verifications in found.items():
        yield finding(name, verifications, doubted)


def finding(name: str, found: list[Verification], doubted: str = "") -> Finding:
    """Processor time is the least of the rounds on both sides: other guests of a host only add to it. `doubted` is what a
    calibration says against itself."""
    figures = [{each.name: each for each in one.figures} for one in found]

    def middle(of: str, what: str) -> float:
        return median(known(getattr(one[of], what)) for one in figures)

    predicted = [known(one["processor"].predicted) for one in figures]
    measured = [known(one["processor"].measured) for one in figures]
    return Finding(
        name,
        {
            "CPU % predicted": min(predicted) * 100,
            "predicted at most": max(predicted) * 100,
            "CPU % measured": min(measured) * 100,
            "measured at most": max(measured) * 100,
            "sends ratio": middle("sends", "ratio"),
            "p99 ms predicted": middle("p99", "predicted"),
            "p99 ms measured": middle("p99", "measured"),
            "of connections ratio": middle("of connections", "ratio"),
            "memory ratio": middle("memory", "ratio"),
            "CPU ratio": min(predicted) / min(measured),
        },
        (PROCESSOR, MEMORY),
        invalid=next(
            (f"invalid: {text}" for text in (*(each.trouble for each in found), doubted) if text),
            "",
        ),
    )


def known(figure: float | None) -> float:
    """What could not be measured is no number, and meets no goal."""
    return float("nan") if figure is None else figure


STUDY = Study(
    "benchmarks.capacity",
    "How near does relay plan come? Predicted by measured, for workloads that its calibration did not use.",
    measure,
    rounds=3,
    seconds=4.0,
)

if __name__ == "__main__":
    main(STUDY)
