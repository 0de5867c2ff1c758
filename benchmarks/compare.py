"""`python -m benchmarks.compare FILE`: a run's ratios beside the stored ones, and whether anything has become worse.

Exit codes: 0 nothing is worse; 1 something is, or is missing, or a study missed its goal; 2 the input cannot be used;
3 nothing could be judged, as on a machine that others use.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from benchmarks import ratios, taken
from benchmarks.ratios import Ratio, Stored
from benchmarks.taken import Finding, Run

BAD_INPUT = 2
NOTHING_JUDGED = 3
NAME_WIDTH = 44
COLUMNS = ("stored", "now", "change", "tolerance")
COLUMN_WIDTH = 9


class State(Enum):
    SAME = "same"
    BETTER = "better"
    WORSE = "WORSE"
    WRONG = "WRONG"
    MISSED = "MISSED"
    MISSING = "MISSING"
    UNJUDGED = "not judged"
    NEW = "new"


FAILURES = {State.WORSE, State.WRONG, State.MISSED, State.MISSING}
JUDGED = {State.SAME, State.BETTER, *FAILURES}
OF_STUDIES = {
    "met": State.SAME,
    "missed": State.MISSED,
    "wrong": State.WRONG,
    "unjudged": State.UNJUDGED,
}


@dataclass(frozen=True)
class Line:
    """One line of the table; `stored` and `now` are None where there is none."""

    name: str
    state: State
    verdict: str
    stored: Stored | None = None
    now: Ratio | None = None

    def __str__(self) -> str:
        cells = (cell.rjust(COLUMN_WIDTH) for cell in self._cells())
        return " ".join((self.name.ljust(NAME_WIDTH), *cells)) + f"  {self.verdict}"

    def _cells(self) -> Iterator[str]:
        stored, now = self.stored, self.now
        is_known = now is not None and bool(now.rounds)
        yield f"{stored.value:.4g}" if stored else "-"
        yield f"{now.value:.4g}" if now and is_known else "-"
        yield f"{now.value / stored.value - 1:+.1%}" if now and is_known and stored else "-"
        yield f"{stored.tolerance:.0%}" if stored else "-"


def compared(run: Run, kept: dict[str, Stored], *, is_partial: bool = False) -> Iterator[Line]:
    """A line for each ratio stored of a suite that ran, each new one, and each finding of a study."""
    suites = {ratio.suite for ratio in run.ratios.values()}
    for name, stored in kept.items():
        if name in run.ratios:
            yield judged(name, stored, run.ratios[name])
        elif stored.suite in suites and not is_partial:
            yield Line(name, State.MISSING, "MISSING in this run", stored)
    for name, now in run.ratios.items():
        if name not in kept:
            yield unknown(name, now)
    yield from map(of_study, run.findings)


def judged(name: str, stored: Stored, now: Ratio) -> Line:
    state, verdict = outcome(stored, now)
    return Line(name, state, verdict, stored, now)


def outcome(stored: Stored, now: Ratio) -> tuple[State, str]:
    if now.wrong:
        return State.WRONG, now.wrong
    if now.unjudged:
        return State.UNJUDGED, f"not judged: {now.unjudged}"
    if (now.suite, now.per) != (stored.suite, stored.per):
        return State.UNJUDGED, f"not judged: stored per {stored.per}, now per {now.per}; store it"
    if now.value > stored.value * (1 + stored.tolerance):
        return State.WORSE, "WORSE"
    if now.value < stored.value * (1 - stored.tolerance):
        return State.BETTER, "better; store it"
    return State.SAME, "same"


def unknown(name: str, now: Ratio) -> Line:
    if now.wrong:
        return Line(name, State.WRONG, now.wrong, now=now)
    if now.unfit:
        return Line(name, State.UNJUDGED, f"not judged: {now.unfit}", now=now)
    return Line(name, State.NEW, "new; store it", now=now)


def of_study(finding: Finding) -> Line:
    state = OF_STUDIES[finding.outcome]
    prefix = "not judged: " if state is State.UNJUDGED else ""
    return Line(finding.name, state, prefix + finding.verdict)


def exit_code(lines: Iterable[Line]) -> int:
    states = {line.state for line in lines}
    if states & FAILURES:
        return 1
    return 0 if states & JUDGED else NOTHING_JUDGED


def summary(lines: list[Line]) -> str:
    """What it comes to, with the names of all that failed."""
    failed = [line.name for line in lines if line.state in FAILURES]
    counted = sum(line.state in JUDGED for line in lines)
    told = f"{counted} of {len(lines)} judged"
    if failed:
        return f"{told}, {len(failed)} failed: {'; '.join(failed)}"
    return f"{told}, " + ("nothing is worse" if counted else "so nothing is known")


def report(run: Run, lines: list[Line]) -> Iterator[str]:
    yield from (f"now:    {each}" for each in origins(run.ratios.values()))
    yield from (f"stored: {each}" for each in origins(line.stored for line in lines))
    yield ""
    yield " ".join(("".ljust(NAME_WIDTH), *(each.rjust(COLUMN_WIDTH) for each in COLUMNS)))
    yield from map(str, lines)
    yield ""
    yield summary(lines)


def origins(found: Iterable[Ratio | Stored | None]) -> list[str]:
    """When and where they were taken, each once."""
    return list(dict.fromkeys(each.taken for each in found if each is not None))


def store(run: Run, kept: dict[str, Stored], path: Path) -> int:
    """Replace what the run has fit figures of, keep all else, and tell of each. Returns the exit code."""
    fit = {name: ratios.stored(ratio) for name, ratio in run.ratios.items() if not ratio.unfit}
    for name, ratio in run.ratios.items():
        before = f"{kept[name].value:.4g}" if name in kept else "-"
        told = f"not stored: {ratio.unfit}" if ratio.unfit else f"{before} -> {ratio.value:.4g}"
        print(f"{name.ljust(NAME_WIDTH)} {told}")
    if not fit:
        print("\nnothing was fit to be stored")
        return NOTHING_JUDGED
    ratios.save(path, kept | fit)
    print(f"\n{len(fit)} of {len(run.ratios)} stored in {path}")
    return 0


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description="Compare a run's ratios with the stored ones.",
        epilog="Exit codes: 0 nothing is worse; 1 something is worse, wrong or missing, or a study missed its goal; "
        "2 the input cannot be used; 3 nothing could be judged.",
    )
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help=f"{taken.EXPECTED}; the rounds of several count as those of one run",
    )
    parser.add_argument(
        "--store", action="store_true", help="store the ratios of this run instead of comparing"
    )
    parser.add_argument(
        "--partial",
        action="store_true",
        help="the run was of chosen rows or functions: others may be missing",
    )
    parser.add_argument(
        "--ratios",
        type=Path,
        default=ratios.STORE,
        metavar="FILE",
        help="where ratios are stored (benchmarks/ratios.json)",
    )
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    try:
        run = taken.read_all(options.files)
        is_first = options.store and not options.ratios.exists()
        kept = {} if is_first else ratios.load(options.ratios)
        if options.store:
            return store(run, kept, options.ratios)
    except OSError as error:
        return refuse(f"{error.filename}: {error.strerror}")
    except ValueError as error:
        return refuse(str(error))
    lines = list(compared(run, kept, is_partial=options.partial))
    if not lines:
        return refuse(f"{options.files[0]}: nothing in it is stored in {options.ratios}")
    print(*report(run, lines), sep="\n")
    return exit_code(lines)


def refuse(reason: str) -> int:
    print(f"python -m benchmarks.compare: {reason}", file=sys.stderr)
    return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
