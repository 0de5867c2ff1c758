"""`python -m benchmarks.loud_channel`: how long a message of a quiet channel takes beside a channel at full rate.

The quiet channel has two members and one message in flight, and its generator is a process apart, so that its messages wait for
the server and not for the other generator's loop. Both share the load core; the loud one yields it whenever the quiet one has
something to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from typing import Self

from benchmarks.contenders import relay
from benchmarks.figures import Figures, medians
from benchmarks.measure import FILES_BESIDE_CONNECTIONS, connected, measure_run, wrong_in
from benchmarks.process import ServerProcess, pinned_to_load_core
from benchmarks.rows import Row
from benchmarks.study import Finding, Goal, Study, main
from relay._load import Generator, RunReport
from relay.bench.usage import raise_file_limit

LOUD = Row("1 x 10000, 8 in flight", 1, 10_000, 8, goal=1.05)
QUIET_PATH = "/c/quiet"
P99_GOAL_MS = 20.0
LOWEST_PRIORITY = 19
WARM_UP_SECONDS = 0.3
LEAD_SECONDS = 0.5  # the loud channel begins before the quiet one is measured, and ends after it
ALONE_P99_MAX_MS = 5.0  # when it takes longer without the loud one, the machine is what is measured


@dataclass(frozen=True)
class Quiet:
    """What the quiet channel met."""

    samples: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    wrong: int

    @classmethod
    def of(cls, report: RunReport) -> Self:
        latency = report.latency
        return cls(
            latency.samples,
            latency.p50 * 1e3,
            latency.p99 * 1e3,
            latency.longest * 1e3,
            wrong_in(report),
        )


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    raise_file_limit(LOUD.connections + FILES_BESIDE_CONNECTIONS)
    measured = [measure_round(seconds) for _ in range(rounds)]
    alone, beside, loud = zip(*measured, strict=True)
    usual = median(each.p99_ms for each in alone)
    invalid = "disturbed: the quiet channel alone was slow" if usual > ALONE_P99_MAX_MS else ""
    yield finding("quiet, alone", alone, None, invalid)
    yield finding(f"beside {LOUD.name}", beside, medians(loud), invalid)


def measure_round(seconds: float) -> tuple[Quiet, Quiet, Figures]:
    """The quiet channel alone and beside the loud one, whose members are connected all the time; and the loud channel."""
    with ExitStack() as stack:
        stack.enter_context(pinned_to_load_core())
        server = stack.enter_context(ServerProcess(relay().command))
        apart = stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
        thread = stack.enter_context(ThreadPoolExecutor(1, initializer=yield_to_others))
        loud = connected(LOUD, server)
        alone = apart.submit(run_quiet, server.port, seconds).result()
        beside, figures = run_both(apart, thread, loud, server, seconds)
        loud.close(0)
    return alone, beside, figures


def yield_to_others() -> None:
    """Linux has a priority for each thread; this one's is lowered for good."""
    os.setpriority(os.PRIO_PROCESS, 0, LOWEST_PRIORITY)


def run_both(
    apart: Executor, thread: Executor, loud: Generator, server: ServerProcess, seconds: float
) -> tuple[Quiet, Figures]:
    thread.submit(loud.run, WARM_UP_SECONDS).result()
    loud_seconds = seconds + WARM_UP_SECONDS + 2 * LEAD_SECONDS
    loud_run = thread.submit(measure_run, loud, server, loud_seconds)
    quiet = apart.submit(run_quiet, server.port, seconds, LEAD_SECONDS).result()
    if loud_run.done():
        raise RuntimeError("the loud channel was quiet before the quiet one was measured")
    return quiet, loud_run.result()


def run_quiet(port: int, seconds: float, lead_seconds: float = 0.0) -> Quiet:
    """In the process apart: two members, one message in flight."""
    generator = Generator(port, path=QUIET_PATH, members=2, in_flight=1)
    generator.connect()
    if lead_seconds:
        generator.hold(lead_seconds)
    generator.run(WARM_UP_SECONDS)
    report = generator.run(seconds)
    generator.close(0)
    return Quiet.of(report)


def finding(name: str, quiet: tuple[Quiet, ...], loud: Figures | None, invalid: str) -> Finding:
    """Medians of the rounds, and of the longest times the longest."""
    return Finding(
        name,
        {
            "messages": median(each.samples for each in quiet),
            "p50 ms": median(each.p50_ms for each in quiet),
            "p99 ms": median(each.p99_ms for each in quiet),
            "max ms": max(each.max_ms for each in quiet),
            "loud deliveries/s": loud.units_per_second if loud else 0.0,
            "loud p99 ms": loud.p99_ms if loud else 0.0,
            "server core": loud.server_utilisation if loud else 0.0,
            "load core": loud.generator_utilisation if loud else 0.0,
        },
        (Goal("p99 ms", most=P99_GOAL_MS),),
        invalid=invalid,
        wrong=any(each.wrong for each in quiet) or bool(loud and loud.wrong),
    )


STUDY = Study(
    "benchmarks.loud_channel",
    "How long does a message of a quiet channel take beside a channel at full rate?",
    measure,
    rounds=3,
    seconds=2.0,
)

if __name__ == "__main__":
    main(STUDY)
