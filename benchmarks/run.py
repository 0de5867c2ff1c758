"""The run: every row, every round, all contenders in turn."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.contenders import Contender
from benchmarks.figures import Figures, median_ratio, medians
from benchmarks.machine import describe
from benchmarks.measure import measure
from benchmarks.rows import ROWS, OpenRow, Row
from benchmarks.table import heading, ratio_line, row_line

Rounds = dict[str, list[Figures]]


def arguments(program: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {program}")
    parser.add_argument("--rounds", type=int, default=3, help="rounds whose medians count (3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="measured in each round (2)")
    parser.add_argument("--rows", default="", help="only rows whose name contains this")
    parser.add_argument("--json", type=Path, help="write every round's figures to this file")
    parser.add_argument("--list", action="store_true", help="print the rows' names and stop")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    if not 0 < options.seconds <= 3600:
        parser.error("--seconds must be from 0 to 3600")
    return options


def main(program: str, *find: Callable[[], Contender]) -> None:
    """Measure all chosen rows and print a table; ratios too when there is a peer.

    Contenders are found (and a peer installed) only when the arguments were right and something is to be measured.
    """
    options = arguments(program)
    chosen = [row for row in ROWS if options.rows in row.name]
    if options.list:
        print(*(row.name for row in chosen), sep="\n")
        return
    contenders = [each() for each in find]
    machine = describe(contenders)
    print(machine, heading(), sep="\n\n", flush=True)
    results: dict[str, Rounds] = {}
    for row in chosen:
        results[row.name] = run_row(row, contenders, options.rounds, options.seconds)
        report_row(row, results[row.name])
    if options.json is not None:
        kept = {"machine": machine.splitlines(), "rows": plain(results)}
        options.json.write_text(json.dumps(kept, indent=1) + "\n")


def run_row(
    row: Row | OpenRow, contenders: Sequence[Contender], rounds: int, seconds: float
) -> Rounds:
    found: Rounds = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            found[contender.name].append(measure(row, contender.command, seconds))
    return found


def report_row(row: Row | OpenRow, found: Rounds) -> None:
    for name, rounds in found.items():
        print(row_line(row.name, name, medians(rounds)), flush=True)
    if len(found) == 2:
        ours, theirs = found.values()
        pairs = list(zip(ours, theirs, strict=True))
        cpu = median_ratio((a.server_us, b.server_us) for a, b in pairs)
        print(ratio_line("CPU", cpu, row.goal), flush=True)
        if isinstance(row, OpenRow):
            memory = median_ratio(
                (a.bytes_per_connection, b.bytes_per_connection) for a, b in pairs
            )
            print(ratio_line("memory", memory, row.memory_goal), flush=True)


def plain(results: dict[str, Rounds]) -> dict[str, dict[str, list[dict[str, float]]]]:
    return {
        row: {name: [asdict(figures) for figures in rounds] for name, rounds in found.items()}
        for row, found in results.items()
    }
