"""The picture of a plan: how far its curves go, what is drawn beside them, and that it can be read."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from relay.bench.svg import LETTER, WIDTH, Line, linear
from relay.plan import plots
from relay.plan.plots import load_at, load_curve, load_plot
from relay.plan.ruled import Rule, RuledPlot
from relay.plan.show import Report
from relay.plan.sizing import Goals, size, sizing_of
from relay.plan.workload import Workload

from .machines import calibration, workload

SVG = "{http://www.w3.org/2000/svg}"
GOALS = Goals(target_p99=0.05, headroom=0.3)
LETTER_HEIGHT = 9.0


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "_EVENTS", 6000)


def report_of(asked: Workload, goals: Goals = GOALS, processes: int | None = None) -> Report:
    machine = calibration()
    sizing = (
        sizing_of(machine, asked, goals, processes, 2)
        if processes
        else size(machine, asked, goals, 2)
    )
    return Report(calibration=machine, workload=asked, goals=goals, sizing=sizing)


class Box(NamedTuple):
    text: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def boxes(svg: str) -> list[Box]:
    """Where the level texts stand, by the width of their letters."""
    root = ElementTree.fromstring(svg)
    found = [_box(text, 0.0) for text in root.findall(f"{SVG}text")]
    for plot in root.findall(f"{SVG}svg"):
        found += [
            _box(text, float(plot.attrib["y"]))
            for text in plot.iter(f"{SVG}text")
            if "transform" not in text.attrib
        ]
    return found


def _box(text: ElementTree.Element, top: float) -> Box:
    words = text.text or ""
    width = len(words) * LETTER
    x, y = float(text.attrib["x"]), float(text.attrib["y"]) + top
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[text.get("text-anchor", "start")]
    return Box(words, left, y - LETTER_HEIGHT, left + width, y)


def texts(svg: str) -> list[str]:
    return [box.text for box in boxes(svg)]


def test_goals_and_the_plan_are_in_the_picture() -> None:
    svg = load_plot(report_of(workload(connections=3000)))
    told = texts(svg)
    assert told.count("plan: 27 000 deliveries a second") == 2
    assert "target p99 50 ms" in told
    assert "70% of a core may be used" in told
    [name, again] = [text for text in told if text.startswith("headroom of 30%: from ")]
    assert name == again
    assert svg.count('class="shade"') == 2
    assert svg.count('class="dot b"') == 2


def test_curves_go_to_where_a_process_is_full_and_latency_bends() -> None:
    curve = load_curve(report_of(workload(connections=3000)))
    (_, light), (last, full) = curve[0], curve[-1]
    assert light.busy < 0.1
    assert full.busy > 0.97
    assert full.p99 > 5 * light.p99
    assert [load for load, _ in curve] == sorted(load for load, _ in curve)
    assert any(load == pytest.approx(27_000) for load, _ in curve)
    assert last > 2 * 27_000


def test_where_the_headroom_begins() -> None:
    """70 % of a core is 70 000 sends a second, at 10 microseconds each."""
    curve = load_curve(report_of(workload(connections=3000)))
    assert load_at(curve, 0.7) == pytest.approx(70_000, rel=0.03)
    assert load_at(curve, 2.0) is None


def test_no_headroom_is_not_drawn() -> None:
    told = texts(load_plot(report_of(workload(), Goals(target_p99=0.05, headroom=0.0))))
    assert not [text for text in told if "headroom" in text or "may be used" in text]


def test_a_plan_that_is_too_much_has_no_latency() -> None:
    svg = load_plot(report_of(workload(connections=30_000), processes=1))
    assert "plan: 270 000 deliveries a second, more than it can do" in texts(svg)
    assert svg.count('class="dot b"') == 1


def test_joins_alone_are_too_much() -> None:
    """No load that could be drawn is left; what is planned is told all the same."""
    svg = load_plot(report_of(workload(connections=100, joins=1e5), processes=1))
    assert "plan: 900 deliveries a second, more than it can do" in texts(svg)


@pytest.mark.parametrize(
    ("connections", "size", "goals", "processes"),
    [
        (3000, 10.0, GOALS, None),
        (7600, 10.0, GOALS, None),
        (50, 10.0, GOALS, None),
        (30_000, 10.0, GOALS, 1),
        (3000, 10.0, Goals(target_p99=0.0005, headroom=0.05), None),
        (3000, 10.0, Goals(target_p99=3600.0, headroom=0.99), 3),
        (200, 100.0, Goals(target_p99=0.002, headroom=0.3), None),
    ],
    ids=["half", "full", "idle", "too much", "at the target", "far targets", "large channels"],
)
def test_names_do_not_overlap(
    connections: int, size: float, goals: Goals, processes: int | None
) -> None:
    asked = workload(connections=connections, channel_size=size)
    found = boxes(load_plot(report_of(asked, goals, processes)))
    assert [
        (one.text, other.text) for one, other in combinations(found, 2) if one.meets(other)
    ] == []
    assert [box.text for box in found if not 0 <= box.left <= box.right <= WIDTH] == []


def test_a_name_stands_where_no_line_is() -> None:
    """The line comes from the left along the rule and leaves it at the right, upwards."""
    plot = RuledPlot(
        "title",
        linear([100.0], "x", str),
        linear([100.0], "y", str),
        [Line("line", [(0.0, 55.0), (60.0, 55.0), (100.0, 100.0)], "a")],
        rules=[Rule("a level", y=50.0)],
    )
    [name] = [
        _box(text, 0.0)
        for text in ElementTree.fromstring(plot.to_svg()).iter("text")
        if text.text == "a level"
    ]
    assert name.left > WIDTH / 2
