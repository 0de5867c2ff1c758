"""From figures to tables, ratios, marks and pictures."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.figures import Figures
from benchmarks.peers import document, outcome, plots, report
from benchmarks.peers.outcome import Outcome

VALID = Figures(1e6, 1.0, 1.0, 2.0, 0, 0.99, 0.5, 0.0)
OPENED = replace(VALID, server_us=23.0, bytes_per_connection=262.0, is_load=False)
ROW, OPEN_ROW = "1 x 100, 8 in flight", "10000 opening handshakes"
MACHINE = [
    "2026-11-21 10:00 UTC, revision abc",
    "a processor; a system",
    "relay 1, bun 2; Python 3, trio 4, Cython 5",
    "server on one core; load average 0.1 at the start, should be near 0",
]


def costs(*microseconds: float) -> list[Figures]:
    return [replace(VALID, server_us=each) for each in microseconds]


@pytest.fixture
def found() -> Outcome:
    return Outcome(
        MACHINE,
        rounds=3,
        seconds=1.0,
        versions={"relay": "1", "ceiling": "cc", "bun": "2", "ws": "3"},
        skipped={"nchan": "only root can install it"},
        rows={
            ROW: {
                "relay": costs(1.0, 2.0, 9.0),
                "ceiling": costs(0.5, 1.0, 4.5),
                "bun": costs(0.997, 4.0, 8.97),
            },
            OPEN_ROW: {
                "relay": [OPENED],
                "bun": [replace(OPENED, server_us=18.4, bytes_per_connection=2620.0)],
            },
        },
        failed={ROW: {"ws": "the server ended"}},
    )


def row_of(table: str, begins: str) -> list[str]:
    line = next(line for line in table.splitlines() if line.startswith(f"| {begins}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_ratio_is_the_median_of_the_rounds_own(found: Outcome) -> None:
    assert found.ratio(ROW, "bun") == pytest.approx(1.003, abs=1e-4)
    assert found.ratio(ROW, "ceiling") == 2.0
    assert found.ratio(ROW, "ws") is None


def test_what_is_kept_comes_back(found: Outcome, tmp_path: Path) -> None:
    found.save(tmp_path / "new" / "figures.json")
    assert outcome.load(tmp_path / "new" / "figures.json") == found


@pytest.mark.parametrize("text", ["", "[]", '{"rows": 1}', '{"machine": [], "rounds": 1, "x": 2}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "figures.json").write_text(text)
    with pytest.raises(ValueError, match="expected the figures that --json writes"):
        outcome.load(tmp_path / "figures.json")


def test_a_table_has_a_row_per_load_and_a_column_per_server(found: Outcome) -> None:
    text = report.markdown(found)
    assert row_of(text, "row") == ["row", "relay", "ceiling", "bun", "ws"]
    assert row_of(text, "1 \N{MULTIPLICATION SIGN} 100")[1:] == ["**2**", "1", "4", "-"]
    assert row_of(text, "CPU µs per opening")[1:] == ["**23**", "-", "18.4", "-"]
    assert row_of(text, "relay / other")[2:] == ["-", "1.25", "-"]


def test_reasons_are_told(found: Outcome) -> None:
    text = report.markdown(found)
    assert "nchan was left out: only root can install it." in text
    assert "ws failed at 1 \N{MULTIPLICATION SIGN} 100, 8 in flight: the server ended." in text


def test_where_the_relay_is_not_ahead(found: Outcome) -> None:
    lines = list(report.not_ahead(found))
    assert (
        lines[0]
        == "- 10000 opening handshakes, processor time: bun takes less, the ratio is **1.25**"
    )
    assert lines[1:] == [""], "at 1.00 to two digits neither is ahead, and the ceiling is no relay"


@pytest.mark.parametrize(
    ("figures", "mark"),
    [
        (VALID, ""),
        (replace(VALID, generator_utilisation=0.98), ""),
        (replace(VALID, generator_utilisation=0.99), "†"),
        (replace(OPENED, generator_utilisation=1.0), ""),
        (replace(VALID, disturbance=0.1), ""),
        (replace(VALID, disturbance=0.11), "~"),
        (replace(VALID, disturbance=0.11, wrong=1), "‡"),
    ],
)
def test_figures_that_should_not_be_taken_at_their_word(figures: Figures, mark: str) -> None:
    assert report.mark(figures) == mark


@pytest.mark.parametrize(
    ("theirs", "text"), [(0.8, "1.25"), (10.0, "0.10"), (10.2, "0.1"), (300.0, "0.003")]
)
def test_small_ratios_have_a_digit(found: Outcome, theirs: float, text: str) -> None:
    found.rows[ROW] |= {"relay": costs(1.0), "bun": costs(theirs)}
    assert report.ratio_cell(found, ROW, "bun") == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.01934, "0.0193"), (3.749, "3.75"), (999.4, "999"), (1000.0, "1,000")]
)
def test_amounts_have_three_digits(value: float, text: str) -> None:
    assert report.amount(value) == text


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    old = f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n"
    new = document.replaced(old, "new\n", "file")
    assert new == f"before\n{document.BEGIN}\n\nnew\n\n{document.END}\nafter\n"
    assert document.replaced(new, "new", "file") == new


@pytest.mark.parametrize(
    "text",
    [
        "",
        document.BEGIN,
        document.END,
        f"{document.END}\n{document.BEGIN}",
        f"{document.BEGIN}\n{document.END}\n{document.BEGIN}\n{document.END}",
    ],
)
def test_markers_must_be_there_once(text: str) -> None:
    with pytest.raises(ValueError, match="file: expected the lines"):
        document.replaced(text, "new", "file")


def test_a_picture_has_a_bar_per_server_the_shortest_on_top(found: Outcome, tmp_path: Path) -> None:
    paths = plots.write(found, tmp_path)
    assert [path.name for path in paths] == [
        "peers-cpu.svg",
        "peers-p99.svg",
        "peers-connections.svg",
    ]
    root = ElementTree.fromstring(paths[0].read_text())
    kinds = [each.get("class") for each in root.iter() if each.tag.endswith("rect")]
    assert kinds == ["back", "ceiling", "relay", "bar"]


def test_no_picture_of_nothing(tmp_path: Path) -> None:
    assert plots.write(Outcome(MACHINE, 1, 1.0), tmp_path) == []


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [((1.0,), 1, 10), ((0.019, 40.0), 0.01, 50), ((2.5, 5.1), 2, 20), ((5.0, 50.0), 5, 50)],
)
def test_the_scale_ends_at_round_numbers(
    values: tuple[float, ...], low: float, high: float
) -> None:
    panel = plots.Panel("", {str(i): value for i, value in enumerate(values)})
    scale = plots.scale_of([panel])
    assert (scale.low, scale.high) == (pytest.approx(low), pytest.approx(high))
    assert scale.share(math.sqrt(low * high)) == pytest.approx(0.5)
