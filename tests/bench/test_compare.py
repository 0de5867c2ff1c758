"""Ratios from a run's figures, what is stored of them, and what becomes of a change."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import ratios
from benchmarks.compare import main
from benchmarks.figures import Figures
from benchmarks.peers.outcome import Outcome
from benchmarks.ratios import CORE, PER_CEILING, RELAY, Ratio
from benchmarks.rows import ROWS, OpenRow

BENCHMARKS = Path(ratios.__file__).parent
VALID = Figures(1e6, 1.0, 1.0, 2.0, 0, 0.99, 0.5, 0.0)
OPENED = replace(VALID, server_us=20.0, bytes_per_connection=300.0, is_load=False)
MACHINE = ["2026-11-21 10:00 UTC, revision abc", "a processor; a system"]
ROW, OPENING = "1 x 100, 8 in flight", "10000 opening handshakes"
FUNCTION = "bench_unmask_kib"


def costs(*microseconds: float, of: Figures = VALID) -> list[Figures]:
    return [replace(of, server_us=each) for each in microseconds]


def plain(rounds: dict[str, list[Figures]]) -> dict[str, Any]:
    return {name: [asdict(each) for each in kept] for name, kept in rounds.items()}


def function(*ratios_of_rounds: float, disturbance: float = 0.0) -> dict[str, Any]:
    rounds = [{"ratio": each, "disturbance": disturbance} for each in ratios_of_rounds]
    info = {"ratios": rounds, "yardstick": "method call", "machine": "\n".join(MACHINE)}
    return {"name": FUNCTION, "extra_info": info}


def row(relay: list[Figures], ceiling: list[Figures] | None, name: str = ROW) -> dict[str, Any]:
    rounds = plain({"relay": relay} | ({} if ceiling is None else {"ceiling": ceiling}))
    info = {"row": name, "rounds": rounds, "machine": "\n".join(MACHINE)}
    return {"name": f"bench_relay[{name}]", "extra_info": info}


def study(outcome: str, verdict: str = "ratio at most 1: told") -> dict[str, Any]:
    findings = {"on": {"ratio": 1.0, "verdict": verdict, "outcome": outcome}}
    return {"name": "bench_study[limits]", "extra_info": {"findings": findings}}


USUAL = (
    function(1.0, 1.02, 1.04),
    row(costs(1.1, 1.2, 1.3), costs(1.0, 1.0, 1.0)),
    row([OPENED] * 3, costs(5.0, 5.0, 5.0, of=OPENED), OPENING),
)


class Bench:
    """The command on files of this test's own."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.stored, self._file, self._capsys = directory / "r.json", directory / "b.json", capsys
        self.output = self.error = ""

    def __call__(self, *benchmarks: dict[str, Any], options: tuple[str, ...] = ()) -> int:
        return self.on(json.dumps({"benchmarks": benchmarks}), *options)

    def on(self, text: str, *options: str) -> int:
        self._file.write_text(text)
        return self.call(str(self._file), *options)

    def call(self, *words: str) -> int:
        code = main([*words, "--ratios", str(self.stored)])
        self.output, self.error = self._capsys.readouterr()
        return code

    def line(self, name: str) -> str:
        return next(line for line in self.output.splitlines() if line.startswith(f"{name}  "))


@pytest.fixture
def compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    """With the usual ratios stored."""
    bench = Bench(tmp_path, capsys)
    assert bench(*USUAL, options=("--store",)) == 0
    return bench


def test_what_was_stored_is_not_worse_than_itself(compare: Bench) -> None:
    assert compare(*USUAL) == 0
    assert compare.line(ROW).split()[-5:] == ["1.2", "1.2", "+0.0%", "17%", "same"]
    assert compare.line(f"{OPENING}: memory").split()[-5:] == ["300", "300", "+0.0%", "10%", "same"]
    assert compare.output.endswith("4 of 4 judged, nothing is worse\n")
    assert f"now:    {'; '.join(MACHINE)}" in compare.output


@pytest.mark.parametrize(
    ("bytes_now", "code", "verdict"),
    [
        (269, 0, "better; store it"),
        (271, 0, "same"),
        (329, 0, "same"),
        (330, 0, "same"),
        (331, 1, "WORSE"),
    ],
)
def test_a_change_below_at_and_above_the_tolerance(
    compare: Bench, bytes_now: float, code: int, verdict: str
) -> None:
    opened = [replace(OPENED, bytes_per_connection=bytes_now)] * 3
    changed = row(opened, costs(5.0, 5.0, 5.0, of=OPENED), OPENING)
    assert compare(changed, options=("--partial",)) == code
    assert compare.line(f"{OPENING}: memory").endswith(verdict)


def test_what_has_become_worse_is_named(compare: Bench) -> None:
    slower = (function(1.3, 1.3, 1.3), row(costs(1.5, 1.5, 1.5), costs(1.0, 1.0, 1.0)), USUAL[2])
    assert compare(*slower) == 1
    assert compare.output.endswith(f"4 of 4 judged, 2 failed: {FUNCTION}; {ROW}\n")


def test_a_machine_that_is_slower_at_both_is_no_regression(compare: Bench) -> None:
    assert compare(row(costs(3.6, 3.6, 3.6), costs(3, 3, 3)), options=("--partial",)) == 0


BUSY = replace(VALID, disturbance=0.11)


@pytest.mark.parametrize(
    ("relay", "ceiling", "code"),
    [
        ([BUSY] * 3, [VALID] * 3, 3),
        ([VALID] * 3, [BUSY] * 3, 3),
        ([BUSY, BUSY, VALID], [VALID] * 3, 3),
        ([BUSY, VALID, VALID], [VALID] * 3, 0),
        ([VALID] * 3, None, 3),
        ([VALID] * 3, [replace(VALID, wrong=1)] * 3, 3),
        ([replace(VALID, disturbance=0.1)] * 3, [VALID] * 3, 0),
    ],
)
def test_disturbed_rounds_do_not_count(
    compare: Bench, relay: list[Figures], ceiling: list[Figures] | None, code: int
) -> None:
    assert compare(row(relay, ceiling), options=("--partial",)) == code
    assert ("not judged: " in compare.line(ROW)) == (code == 3)


def test_a_disturbed_function_is_not_judged(compare: Bench) -> None:
    assert compare(function(9.0, 9.0, 9.0, disturbance=0.2)) == 3
    assert "not judged: disturbed: 0 of 3 rounds were quiet" in compare.line(FUNCTION)
    assert compare.output.endswith("0 of 1 judged, so nothing is known\n")


def test_memory_is_judged_on_a_busy_machine(compare: Bench) -> None:
    busy = [replace(OPENED, disturbance=0.5)] * 3
    assert compare(row(busy, busy, OPENING), options=("--partial",)) == 0
    assert compare.line(f"{OPENING}: memory").endswith("same")


def test_lost_messages_fail_however_disturbed(compare: Bench) -> None:
    lost = [replace(BUSY, wrong=2), VALID, VALID]
    assert compare(row(lost, [VALID] * 3), options=("--partial",)) == 1
    assert compare.line(ROW).endswith("WRONG: 2 not delivered once and in order")


@pytest.mark.parametrize(
    ("outcome", "code"), [("met", 0), ("missed", 1), ("wrong", 1), ("unjudged", 3)]
)
def test_studies_bring_their_own_goals(compare: Bench, outcome: str, code: int) -> None:
    assert compare(study(outcome)) == code
    assert "limits: on" in compare.output


def test_what_is_missing_of_a_suite_that_ran_fails(compare: Bench) -> None:
    assert compare(USUAL[0], USUAL[2]) == 1
    assert compare.line(ROW).endswith("MISSING in this run")
    assert compare(USUAL[0], USUAL[2], options=("--partial",)) == 0
    assert compare(USUAL[0]) == 0, "the relay's suite did not run at all"


def test_what_is_new_is_told_and_not_judged(compare: Bench) -> None:
    new = row([VALID] * 3, [VALID] * 3, "another row")
    assert compare(new, options=("--partial",)) == 3
    assert compare.line("another row").endswith("new; store it")


def test_another_yardstick_is_another_ratio(compare: Bench) -> None:
    changed = function(9.0, 9.0, 9.0)
    changed["extra_info"]["yardstick"] = "something else"
    assert compare(changed) == 3
    assert "stored per method call, now per something else" in compare.line(FUNCTION)


def test_only_what_is_fit_replaces_what_was_stored(compare: Bench) -> None:
    before = ratios.load(compare.stored)
    busy = row([BUSY] * 3, [VALID] * 3)
    assert compare(function(2.0, 2.0, 2.0), busy, options=("--store",)) == 0
    after = ratios.load(compare.stored)
    assert after.keys() == before.keys()
    assert (after[FUNCTION].value, after[FUNCTION].tolerance) == (2.0, 0.2)
    assert after[ROW] == before[ROW]
    assert compare(busy, options=("--store",)) == 3


@pytest.mark.parametrize(
    ("rounds", "unfit"),
    [
        ((1.0, 1.0), "2 of the 3 rounds that it needs"),
        ((1.0, 1.0, 1.0), ""),
        ((1.0, 1.0, 1.5), ""),
        ((1.0, 1.0, 1.51), "its rounds differ by 51%"),
        ((0.1, 1.0, 1.0, 1.0, 9.0), ""),
    ],
)
def test_what_may_be_stored(rounds: tuple[float, ...], unfit: str) -> None:
    assert Ratio(CORE, "call", "", rounds).unfit == unfit


@pytest.mark.parametrize(
    ("suite", "rounds", "tolerance"),
    [
        (RELAY, (1.0, 1.0, 1.0), 0.1),
        (RELAY, (1.0, 1.0, 1.25), 0.25),
        (CORE, (1.0, 1.0, 1.125), 0.2),
        (CORE, (1.0,) * 18 + (0.1, 9.0) + (0.2, 8.0), 0.2),
    ],
)
def test_the_tolerance_is_the_spread_but_not_less_than_the_floor(
    suite: str, rounds: tuple[float, ...], tolerance: float
) -> None:
    assert ratios.stored(Ratio(suite, "call", "", rounds)).tolerance == tolerance


def test_rounds_of_several_runs_count_as_one(compare: Bench, tmp_path: Path) -> None:
    files = []
    for value in (1.0, 1.2, 1.4):
        files.append(str(tmp_path / f"{value}.json"))
        Path(files[-1]).write_text(json.dumps({"benchmarks": [function(value)]}))
    assert compare.call("--store", *files) == 0
    kept = ratios.load(compare.stored)[FUNCTION]
    assert (kept.value, kept.tolerance) == (1.2, 0.34)


@pytest.mark.parametrize(
    ("first", "second", "rounds"),
    [
        ({}, {}, (1.0, 2.0)),
        ({"unjudged": "disturbed"}, {}, (2.0,)),
        ({}, {"unjudged": "disturbed"}, (1.0,)),
        ({"wrong": "lost"}, {}, (1.0,)),
        ({"unjudged": "disturbed"}, {"wrong": "lost"}, (2.0,)),
        ({"per": "other"}, {}, (2.0,)),
    ],
)
def test_which_rounds_are_pooled(
    first: dict[str, str], second: dict[str, str], rounds: tuple[float, ...]
) -> None:
    one, two = (Ratio(RELAY, PER_CEILING, "", (value,)) for value in (1.0, 2.0))
    assert ratios.pooled(replace(one, **first), replace(two, **second)).rounds == rounds


def test_figures_of_peers_are_taken_too(compare: Bench) -> None:
    found = Outcome(MACHINE, 3, 1.0, rows={ROW: {"relay": costs(2, 2, 2), "ceiling": [VALID] * 3}})
    assert compare.on(json.dumps(asdict(found)), "--partial") == 1
    assert compare.line(ROW).endswith("WORSE")


BROKEN = function(1.0)
BROKEN["extra_info"]["ratios"] = [{"ratio": float("nan"), "disturbance": 0.0}]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "expected what pytest benchmarks --benchmark-json"),
        ("[]", "expected what pytest benchmarks --benchmark-json"),
        ('{"rows": {}}', "expected what pytest benchmarks --benchmark-json"),
        ('{"benchmarks": 1}', "expected what pytest benchmarks --benchmark-json"),
        (json.dumps({"benchmarks": [BROKEN]}), "expected what pytest benchmarks --benchmark-json"),
        (json.dumps({"benchmarks": [study("odd")]}), "expected what pytest benchmarks"),
        ('{"benchmarks": []}', "nothing to compare in it"),
        ('{"benchmarks": [{"name": "a", "extra_info": {}}]}', "nothing to compare in it"),
    ],
)
def test_other_files_are_refused_in_one_line(compare: Bench, text: str, error: str) -> None:
    assert compare.on(text) == 2
    assert error in compare.error
    assert "b.json: " in compare.error
    assert compare.error.count("\n") == 1
    assert not compare.output


def test_files_that_are_not_there(compare: Bench) -> None:
    assert compare.call("no-such-file.json") == 2
    assert compare.error == (
        "python -m benchmarks.compare: no-such-file.json: No such file or directory\n"
    )
    compare.stored.unlink()
    assert compare(*USUAL) == 2
    assert "r.json: No such file or directory" in compare.error


@pytest.mark.parametrize("change", [{"value": 0}, {"tolerance": 0.01}, {"suite": "x"}, {"per": 1}])
def test_a_spoilt_store_is_refused(compare: Bench, change: dict[str, object]) -> None:
    kept = json.loads(compare.stored.read_text())
    kept["ratios"][ROW] |= change
    compare.stored.write_text(json.dumps(kept))
    assert compare(*USUAL) == 2
    assert "r.json: expected ratios as --store writes them" in compare.error


def test_the_stored_ratios_are_of_what_there_is() -> None:
    """A row or function that is renamed must be renamed there, or leave it."""
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", str(BENCHMARKS / "bench_core.py")],
        capture_output=True,
        text=True,
        check=True,
        cwd=BENCHMARKS.parent,
    )
    functions = {line.partition("::")[2] for line in listed.stdout.splitlines() if "::" in line}
    rows = {each.name for each in ROWS}
    memory = {ratios.memory_name(each.name) for each in ROWS if isinstance(each, OpenRow)}
    kept = ratios.load(ratios.STORE)
    assert {name for name in kept if kept[name].suite == CORE} <= functions
    assert {name for name in kept if kept[name].suite == RELAY} <= rows | memory
    assert kept
