"""Ratios that hold from machine to machine: what a run found, what is stored of it, and by how much a later one may differ."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks.figures import DISTURBANCE_MAX, Figures

STORE = Path(__file__).parent / "ratios.json"
CORE, RELAY = "core", "relay"

# Rounds of one process agree better than processes do: of the core's functions, by where their memory happens to lie.
TOLERANCE_FLOOR = {CORE: 0.2, RELAY: 0.1}
TOLERANCE_MAX = 0.5
ROUNDS_TO_STORE = 3
ROUNDS_TO_TRIM = 5

PER_CEILING = "the ceiling's CPU"
PER_CONNECTION = "byte per connection"


@dataclass(frozen=True)
class Ratio:
    """What a run found under one name: a ratio of each of its rounds, to what `per` names.

    `unjudged` tells why the rounds say nothing, `wrong` what the server did that it must never do; else they are empty.
    """

    suite: str
    per: str
    taken: str
    rounds: tuple[float, ...]
    unjudged: str = ""
    wrong: str = ""

    @property
    def value(self) -> float:
        return median(self.rounds)

    @property
    def spread(self) -> float:
        """How far apart the rounds are, as a share of the median.

        Of five or more without the highest and the lowest, of twenty or more without a tenth at either end.
        """
        kept = sorted(self.rounds)
        if len(kept) >= ROUNDS_TO_TRIM:
            cut = max(1, len(kept) // 10)
            kept = kept[cut:-cut]
        return (kept[-1] - kept[0]) / self.value

    @property
    def unfit(self) -> str:
        """Why it should not be stored; empty when it may be."""
        if self.wrong or self.unjudged:
            return self.wrong or self.unjudged
        if len(self.rounds) < ROUNDS_TO_STORE:
            return f"{len(self.rounds)} of the {ROUNDS_TO_STORE} rounds that it needs"
        if self.spread > TOLERANCE_MAX:
            return f"its rounds differ by {self.spread:.0%}"
        return ""


def pooled(first: Ratio, second: Ratio) -> Ratio:
    """Of two runs as if it were one: the rounds of both, or of that which may be judged."""
    if first.wrong or second.unjudged:
        return first if first.wrong or not second.wrong else second
    if second.wrong or first.unjudged or first.per != second.per:
        return second
    return replace(second, rounds=first.rounds + second.rounds)


@dataclass(frozen=True)
class Stored:
    """`value` may grow by `tolerance`, a share of it, before that is a regression."""

    suite: str
    per: str
    value: float
    tolerance: float
    taken: str


def stored(ratio: Ratio) -> Stored:
    tolerance = max(TOLERANCE_FLOOR[ratio.suite], math.ceil(ratio.spread * 100) / 100)
    return Stored(ratio.suite, ratio.per, float(f"{ratio.value:.4g}"), tolerance, ratio.taken)


def of_quiet(
    suite: str, per: str, taken: str, rounds: Sequence[tuple[float, float]], wrong: str = ""
) -> Ratio:
    """Of rounds, each a ratio and a disturbance, those that nothing disturbed: at least half of them must be so."""
    quiet = tuple(ratio for ratio, disturbance in rounds if disturbance <= DISTURBANCE_MAX)
    enough = quiet and len(quiet) * 2 >= len(rounds)
    unjudged = "" if enough else f"disturbed: {len(quiet)} of {len(rounds)} rounds were quiet"
    return Ratio(suite, per, taken, quiet, unjudged, wrong)


def processor_time(taken: str, relay: Sequence[Figures], ceiling: Sequence[Figures]) -> Ratio:
    """The relay's for each of the ceiling's, round by round.

    Whether the generator was the busier one is not asked: the ceiling often leaves it no choice.
    """
    wrong = wrong_in(relay)
    if not ceiling:
        return Ratio(RELAY, PER_CEILING, taken, (), "the ceiling was not measured", wrong)
    if wrong_in(ceiling):
        return Ratio(RELAY, PER_CEILING, taken, (), "the ceiling lost messages", wrong)
    rounds = [
        (ours.server_us / theirs.server_us, max(ours.disturbance, theirs.disturbance))
        for ours, theirs in zip(relay, ceiling, strict=False)
        if ours.server_us > 0 and theirs.server_us > 0
    ]
    return of_quiet(RELAY, PER_CEILING, taken, rounds, wrong)


def memory(taken: str, relay: Sequence[Figures]) -> Ratio:
    """Resident bytes of an idle connection: they are the same on a busy machine, so every round counts, and by themselves."""
    rounds = tuple(each.bytes_per_connection for each in relay if each.bytes_per_connection > 0)
    unjudged = "" if rounds else "no memory was measured"
    return Ratio(RELAY, PER_CONNECTION, taken, rounds, unjudged, wrong_in(relay))


def wrong_in(rounds: Iterable[Figures]) -> str:
    worst = max((figures.wrong for figures in rounds), default=0)
    return f"WRONG: {worst:.0f} not delivered once and in order" if worst else ""


def memory_name(row: str) -> str:
    return f"{row}: memory"


def load(path: Path) -> dict[str, Stored]:
    """What is stored, by name. Raises OSError, or ValueError when the file holds something else."""
    try:
        kept = json.loads(path.read_text())
        found = {name: Stored(**each) for name, each in kept["ratios"].items()}
        sound = all(is_sound(each) for each in found.values())
    except (AttributeError, KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        raise ValueError(f"{path}: expected ratios as --store writes them")
    return found


def is_sound(kept: Stored) -> bool:
    return (
        kept.suite in TOLERANCE_FLOOR
        and isinstance(kept.per, str)
        and isinstance(kept.taken, str)
        and 0 < kept.value < math.inf
        and TOLERANCE_FLOOR[kept.suite] <= kept.tolerance <= TOLERANCE_MAX
    )


def save(path: Path, kept: dict[str, Stored]) -> None:
    text = json.dumps({"ratios": {name: asdict(each) for name, each in kept.items()}}, indent=1)
    path.write_text(text + "\n")
