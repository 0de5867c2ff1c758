"""`python -m benchmarks.peers`: the relay, its peers and the ceiling in one call."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.peers import document, outcome, plots, report, suite
from benchmarks.peers.catalogue import PEERS, RELAY, Peer
from benchmarks.peers.outcome import Outcome
from benchmarks.rows import ROWS, OpenRow, Row


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Measure the relay, its peers and the ceiling in turn, and compare them.",
    )
    names = ", ".join(peer.name for peer in PEERS)
    parser.add_argument(
        "--peers", type=chosen_peers, default=PEERS, help=f"only these, by commas, of: {names}"
    )
    parser.add_argument(
        "--rows",
        type=chosen_rows,
        default=ROWS,
        help='only rows whose names contain one of these, by ";"',
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds whose medians count (5)")
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="measured in each round of a row (2)"
    )
    parser.add_argument("--json", type=Path, help="write every round's figures to this file")
    parser.add_argument(
        "--plot", type=Path, metavar="DIR", help="draw SVG pictures into this directory"
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="put the tables between the markers of this document",
    )
    parser.add_argument(
        "--from",
        type=Path,
        dest="source",
        metavar="FILE",
        help="measure nothing: take what --json wrote",
    )
    parser.add_argument(
        "--list", action="store_true", help="print the names of rows and peers, and stop"
    )
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds: expected 1 or more, got {options.rounds}")
    if not 0 < options.seconds <= 3600:
        parser.error(f"--seconds: expected more than 0, at most 3600, got {options.seconds:g}")
    try:  # now, not after half an hour
        if options.write is not None:
            document.check(options.write)
        options.source = None if options.source is None else outcome.load(options.source)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    return options


def chosen_peers(text: str) -> tuple[Peer, ...]:
    wanted = [name.strip() for name in text.split(",")]
    if unknown := set(wanted) - {peer.name for peer in PEERS}:
        raise argparse.ArgumentTypeError(
            f"expected names that --list tells, got {sorted(unknown)[0]!r}"
        )
    return tuple(peer for peer in PEERS if peer.name in wanted)


def chosen_rows(text: str) -> tuple[Row | OpenRow, ...]:
    wanted = [part.strip().replace("\N{MULTIPLICATION SIGN}", "x") for part in text.split(";")]
    for part in wanted:
        if not any(part in row.name for row in ROWS):
            raise argparse.ArgumentTypeError(
                f"expected parts of names that --list tells, got {part!r}"
            )
    return tuple(row for row in ROWS if any(part in row.name for part in wanted))


def measured(options: argparse.Namespace) -> Outcome:
    if options.source is not None:
        found: Outcome = options.source
        return found

    def say(line: str) -> None:
        print(line, flush=True)

    def save(so_far: Outcome) -> None:
        if options.json is not None:
            so_far.save(options.json)

    peers = (RELAY, *options.peers)
    return suite.run(peers, options.rows, options.rounds, options.seconds, say, save)


def main() -> None:
    options = arguments()
    if options.list:
        print(*(row.name for row in ROWS), "", *(peer.name for peer in PEERS), sep="\n")
        return
    found = measured(options)
    print("", report.markdown(found), sep="\n")
    if options.plot is not None:
        print(*plots.write(found, options.plot), sep="\n")
    if options.write is not None:
        document.write(options.write, report.markdown(found))


if __name__ == "__main__":
    main()
