"""What a run left in JSON, read for comparison: pytest-benchmark's own file, or that of `python -m benchmarks.peers`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import ratios
from benchmarks.figures import Figures
from benchmarks.peers import outcome
from benchmarks.peers.outcome import CEILING_NAME, RELAY_NAME
from benchmarks.ratios import Ratio
from benchmarks.yardsticks import Round

EXPECTED = "what pytest benchmarks --benchmark-json or python -m benchmarks.peers --json writes"
OUTCOMES = ("met", "missed", "wrong", "unjudged")


@dataclass(frozen=True)
class Finding:
    """One line of a study, with the outcome that it came to itself."""

    name: str
    outcome: str
    verdict: str


@dataclass
class Run:
    """Ratios by the names under which they are stored, and the findings of studies."""

    ratios: dict[str, Ratio] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def read_all(paths: Iterable[Path]) -> Run:
    """Several runs as if they were one. Raises as `read` does."""
    whole = Run()
    for run in map(read, paths):
        for name, ratio in run.ratios.items():
            known = whole.ratios.get(name)
            whole.ratios[name] = ratio if known is None else ratios.pooled(known, ratio)
        whole.findings += run.findings
    return whole


def read(path: Path) -> Run:
    """Raises OSError, or ValueError when the file is none of the two or has nothing to compare."""
    try:
        content = json.loads(path.read_text())
        benchmarks = content.get("benchmarks")
        run = of_peers(path) if benchmarks is None else of_benchmarks(benchmarks)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError(f"{path}: expected {EXPECTED}") from None
    if not run.ratios and not run.findings:
        raise ValueError(f"{path}: nothing to compare in it; expected ratios, rows or studies")
    return run


def of_benchmarks(benchmarks: list[dict[str, Any]]) -> Run:
    run = Run()
    for each in benchmarks:
        info = each["extra_info"]
        if "ratios" in info:
            run.ratios[each["name"]] = of_core(info)
        elif "rounds" in info:
            rounds = {name: figures_of(kept) for name, kept in info["rounds"].items()}
            run.ratios |= of_row(info["row"], taken_of(info["machine"].splitlines()), rounds)
        elif "findings" in info:
            run.findings += of_study(each["name"], info["findings"])
    return run


def of_core(info: Mapping[str, Any]) -> Ratio:
    taken, rounds = (
        taken_of(info["machine"].splitlines()),
        [Round(**each) for each in info["ratios"]],
    )
    if not all(each.ratio > 0 for each in rounds):
        raise ValueError("expected ratios above 0")
    pairs = [(each.ratio, each.disturbance) for each in rounds]
    return ratios.of_quiet(ratios.CORE, info["yardstick"], taken, pairs)


def of_study(benchmark: str, findings: Mapping[str, Any]) -> Iterator[Finding]:
    study = benchmark.removeprefix("bench_study[").removesuffix("]")
    for name, found in findings.items():
        if found["outcome"] not in OUTCOMES:
            raise ValueError(f"expected an outcome, got {found['outcome']!r}")
        yield Finding(f"{study}: {name}", found["outcome"], found["verdict"])


def of_peers(path: Path) -> Run:
    kept = outcome.load(path)
    run = Run()
    for row, found in kept.rows.items():
        run.ratios |= of_row(row, taken_of(kept.machine), found)
    return run


def of_row(row: str, taken: str, rounds: Mapping[str, list[Figures]]) -> dict[str, Ratio]:
    relay, ceiling = rounds.get(RELAY_NAME, []), rounds.get(CEILING_NAME, [])
    if not relay:
        return {}
    found = {row: ratios.processor_time(taken, relay, ceiling)}
    if not relay[0].is_load:
        found[ratios.memory_name(row)] = ratios.memory(taken, relay)
    return found


def figures_of(rounds: list[dict[str, Any]]) -> list[Figures]:
    return [Figures(**each) for each in rounds]


def taken_of(machine: list[str]) -> str:
    """When, of what revision and on what machine."""
    return "; ".join(machine[:2])
