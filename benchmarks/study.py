"""A study: one question put to the server, answered by a few lines of figures that are held against goals."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.contenders import relay
from benchmarks.machine import describe

NAME_WIDTH = 30
FIGURE_WIDTH = 10


@dataclass(frozen=True)
class Goal:
    """What one of the figures should be: at least, at most, or both."""

    figure: str
    least: float = -math.inf
    most: float = math.inf

    def is_met_by(self, figures: Mapping[str, float]) -> bool:
        return self.least <= figures[self.figure] <= self.most

    def __str__(self) -> str:
        if self.least == self.most:
            return f"{self.figure} {self.most:g}"
        if self.least == -math.inf:
            return f"{self.figure} at most {self.most:g}"
        if self.most == math.inf:
            return f"{self.figure} at least {self.least:g}"
        return f"{self.figure} from {self.least:g} to {self.most:g}"


@dataclass(frozen=True)
class Finding:
    """One line. `figures` maps a name with its unit to a value; all findings of a study have the same names.

    `invalid` is the verdict when the figures answer nothing, and empty when they do. `wrong` is true when the server did what
    it must never do, whatever the machine was doing.
    """

    name: str
    figures: Mapping[str, float]
    goals: tuple[Goal, ...] = ()
    invalid: str = ""
    wrong: bool = False

    @property
    def verdict(self) -> str:
        if self.wrong:
            return "WRONG"
        if self.invalid:
            return self.invalid
        return "; ".join(f"{goal}: {self._outcome(goal)}" for goal in self.goals) or "valid"

    @property
    def outcome(self) -> str:
        """The verdict in one word, for programs: `wrong`, `unjudged`, `missed` or `met` (also when there was no goal)."""
        if self.wrong:
            return "wrong"
        if self.invalid:
            return "unjudged"
        return "met" if all(goal.is_met_by(self.figures) for goal in self.goals) else "missed"

    def _outcome(self, goal: Goal) -> str:
        return "met" if goal.is_met_by(self.figures) else "MISSED"


Measure: TypeAlias = Callable[[int, float], Iterable[Finding]]


@dataclass(frozen=True)
class Study:
    """`measure(rounds, seconds)` yields each finding as soon as it is known; `seconds` is the measured part of a round."""

    program: str
    question: str
    measure: Measure
    rounds: int
    seconds: float


def heading(figures: Iterable[str]) -> str:
    return " ".join(("".ljust(NAME_WIDTH), *(name.rjust(width_of(name)) for name in figures)))


def finding_line(finding: Finding) -> str:
    cells = (amount(value).rjust(width_of(name)) for name, value in finding.figures.items())
    return " ".join((finding.name.ljust(NAME_WIDTH), *cells)) + f"  {finding.verdict}"


def width_of(name: str) -> int:
    return max(len(name), FIGURE_WIDTH)


def amount(value: float) -> str:
    """Whole when it is, or has three digits in front of the point; with three or one behind it otherwise."""
    if float(value).is_integer() or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    """The small table."""
    for i, finding in enumerate(findings):
        if i == 0:
            yield heading(finding.figures)
        yield finding_line(finding)


def plain(findings: Iterable[Finding]) -> dict[str, dict[str, object]]:
    """What is kept of the findings in JSON."""
    return {
        each.name: {**each.figures, "verdict": each.verdict, "outcome": each.outcome}
        for each in findings
    }


def main(study: Study) -> None:
    """The command line of one study."""
    options = arguments(study)
    machine = describe([relay()])
    print(machine, f"{study.question}\n", sep="\n\n", flush=True)
    findings: list[Finding] = []

    def kept() -> Iterator[Finding]:
        for finding in study.measure(options.rounds, options.seconds):
            findings.append(finding)
            yield finding

    for line in lines(kept()):
        print(line, flush=True)
    if options.json is not None:
        found = {"machine": machine.splitlines(), "findings": plain(findings)}
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def arguments(study: Study) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {study.program}", description=study.question)
    parser.add_argument("--rounds", type=int, default=study.rounds, help=f"rounds ({study.rounds})")
    parser.add_argument(
        "--seconds",
        type=float,
        default=study.seconds,
        help=f"measured in each part of a round ({study.seconds:g})",
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds: expected 1 or more, got {options.rounds}")
    if not 0 < options.seconds <= 3600:
        parser.error(f"--seconds: expected more than 0, at most 3600, got {options.seconds:g}")
    return options
