"""`python -m benchmarks.ping_spread`: how evenly pings are spread, when all connections were opened at once.

Pings are counted as the clients get them, in slices much shorter than the 64 bins of an interval. The server's own steps may be
as long as a bin: then bins that begin at an odd moment get the pings of two steps, or of none, from a server that is even. So
the bins begin where they come out most even; no choice of beginning can hide a burst.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.contenders import relay
from benchmarks.measure import FILES_BESIDE_CONNECTIONS
from benchmarks.process import ServerProcess, pinned_to_load_core
from benchmarks.study import Finding, Goal, Study, main
from relay._load import Generator
from relay.bench.usage import raise_file_limit

CHANNELS, MEMBERS = 50, 100
BINS = 64
SLICES_PER_BIN = 8
GOAL = 1.25


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    """`seconds` is the ping interval; a round watches one, after one that the server begins with."""
    raise_file_limit(CHANNELS * MEMBERS + FILES_BESIDE_CONNECTIONS)
    for number in range(1, rounds + 1):
        yield measure_round(f"{CHANNELS * MEMBERS} idle, round {number}", seconds)


def measure_round(name: str, interval_seconds: float) -> Finding:
    command = relay({"--ping-interval": f"{interval_seconds:g}s"}).command
    with pinned_to_load_core(), ServerProcess(command) as server:
        generator = Generator(server.port, channels=CHANNELS, members=MEMBERS)
        opening = generator.connect()
        generator.hold(interval_seconds)
        before = server.usage()
        slices = pings_by_slice(generator, interval_seconds)
        used = server.usage() - before
        still_open = generator.open_connections
        generator.close(0)
    return finding(name, opening.seconds, slices, used.ran * 1e6 / max(sum(slices), 1), still_open)


def pings_by_slice(generator: Generator, seconds: float) -> list[int]:
    """How many pings came in each of the slices of so many seconds. A slice that ended late shortens those that follow."""
    slices = BINS * SLICES_PER_BIN
    began = time.monotonic()
    counts: list[int] = []
    for number in range(1, slices + 1):
        left = began + seconds * number / slices - time.monotonic()
        counts.append(generator.hold(max(left, 0.0)).pings)
    return counts


def most_even_bins(slices: list[int], per_bin: int) -> list[int]:
    """Sums of `per_bin` neighbours, round the circle, begun where the largest sum is least."""
    choices = (sums(slices[first:] + slices[:first], per_bin) for first in range(per_bin))
    return min(choices, key=max)


def sums(slices: list[int], per_bin: int) -> list[int]:
    return [sum(slices[at : at + per_bin]) for at in range(0, len(slices), per_bin)]


def finding(
    name: str, opening_seconds: float, slices: list[int], server_us: float, still_open: int
) -> Finding:
    bins = most_even_bins(slices, SLICES_PER_BIN)
    mean = sum(bins) / len(bins)
    return Finding(
        name,
        {
            "opened in s": opening_seconds,
            "pings": sum(bins),
            "mean bin": mean,
            "least bin": min(bins),
            "most bin": max(bins),
            "us/ping": server_us,
            "most / mean": max(bins) / mean if mean else float("inf"),
        },
        (Goal("most / mean", most=GOAL),),
        wrong=still_open != CHANNELS * MEMBERS,
    )


STUDY = Study(
    "benchmarks.ping_spread",
    f"How evenly are pings spread over {BINS} bins of an interval, when all connections were opened at once?",
    measure,
    rounds=1,
    seconds=5.0,
)

if __name__ == "__main__":
    main(STUDY)
