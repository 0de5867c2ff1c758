"""What one measurement found, and the median of several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from statistics import median

DISTURBANCE_MAX = 0.1


@dataclass(frozen=True)
class Figures:
    """Of one round, or the medians of several. Units of work are deliveries, or opening handshakes.

    `server_us` is the server's processor time per unit in microseconds. Utilisations are shares of one core, and
    `disturbance` is the share of the time in which the server or the generator, the worse of them, waited for its
    core because something else on the machine had it.
    """

    units_per_second: float
    server_us: float
    p50_ms: float
    p99_ms: float
    wrong: float  # lost, duplicated, reordered or unexpected
    server_utilisation: float
    generator_utilisation: float
    disturbance: float
    bytes_per_connection: float = 0.0
    is_load: bool = True

    @property
    def verdict(self) -> str:
        """`valid`, or why not: everything delivered, the machine quiet, and the server the busy side.

        Of handshakes the last is not asked: on loopback the kernel does most of a connection's set-up, the
        server's half included, in the process that connects.
        """
        if self.wrong:
            return "invalid: not all delivered once and in order"
        if self.disturbance > DISTURBANCE_MAX:
            return f"disturbed: others had {self.disturbance:.0%} of a core"
        if self.is_load and self.generator_utilisation >= self.server_utilisation:
            return "invalid: the generator was busier"
        return "valid"


def medians(rounds: Sequence[Figures]) -> Figures:
    """Each figure's median; of what went wrong, the most."""
    middle = {
        field.name: median(getattr(figures, field.name) for figures in rounds)
        for field in fields(Figures)
    }
    middle["wrong"] = max(figures.wrong for figures in rounds)
    middle["is_load"] = rounds[0].is_load
    return Figures(**middle)


def trouble_in(found: Iterable[Figures]) -> str:
    """The first verdict that is not `valid`; empty when all are."""
    return next((figures.verdict for figures in found if figures.verdict != "valid"), "")


def median_ratio(pairs: Iterable[tuple[float, float]]) -> float:
    """The median of ratios taken round by round: what slows the machine for a while slows both of a pair."""
    return median(ours / theirs for ours, theirs in pairs)
