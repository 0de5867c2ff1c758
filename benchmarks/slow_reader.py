"""`python -m benchmarks.slow_reader`: what readers that have stopped reading do to the other members, and to memory.

The same members of one channel are measured in turn without and with so many more who joined, have a small socket buffer and
never read. Both parts of a pair run on one server over the same connections. Afterwards one of the stalled reads what there is,
to show that they were really too far behind: it must be told of a gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.client import Client
from benchmarks.contenders import relay
from benchmarks.figures import Figures, median_ratio, medians, trouble_in
from benchmarks.measure import FILES_BESIDE_CONNECTIONS, connected, measure_run
from benchmarks.process import ServerProcess, pinned_to_load_core
from benchmarks.rows import Row
from benchmarks.study import Finding, Goal, Study, main
from relay._load import Generator
from relay.bench.usage import raise_file_limit

# Payloads of this size bring a stalled reader over the backlog limit within a part of a second.
ROW = Row("1 x 1000, 4 in flight", 1, 1000, 4, goal=1.1, payload_bytes=4096)
PATH = "/c/bench-0"  # the generator's first channel
STALLED = (1, 100)
BACKLOG_LIMIT = 1 << 20
SMALL_BUFFER = 4096
LARGE_BUFFER = 1 << 22
MEMORY_GOAL = 1.5  # of the backlog limit: the index of the entries comes on top
WARM_UP_SECONDS = 0.5
SETTLE_SECONDS = 0.3
SILENCE_SECONDS = 0.5


@dataclass(frozen=True)
class Pair:
    """One round: the members without and with stalled readers, what memory that took, and whether they were too far behind."""

    without: Figures
    beside: Figures
    grown_bytes: int
    was_behind: bool


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    raise_file_limit(ROW.connections + max(STALLED) + FILES_BESIDE_CONNECTIONS)
    command = relay({"--backlog-limit": str(BACKLOG_LIMIT), "--slow-consumer": "drop"}).command
    for stalled in STALLED:
        with pinned_to_load_core(), ServerProcess(command) as server:
            generator = connected(ROW, server)
            generator.run(WARM_UP_SECONDS)
            pairs = [measure_pair(generator, server, stalled, seconds) for _ in range(rounds)]
            generator.close(0)
        yield finding(stalled, pairs)


def measure_pair(generator: Generator, server: ServerProcess, stalled: int, seconds: float) -> Pair:
    without = measure_run(generator, server, seconds)
    server.forget_peak()
    resident = server.resident_bytes()
    with ExitStack() as stack:
        readers = [
            stack.enter_context(Client(server.port, PATH, receive_buffer_bytes=SMALL_BUFFER))
            for _ in range(stalled)
        ]
        beside = measure_run(generator, server, seconds)
        grown = server.peak_resident_bytes() - resident
        was_behind = has_missed(readers[0])
    generator.hold(SETTLE_SECONDS)
    return Pair(without, beside, grown, was_behind)


def has_missed(reader: Client) -> bool:
    """Read what there is: was it told that messages are missing?"""
    reader.set_receive_buffer(LARGE_BUFFER)  # a window of 4 KiB would be acknowledged every 40 ms
    while frames := reader.read_some(SILENCE_SECONDS):
        if any(payload.startswith(b'{"type":"gap"') for _, payload in frames):
            return True
    return False


def finding(stalled: int, pairs: list[Pair]) -> Finding:
    without, beside = medians([p.without for p in pairs]), medians([p.beside for p in pairs])
    return Finding(
        f"{ROW.members} members, {stalled} stalled",
        {
            "deliveries/s": beside.units_per_second,
            "p50 ms": beside.p50_ms,
            "p99 ms": beside.p99_ms,
            "p99 ms without": without.p99_ms,
            "p99 ratio": median_ratio((p.beside.p99_ms, p.without.p99_ms) for p in pairs),
            "CPU ratio": median_ratio((p.beside.server_us, p.without.server_us) for p in pairs),
            "grown / limit": max(p.grown_bytes for p in pairs) / BACKLOG_LIMIT,
        },
        (Goal("p99 ratio", most=ROW.goal), Goal("grown / limit", most=MEMORY_GOAL)),
        invalid=invalidity(pairs, without, beside),
        wrong=bool(without.wrong or beside.wrong),
    )


def invalidity(pairs: list[Pair], without: Figures, beside: Figures) -> str:
    if not all(pair.was_behind for pair in pairs):
        return "invalid: a stalled reader was not too far behind"
    return trouble_in((without, beside))


STUDY = Study(
    "benchmarks.slow_reader",
    "What do readers that have stopped reading do to the others? p99 of these, and the server's memory.",
    measure,
    rounds=5,
    seconds=1.5,
)

if __name__ == "__main__":
    main(STUDY)
