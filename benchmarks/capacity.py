"""`python -m benchmarks.capacity`: how near `relay plan` comes, on workloads that its calibration did not use.

The machine is calibrated first; then each workload is predicted, run, and compared. Verdicts are on the processor time and the
memory of the process; latency is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.study import Finding, Goal, Study, main
from relay.plan.calibrate import calibrate
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
    calibration = calibrate(lambda _: None)
    for name, workload in WORKLOADS.items():
        yield finding(name, [verify(calibration, workload, seconds) for _ in range(rounds)])


def finding(name: str, found: list[Verification]) -> Finding:
    predicted = {each.name: each.predicted for each in found[0].figures}
    measured = {
        each.name: median(
            figure.measured for one in found for figure in one.figures if figure.name == each.name
        )
        for each in found[0].figures
    }
    return Finding(
        name,
        {
            "CPU % predicted": predicted["processor"] * 100,
            "CPU % measured": measured["processor"] * 100,
            "sends ratio": predicted["sends"] / measured["sends"],
            "p99 ms predicted": predicted["p99"],
            "p99 ms measured": measured["p99"],
            "memory ratio": predicted["memory"] / measured["memory"] if measured["memory"] else 0.0,
            "CPU ratio": predicted["processor"] / measured["processor"],
        },
        (PROCESSOR, MEMORY),
        invalid=""
        if all(each.is_valid for each in found)
        else "invalid: losses, or a busy generator",
    )


STUDY = Study(
    "benchmarks.capacity",
    "How near does relay plan come? Predicted by measured, for workloads that its calibration did not use.",
    measure,
    rounds=3,
    seconds=4.0,
)

if __name__ == "__main__":
    main(STUDY)
