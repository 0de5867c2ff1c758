"""`python -m benchmarks.idle_memory`: what idle connections hold, from a thousand to a hundred thousand, and what they cost.

They stand in channels of a hundred and say nothing; the relay pings them as it always does. As many are opened as the hard limit
of open files allows, to this process and to the relay's; the line says so when that is fewer.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.contenders import relay
from benchmarks.measure import FILES_BESIDE_CONNECTIONS
from benchmarks.process import ServerProcess, pinned_to_load_core
from benchmarks.study import Finding, Goal, Study, main
from relay._load import Generator
from relay.bench.measured import measure_opening
from relay.bench.usage import file_room, kernel_cache_bytes, raise_file_limit
from relay.plan.kernel_limits import DESCRIPTORS_BESIDE

COUNTS = (1_000, 10_000, 100_000)
MEMBERS = 100
WARM_UP = 500
STEP = 1_000
SOURCES = tuple(f"127.0.0.{last}" for last in range(1, 6))
"""A local address has some 28 000 ports."""

OPENING_SECONDS = 120.0
BYTES_GOAL = 350.0


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    room = file_room() - DESCRIPTORS_BESIDE - WARM_UP
    for wanted in COUNTS:
        count = min(wanted, room // STEP * STEP)
        raise_file_limit(count + WARM_UP + FILES_BESIDE_CONNECTIONS)
        name = f"{count:,}" if count == wanted else f"{count:,} of {wanted:,}, open files"
        yield finding(name, [measure_round(count, seconds) for _ in range(rounds)])


def measure_round(count: int, seconds: float) -> dict[str, float]:
    """One relay, with so many connections; after they were opened it is left alone for `seconds`."""
    with pinned_to_load_core(), ServerProcess(relay().command) as server:
        warm_up = Generator(
            server.port, path="/c/warm-{channel}", channels=WARM_UP // MEMBERS, members=MEMBERS
        )
        warm_up.connect()
        warm_up.hold(seconds)
        crowd = Generator(server.port, channels=count // MEMBERS, members=MEMBERS, sources=SOURCES)
        kernel = kernel_cache_bytes()
        opening = measure_opening(crowd, server, timeout_seconds=OPENING_SECONDS)
        kernel = kernel_cache_bytes() - kernel
        before = server.usage()
        crowd.hold(seconds)
        used = server.usage() - before
        found = {
            "lost": count - crowd.open_connections,
            "opened/s": opening.report.per_second,
            "B/conn": (opening.held_bytes or 0) / count,
            "kernel B/conn": kernel / 2 / count,  # both ends of each are here
            "CPU %": used.ran / seconds * 100,
        }
        for each in (crowd, warm_up):
            each.close(0)
    return found


def finding(name: str, rounds: list[dict[str, float]]) -> Finding:
    figures = {key: median(each[key] for each in rounds) for key in rounds[0]}
    lost = sum(each["lost"] for each in rounds)
    return Finding(name, figures, (Goal("B/conn", most=BYTES_GOAL),), wrong=lost > 0)


STUDY = Study(
    "benchmarks.idle_memory",
    "What do idle connections hold in the relay and in the kernel, and what do they cost?",
    measure,
    rounds=1,
    seconds=2.0,
)

if __name__ == "__main__":
    main(STUDY)
