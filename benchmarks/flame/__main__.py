"""`python -m benchmarks.flame`: a flame graph of the relay under a row of the table, into build/profile."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.contenders import relay
from benchmarks.flame.record import RecordError, Stacks, perf, py_spy, trimmed
from benchmarks.flame.svg import flame_graph, heaviest
from benchmarks.machine import describe
from benchmarks.measure import FILES_BESIDE_CONNECTIONS, connected, idle, settle
from benchmarks.process import ServerProcess, pinned_to_load_core
from benchmarks.rows import ROWS, OpenRow, Row
from benchmarks.wire import ITTY
from relay.bench.usage import raise_file_limit

TOOLS = {"py-spy": py_spy, "perf": perf}
SLICE_SECONDS = 0.5
OPENED_AT_ONCE = 10  # channels of an opening row
DEFAULT_ROW = "1 x 100, 8 in flight"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.flame",
        description="Sample the relay under a row of the benchmarks, and draw a flame graph.",
    )
    parser.add_argument(
        "--row",
        type=row_named,
        default=DEFAULT_ROW,
        help=f"a row's name, or a part of it ({DEFAULT_ROW})",
    )
    parser.add_argument(
        "--tool",
        choices=("auto", *TOOLS),
        default="auto",
        help="auto takes the first that runs: py-spy, perf",
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="how long to sample (5)")
    parser.add_argument(
        "--output", type=Path, default=Path("build/profile"), metavar="DIR", help="build/profile"
    )
    options = parser.parse_args()
    if not 1 <= options.seconds <= 600:
        parser.error(f"--seconds: expected 1 to 600, got {options.seconds:g}")
    return options


def row_named(text: str) -> Row | OpenRow:
    for row in ROWS:
        if text in row.name:
            return row
    names = "; ".join(row.name for row in ROWS)
    raise argparse.ArgumentTypeError(f"expected a part of one of: {names}; got {text!r}")


def record(row: Row | OpenRow, tools: list[str], seconds: float) -> tuple[str, Stacks]:
    """By the first of the tools that can. Raises RecordError with all their reasons."""
    raise_file_limit(row.connections + FILES_BESIDE_CONNECTIONS)
    reasons = []
    with pinned_to_load_core(), ServerProcess(relay().command) as server:
        work = opening_work(row, server) if isinstance(row, OpenRow) else load_work(row, server)
        for name in tools:
            try:
                return name, TOOLS[name](server.pid, seconds, work)
            except RecordError as error:
                reasons.append(str(error))
    raise RecordError("; ".join(reasons))


def load_work(row: Row, server: ServerProcess) -> Callable[[], object]:
    generator = connected(row, server)
    settle(generator)
    generator.run(SLICE_SECONDS)
    return lambda: generator.run(SLICE_SECONDS)


def opening_work(row: OpenRow, server: ServerProcess) -> Callable[[], object]:
    def work() -> None:
        generator = idle("bench-{channel}", row, OPENED_AT_ONCE, server, ITTY)
        generator.connect()
        generator.close(0)

    work()
    return work


def main() -> None:
    options = arguments()
    tools = [*TOOLS] if options.tool == "auto" else [options.tool]
    try:
        name, stacks = record(options.row, tools, options.seconds)
    except RecordError as error:
        sys.exit(f"no profile: {error}")
    if not stacks:
        sys.exit(f"no profile: {name} took no sample")
    note = f"{name}, {stacks.total()} samples; {describe([relay()]).splitlines()[0]}"
    path = options.output / f"{re.sub(r'[^a-z0-9]+', '-', options.row.name.lower())}.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(flame_graph(trimmed(stacks), f"relay: {options.row.name}", note))
    print(f"{name}, {stacks.total()} samples; most of them in:")
    for frame, share in heaviest(stacks, 10):
        print(f"{share:7.1%}  {frame}")
    print(path)


if __name__ == "__main__":
    main()
