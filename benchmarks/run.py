"""The run: every row, every round, the relay alone. `python -m benchmarks.peers` is the one that compares."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.contenders import relay
from benchmarks.figures import Figures, medians
from benchmarks.machine import describe
from benchmarks.measure import measure
from benchmarks.rows import ROWS
from benchmarks.table import heading, row_line


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
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


def main() -> None:
    """Measure all chosen rows and print a table."""
    options = arguments()
    chosen = [row for row in ROWS if options.rows in row.name]
    if options.list:
        print(*(row.name for row in chosen), sep="\n")
        return
    contender = relay()
    machine = describe([contender])
    print(machine, heading(), sep="\n\n", flush=True)
    results: dict[str, list[Figures]] = {}
    for row in chosen:
        rounds = [measure(row, contender.command, options.seconds) for _ in range(options.rounds)]
        results[row.name] = rounds
        print(row_line(row.name, contender.name, medians(rounds)), flush=True)
    if options.json is not None:
        kept = {"machine": machine.splitlines(), "rows": plain(results)}
        options.json.write_text(json.dumps(kept, indent=1) + "\n")


def plain(results: dict[str, list[Figures]]) -> dict[str, list[dict[str, float]]]:
    return {row: [asdict(figures) for figures in rounds] for row, rounds in results.items()}
