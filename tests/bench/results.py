"""Results made by hand: a valid one, and changes to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from relay._load import CloseReport, ConnectReport, Interval, Latency, RunReport, StalledReport
from relay.bench.drive import Result
from relay.bench.measured import MeasuredOpening, MeasuredRun
from relay.bench.plan import Plan
from relay.bench.target import Target
from relay.bench.usage import Usage

TARGET = Target("127.0.0.1:8787", "127.0.0.1", 8787, "/c/bench-{channel}", "itty", is_remote=False)
LATENCY = Latency(1000, 0.001, 0.002, 0.004, 0.008, 0.01)
NEVER_LATE = Latency(100, 0.00001, 0.00002, 0.00003, 0.00004, 0.00005)
NOTHING = Latency(0, 0.0, 0.0, 0.0, 0.0, 0.0)
CONNECTED = ConnectReport(500, 0.1, 0.05, 5000.0, Latency(500, 0.001, 0.002, 0.003, 0.004, 0.005))
REPORT = RunReport(
    **dict.fromkeys(RunReport._fields, 0)
    | {
        "offered": 100,
        "sent": 100,
        "expected": 1000,
        "delivered": 1000,
        "close_codes": {},
        "faults": {},
        "refusals": {},
        "members_left": 500,
        "seconds": 5.0,
        "sending_seconds": 5.0,
        "cpu_seconds": 1.0,
        "latency": LATENCY,
        "lateness": NEVER_LATE,
        "returning": NOTHING,
        "distribution": ((0.001, 500), (0.002, 400), (0.004, 90), (0.008, 9), (0.01, 1)),
        "receivers": (NOTHING, LATENCY, LATENCY._replace(p99=0.005), LATENCY),
        "intervals": tuple(
            Interval(second, 1.0, 20, 200, 0.001, 0.004, 0.01)
            for second in (1.0, 2.0, 3.0, 4.0, 5.0)
        ),
    }
)
RUN = MeasuredRun(REPORT, own=Usage(1.0, 0.0), server=Usage(2.0, 0.0))
RESULT = Result(
    Plan(TARGET, pid=77),
    datetime(2026, 11, 21, tzinfo=UTC),
    MeasuredOpening(CONNECTED, Usage(0.05, 0.0), Usage(0.02, 0.0), held_bytes=500_000),
    RUN,
    CloseReport({1000: 500}, StalledReport(0, {}, 0), {}),
    message_bytes=64,
)


def result_with(
    *,
    own: Usage = RUN.own,
    server: Usage | None = RUN.server,
    plan: Plan = RESULT.plan,
    **report: Any,
) -> Result:
    """The valid one with other figures in the report of its run."""
    return replace(RESULT, plan=plan, run=MeasuredRun(REPORT._replace(**report), own, server))
