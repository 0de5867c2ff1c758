"""What one call has measured, as it is kept in JSON and as tables and plots are made of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.figures import Figures, median_ratio, medians

RELAY_NAME = "relay"
CEILING_NAME = "ceiling"


@dataclass
class Outcome:
    """`rows` has the figures of every round, by row and server; `skipped` and `failed` tell why there are none.

    `versions` names all that were measured, the relay first, in the order in which they took their turns.
    """

    machine: list[str]
    rounds: int
    seconds: float
    versions: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    rows: dict[str, dict[str, list[Figures]]] = field(default_factory=dict)
    failed: dict[str, dict[str, str]] = field(default_factory=dict)

    def middle(self, row: str, server: str) -> Figures | None:
        """The medians of its rounds; None when it has not been measured."""
        rounds = self.rows.get(row, {}).get(server)
        return medians(rounds) if rounds else None

    def ratio(self, row: str, server: str, figure: str = "server_us") -> float | None:
        """What the relay takes of that figure for each that the server takes: the median of the rounds' own ratios."""
        ours, theirs = self.rows[row].get(RELAY_NAME, []), self.rows[row].get(server, [])
        pairs = [
            (getattr(a, figure), getattr(b, figure)) for a, b in zip(ours, theirs, strict=False)
        ]
        pairs = [(a, b) for a, b in pairs if b > 0]
        return median_ratio(pairs) if pairs else None

    def peers(self) -> Iterator[str]:
        yield from (name for name in self.versions if name != RELAY_NAME)

    def load_rows(self) -> list[str]:
        return [row for row, found in self.rows.items() if is_load(found)]

    def open_rows(self) -> list[str]:
        return [row for row, found in self.rows.items() if not is_load(found)]

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def is_load(found: dict[str, list[Figures]]) -> bool:
    return all(figures.is_load for rounds in found.values() for figures in rounds)


def load(path: Path) -> Outcome:
    """What `save` has written. Raises ValueError when it is something else."""
    try:
        outcome = Outcome(**json.loads(path.read_text()))
        for found in outcome.rows.values():
            for server, rounds in found.items():
                found[server] = [Figures(**figures) for figures in rounds]  # type: ignore[arg-type]
    except (AttributeError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: expected the figures that --json writes ({error})") from None
    return outcome
