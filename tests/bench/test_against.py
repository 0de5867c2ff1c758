"""The before and after of a change: what is compared, and how it is told."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.against import PAIRS, built, chosen, lines, main, of_checkout
from benchmarks.contenders import RELAY, Contender
from benchmarks.figures import Figures

ROOT = Path(__file__).parent.parent.parent
FIGURES = Figures(1000.0, 2.0, 1.0, 2.0, 0, 0.9, 0.5, 0.0)


def test_a_ratio_is_the_median_of_the_rounds_own() -> None:
    """2/4, 3/4 and 9/10: not the ratio of the medians, 3/4 of each."""
    ours = [replace(FIGURES, server_us=us) for us in (2.0, 3.0, 9.0)]
    other = [replace(FIGURES, server_us=us) for us in (4.0, 4.0, 10.0)]
    [_, _, told] = lines("a row", ours, other)
    assert told.strip() == "this / other: CPU 0.75 (0.50 to 0.90)"


def test_the_other_is_the_same_command_with_another_package(tmp_path: Path) -> None:
    (tmp_path / "relay").mkdir()
    (tmp_path / "relay" / "__main__.py").write_text("print('the other relay')")
    other = of_checkout(tmp_path, Contender("relay", "1", [*RELAY, "serve"]))
    told = subprocess.run(other.command, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert told.stdout == "the other relay\n"


def test_rows_are_chosen_by_parts_of_their_names() -> None:
    assert chosen("1 x 2, ") == PAIRS
    assert [row.name for row in chosen("16 KiB; 1 x 2, 1 ")] == [
        "1 x 2, 1 in flight",
        "10 x 100, 16 KiB payload",
    ]


def test_this_checkout_is_built() -> None:
    assert built(str(ROOT)) == ROOT


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["."], "in which make build has been run"),
        ([str(ROOT), "--rows", "nonsense"], "expected parts of 1 x 2, 1 in flight; "),
        ([str(ROOT), "--rounds", "0"], "--rounds: expected 1 or more, got 0"),
        ([str(ROOT), "--seconds", "-1"], "--seconds: expected more than 0"),
        ([], "checkout"),
    ],
)
def test_wrong_arguments(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [str(tmp_path) if each == "." else each for each in arguments]
    monkeypatch.setattr("sys.argv", ["against", *given])
    with pytest.raises(SystemExit) as refused:
        main()
    assert refused.value.code == 2
    assert words in capsys.readouterr().err
