"""`python -m benchmarks.against CHECKOUT`: this revision beside another one of the project, in turn, for the before and after of
a change.

The other checkout must be built (`make build` in it). Both are started with this interpreter and its libraries, and loaded by
this revision's generator, so that nothing differs but the relay.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.contenders import Contender, relay
from benchmarks.figures import Figures, median_ratio, medians
from benchmarks.machine import describe
from benchmarks.measure import measure
from benchmarks.rows import ROWS, OpenRow, Row
from benchmarks.table import heading, row_line

OTHER = "other"
PAIRS = (
    Row("1 x 2, 1 in flight", 1, 2, 1, goal=1.05),
    Row("1 x 2, 512 in flight", 1, 2, 512, goal=1.05),
)
"""Where a delivery is one message, and not a hundredth of one: what a wake-up costs, and what a message does."""

ALL_ROWS: tuple[Row | OpenRow, ...] = (*PAIRS, *ROWS)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.against",
        description="Measure this revision and another one in turn.",
    )
    parser.add_argument("checkout", type=built, help="the other revision's folder, built")
    parser.add_argument(
        "--rows",
        type=chosen,
        default=ALL_ROWS,
        help='rows whose names contain one of these, by ";"',
    )
    parser.add_argument("--rounds", type=positive, default=5, help="rounds whose medians count (5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="measured in each (1)")
    options = parser.parse_args()
    if not 0 < options.seconds <= 3600:
        parser.error(f"--seconds: expected more than 0, at most 3600, got {options.seconds:g}")
    return options


def built(text: str) -> Path:
    path = Path(text).resolve()
    if not any((path / "relay").glob("_core.*.so")):
        raise argparse.ArgumentTypeError(
            f"expected a checkout in which make build has been run, got {text}"
        )
    return path


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}")
    return int(text)


def chosen(text: str) -> tuple[Row | OpenRow, ...]:
    wanted = text.split(";")
    rows = tuple(row for row in ALL_ROWS if any(part.strip() in row.name for part in wanted))
    if not rows:
        names = "; ".join(row.name for row in ALL_ROWS)
        raise argparse.ArgumentTypeError(f"expected parts of {names}; got {text!r}")
    return rows


def of_checkout(path: Path, ours: Contender) -> Contender:
    """The same command, with the package of that folder; else `python -m` would prefer the one in the present folder."""
    environment = ["env", "PYTHONSAFEPATH=1", f"PYTHONPATH={path}"]
    return Contender(OTHER, path.name, [*environment, *ours.command])


def take_turns(
    row: Row | OpenRow, ours: Contender, other: Contender, rounds: int, seconds: float
) -> tuple[list[Figures], list[Figures]]:
    found: dict[str, list[Figures]] = {ours.name: [], other.name: []}
    for number in range(rounds):
        order = (ours, other) if number % 2 else (other, ours)
        for contender in order:
            found[contender.name].append(measure(row, contender.command, seconds))
    return found[ours.name], found[other.name]


def lines(row: str, ours: list[Figures], other: list[Figures]) -> Iterator[str]:
    """Both servers' medians, and the median of the rounds' ratios with the least and the greatest."""
    yield row_line(row, OTHER, medians(other))
    yield row_line(row, "this", medians(ours))
    pairs = [(a.server_us, b.server_us) for a, b in zip(ours, other, strict=True)]
    ratios = [a / b for a, b in pairs]
    yield f"{'':27}this / {OTHER}: CPU {median_ratio(pairs):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> None:
    options = arguments()
    ours = relay()
    print(describe([ours]), heading(), sep="\n\n", flush=True)
    other = of_checkout(options.checkout, ours)
    for row in options.rows:
        found = take_turns(row, ours, other, options.rounds, options.seconds)
        print(*lines(row.name, *found), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
