"""The command line of `python -m benchmarks.peers`."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers import document
from benchmarks.peers.__main__ import arguments, main
from benchmarks.peers.outcome import Outcome
from benchmarks.rows import ROWS

NOTHING = Outcome(
    ["now, revision abc", "a processor", "relay 1; Python 3", "one core; load 0"], 1, 1.0
)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch):
    def with_arguments(*words: str):
        monkeypatch.setattr("sys.argv", ["peers", *words])
        return arguments()

    return with_arguments


def test_all_rows_and_all_peers_unless_told(call) -> None:
    options = call()
    assert (options.rounds, options.seconds, len(options.rows)) == (5, 2.0, len(ROWS))


def test_rows_by_parts_of_their_names(call) -> None:
    options = call("--rows", "8 in flight; 16 KiB")
    assert [row.name for row in options.rows] == [
        "1 x 100, 8 in flight",
        "1 x 10000, 8 in flight",
        "10 x 100, 16 KiB payload",
    ]
    assert call("--rows", "1 \N{MULTIPLICATION SIGN} 10000").rows == (ROWS[4],)


def test_peers_keep_their_order(call) -> None:
    assert [peer.name for peer in call("--peers", "ws, ceiling").peers] == ["ceiling", "ws"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--peers", "ws,nobody"], "--peers: expected names that --list tells, got 'nobody'"),
        (
            ["--rows", "64;no such row"],
            "--rows: expected parts of names that --list tells, got 'no such row'",
        ),
        (["--rounds", "0"], "--rounds: expected 1 or more, got 0"),
        (["--seconds", "0"], "--seconds: expected more than 0, at most 3600, got 0"),
        (["--seconds", "3601"], "--seconds: expected more than 0, at most 3600, got 3601"),
        (["--from", "no-such-file"], "no-such-file"),
        (["--write", "no-such-file"], "no-such-file"),
        (["--write", __file__], "expected the lines"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_measured(
    call, capsys: pytest.CaptureFixture[str], words: list[str], error: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        call(*words)
    assert ended.value.code == 2
    assert error in capsys.readouterr().err


def test_figures_become_a_document_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    figures, page = tmp_path / "figures.json", tmp_path / "page.md"
    NOTHING.save(figures)
    page.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n")
    monkeypatch.setattr("sys.argv", ["peers", "--from", str(figures), "--write", str(page)])
    main()
    written = page.read_text()
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    assert "now, revision abc" in written
    assert "old" not in written
    assert "revision abc" in capsys.readouterr().out
