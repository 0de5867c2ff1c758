"""What the core's functions are measured in: work of the interpreter, done in turn with them in the same run.

Nanoseconds belong to one machine, and to its clock of that minute. How many method calls a stamped envelope costs holds far
longer. Turns are short, so that both sides of a pair find the machine alike, and of each turn the fastest call counts, since
whatever interrupts a call can only make it slower.

Each function has the yardstick to which its ratio was steadiest over several processes. Copies of memory were tried for what
runs at its speed, and were steadier in most; but in some processes a copy took twenty times as long, all through it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from benchmarks.figures import DISTURBANCE_MAX
from relay.bench.usage import own_usage

ROUNDS = 15
TURNS = 9
TURNS_MAX = 4 * TURNS
TURN_SECONDS = 0.001
CALLS_MIN = 3

CALLS = 1000
READ = bytes(range(256)) * 256
TABLE = bytes(reversed(range(256)))
LINES = (b"y" * 63 + b"\n") * 1024


@dataclass(frozen=True)
class Yardstick:
    """`call` does `units` times what `name` says."""

    name: str
    units: int
    call: Callable[[], object]


def make_calls() -> None:
    word = b"relay"

    def call() -> bool:  # what is measured sits in a function too
        return word.isdigit()

    for _ in range(CALLS):
        call()


CALL = Yardstick("method call", CALLS, make_calls)
PIECE = Yardstick("64 B split off", LINES.count(b"\n"), lambda: LINES.split(b"\n"))
TRANSLATE = Yardstick("KiB translated", len(READ) // 1024, lambda: READ.translate(TABLE))


@dataclass(frozen=True)
class Round:
    """A ratio, and the share of the time in which others had the core: of one turn, or the worst of those that make a round."""

    ratio: float
    disturbance: float


def measure(units: int, call: Callable[[], object], yardstick: Yardstick) -> list[Round]:
    """What one of the call's units takes of one of the yardstick's."""
    ours, theirs = repeats(call), repeats(yardstick.call)

    def turn() -> Round:
        begin, before = perf_counter(), own_usage()
        ratio = fastest(call, ours) / units / (fastest(yardstick.call, theirs) / yardstick.units)
        waited = (own_usage() - before).waited
        return Round(ratio, waited / (perf_counter() - begin))

    return [round_of(turn) for _ in range(ROUNDS)]


def round_of(turn: Callable[[], Round]) -> Round:
    """The median of so many quiet turns; of the quietest when there are too few."""
    turns: list[Round] = []
    while quiet_in(turns) < TURNS and len(turns) < TURNS_MAX:
        turns.append(turn())
    kept = sorted(turns, key=lambda each: each.disturbance)[:TURNS]
    return Round(median(each.ratio for each in kept), kept[-1].disturbance)


def quiet_in(turns: Sequence[Round]) -> int:
    return sum(each.disturbance <= DISTURBANCE_MAX for each in turns)


def repeats(call: Callable[[], object]) -> int:
    """How many calls make a turn."""
    return max(CALLS_MIN, math.ceil(TURN_SECONDS / fastest(call, CALLS_MIN)))


def fastest(call: Callable[[], object], count: int) -> float:
    """Seconds that the fastest of so many calls took."""
    best = math.inf
    for _ in range(count):
        begin = perf_counter()
        call()
        best = min(best, perf_counter() - begin)
    return best
