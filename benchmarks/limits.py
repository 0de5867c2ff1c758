"""`python -m benchmarks.limits`: what the token buckets cost a message, when they are on and never refuse one.

A round starts one server with the buckets and one without, on the same core, and loads them in turn, slice by slice: what
slows the machine for a while, and how a process happens to lie in memory, is the same for both or differs by round.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks.contenders import relay
from benchmarks.figures import Figures, median_ratio, medians, trouble_in
from benchmarks.measure import FILES_BESIDE_CONNECTIONS, connected, measure_run
from benchmarks.process import ServerProcess, pinned_to_load_core
from benchmarks.rows import Row
from benchmarks.study import Finding, Goal, Study, main
from relay._load import Generator
from relay.bench.usage import raise_file_limit

# Far above any load, so that every message pays for its tokens and none is dropped.
ON = {
    "--message-rate": "100000000",
    "--message-burst": "100000000",
    "--byte-rate": "100GiB",
    "--byte-burst": "100GiB",
}
OFF = {"--message-rate": "0", "--byte-rate": "0"}
GOAL = 1.03
SLICES = 4
WARM_UP_SECONDS = 0.3

# Few members and many messages: there the work per message is most of all there is.
ROWS = (
    Row("1 x 2, 512 in flight", 1, 2, 512, goal=GOAL),
    Row("1 x 100, 512 in flight", 1, 100, 512, goal=GOAL),
)


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    raise_file_limit(2 * max(row.connections for row in ROWS) + FILES_BESIDE_CONNECTIONS)
    for row in ROWS:
        pairs = [measure_round(row, seconds / SLICES) for _ in range(rounds)]
        yield finding(row, pairs)


def measure_round(row: Row, slice_seconds: float) -> tuple[Figures, Figures]:
    """The medians of the slices with the buckets, and of those without."""
    with pinned_to_load_core(), ExitStack() as stack:
        servers = [stack.enter_context(ServerProcess(relay(flags).command)) for flags in (ON, OFF)]
        generators = [connected(row, server) for server in servers]
        sides = list(zip(generators, servers, strict=True))
        for generator in generators:
            generator.run(WARM_UP_SECONDS)
        on, off = measure_slices(sides, slice_seconds)
        for generator in generators:
            generator.close(0)
    return medians(on), medians(off)


def measure_slices(
    sides: list[tuple[Generator, ServerProcess]], slice_seconds: float
) -> list[list[Figures]]:
    found: list[list[Figures]] = [[] for _ in sides]
    for _ in range(SLICES):
        for kept, (generator, server) in zip(found, sides, strict=True):
            kept.append(measure_run(generator, server, slice_seconds))
    return found


def finding(row: Row, pairs: list[tuple[Figures, Figures]]) -> Finding:
    on, off = (medians(side) for side in zip(*pairs, strict=True))
    receivers = row.members - 1
    ratios = [(with_buckets.server_us, without.server_us) for with_buckets, without in pairs]
    return Finding(
        row.name,
        {
            "deliveries/s": on.units_per_second,
            "messages/s": on.units_per_second / receivers,
            "on: us/message": on.server_us * receivers,
            "off: us/message": off.server_us * receivers,
            "p99 ms on": on.p99_ms,
            "p99 ms off": off.p99_ms,
            "least ratio": min(a / b for a, b in ratios),
            "ratio": median_ratio(ratios),
        },
        (Goal("ratio", most=row.goal),),
        invalid=trouble_in((on, off)),
        wrong=bool(on.wrong or off.wrong),
    )


STUDY = Study(
    "benchmarks.limits",
    "What do the token buckets cost a message? Server's processor time, buckets on against off.",
    measure,
    rounds=7,
    seconds=1.0,
)

if __name__ == "__main__":
    main(STUDY)
