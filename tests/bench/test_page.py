"""The page of a report: well-formed, by itself, and drawn where the figures are."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from relay._load import CloseReport, StalledReport
from relay.bench.figures import figures_of
from relay.bench.page import page_of, percent
from relay.bench.plots import latency_plot, percentiles, rate_plot, spread_plot, thinned
from relay.bench.style import STYLE
from relay.bench.svg import (
    HEIGHT,
    NARROW,
    WIDTH,
    Axis,
    Line,
    Plot,
    linear,
    logarithmic,
    nice_step,
    spaced,
)

from .results import RESULT, result_with

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Outline(HTMLParser):
    """Every element closed in order; all names and values of attributes kept."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline_of(page: str) -> Outline:
    outline = Outline()
    outline.feed(page)
    outline.close()
    assert outline.open == []
    return outline


def page_with(**figures: Any) -> str:
    return page_of(figures_of(RESULT) | figures)


def test_a_page_is_well_formed_and_needs_nothing_else() -> None:
    page = page_with()
    outline = outline_of(page)
    assert page.startswith("<!doctype html>")
    assert not {"script", "link", "img", "iframe", "object"} & set(outline.seen)
    names = {name for name, _ in outline.attributes}
    assert not {"src", "href", "srcset"} & names
    assert not any(name.startswith("on") for name in names)
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page


def test_every_plot_is_xml_of_its_own() -> None:
    found = re.findall(r"<svg.*?</svg>", page_with(), re.DOTALL)
    assert len(found) > 4
    for svg in found:
        ET.fromstring(svg)
    with_titles = [svg for svg in found if 'role="img"' in svg]
    assert len(with_titles) == 8  # four, each for a wide and for a narrow screen
    assert all("<title>" in svg and "aria-label=" in svg for svg in with_titles)


def test_all_figures_are_on_it() -> None:
    page = page_with()
    for text in ("4 ms", "200", "100 %", "2,000 µs", "valid: the generator", "10 x 50 members"):
        assert text in page, text


def test_what_comes_from_outside_is_text() -> None:
    figures = figures_of(RESULT)
    figures["plan"]["url"] = "ws://127.0.0.1/<b>&\"'"
    figures["verdict"]["notes"] = ["<script>alert(1)</script>"]
    outline = outline_of(page_of(figures))
    assert "b" not in outline.seen
    assert "script" not in outline.seen


def test_notes_and_verdict() -> None:
    page = page_of(figures_of(result_with(delivered=0, lost=1000)))
    assert 'class="verdict invalid"' in page
    assert "1,000 lost" in page
    assert 'class="verdict valid"' in page_with()
    assert 'class="notes"' not in page_with(
        verdict={"is_valid": True, "text": "valid", "notes": []}
    )


def test_a_page_of_connections_alone() -> None:
    plan = replace(RESULT.plan, seconds=0.0)
    result = replace(
        RESULT, run=None, plan=plan, closing=CloseReport({}, StalledReport(0, {}, 0), {})
    )
    page = page_of(figures_of(result))
    outline_of(page)
    assert "<figure>" not in page
    assert "connections" in page


@pytest.mark.parametrize(
    "change", [{"distribution": ()}, {"receivers": ()}, {"intervals": ()}, {"receivers": RESULT.run.report.receivers[:2]}]  # type: ignore[union-attr]
)  # fmt: skip
def test_what_was_not_measured_is_not_drawn(change: dict[str, Any]) -> None:
    page = page_of(figures_of(result_with(**change)))
    outline_of(page)
    assert 1 <= page.count("<figure>") < 4


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(1, "100 %"), (0.99999999, "99.9999 %"), (0.5, "50.0000 %"), (0, "0.0000 %")],
)
def test_only_all_is_a_hundred_percent(ratio: float, text: str) -> None:
    assert percent(ratio) == text


# --- axes and lines


@pytest.mark.parametrize(
    ("least", "step"),
    [(1, 1), (1.01, 2), (2.3, 2.5), (2.6, 5), (5.1, 10), (0.03, 0.05), (1e6, 1e6)],
)
def test_steps_are_round(least: float, step: float) -> None:
    assert nice_step(least) == pytest.approx(step)


def test_a_linear_axis_holds_all_values() -> None:
    axis = linear([3.0, 90.0], "x", str)
    assert [value for value, _ in axis.ticks] == [0, 25, 50, 75, 100]
    assert (axis.place(0), axis.place(50), axis.place(100)) == (0, 0.5, 1)
    assert linear([], "x", str).place(0) == 0


@pytest.mark.parametrize("values", [[], [0.0], [1.0], [0.4, 7000.0], [3e-4, 5e-4]])
def test_a_logarithmic_axis_holds_all_values(values: list[float]) -> None:
    axis = logarithmic(values, "x", str)
    assert axis.low < axis.high
    for value in values:
        assert value == 0 or axis.low <= value <= axis.high * (1 + 1e-9)
        assert 0 <= axis.place(value) <= 1
    assert 2 <= len(axis.ticks) <= 8


def test_percentiles_reach_as_far_as_the_samples_tell() -> None:
    assert [name for _, name in percentiles(1000).ticks] == ["0", "50 %", "90 %", "99 %", "99.9 %"]
    assert percentiles(1000).place(99.9) == percentiles(1000).place(100) == pytest.approx(1)
    assert percentiles(10**6).place(90) == pytest.approx(1 / 6)


def test_points_lie_where_their_values_are() -> None:
    axis = Axis(0.0, 10.0, [], "")
    plot = Plot("t", axis, axis, [Line("l", [(0, 0), (10, 10)], "a", is_area=True)])
    area, line = re.findall(r'd="([^"]*)"', plot.to_svg())[-2:]
    numbers = [float(number) for number in re.findall(r"[\d.]+", line)]
    assert numbers[0] < numbers[2]
    assert numbers[1] > numbers[3]
    assert numbers[1] < HEIGHT
    assert area.endswith("Z")


def test_each_plot_is_drawn_for_wide_and_for_narrow_screens() -> None:
    page = page_with()
    for kind, width in (("wide", WIDTH), ("narrow", NARROW)):
        assert page.count(f'<div class="{kind}"><svg viewBox="0 0 {width} ') == 4
    assert "min-width" not in STYLE  # what is wider than the screen is cut off at its edge


def test_nothing_of_a_narrow_plot_is_beyond_its_edge() -> None:
    narrow = replace(latency_plot(figures_of(RESULT)["latency_ms"]), width=NARROW)
    places = re.findall(r'(?:[MLH]| x="| cx=")(\d+\.?\d*)', narrow.to_svg())
    assert len(places) > 20
    assert all(0 <= float(x) <= NARROW for x in places)


@pytest.mark.parametrize(
    ("apart", "kept"),
    [(40, "abcd"), (19.5, "abcd"), (19.4, "ac"), (9.8, "ac"), (9.7, "ad"), (1, "a")],
)
def test_names_that_would_run_into_each_other_are_left_out(apart: float, kept: str) -> None:
    """Each has two letters of six and a half, and a letter between them."""
    names = [(i * apart, letter * 2) for i, letter in enumerate("abcd")]
    assert "".join(name[0] for _, name in spaced(names)) == kept


def test_many_receivers_are_thinned_evenly() -> None:
    shown = thinned([{"n": i} for i in range(10_000)])
    assert len(shown) == 300
    assert (shown[0], shown[-1]) == ((0.0, {"n": 0}), (100.0, {"n": 9999}))
    assert [each["n"] for _, each in thinned([{"n": 0}, {"n": 1}])] == [0, 1]


def test_plots_of_the_figures() -> None:
    figures = figures_of(RESULT)
    assert len(latency_plot(figures["latency_ms"]).lines) == 2
    assert rate_plot(figures["time_line"]).lines[0].points[-1] == (5.0, 200.0)
    assert len(spread_plot(figures["receivers_ms"]).lines[0].points) == 3
