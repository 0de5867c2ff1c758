"""The picture of a plan: what happens to one process as its load grows."""

from collections.abc import Callable
from html import escape
from itertools import pairwise
from typing import Final

from relay.bench.style import STYLE
from relay.bench.svg import LEFT, WIDTH, Axis, Line, Plot, linear, logarithmic
from relay.plan.quantities import show_milliseconds, show_number, show_share
from relay.plan.rounds import Outcome, simulate
from relay.plan.ruled import STYLE as RULED_STYLE
from relay.plan.ruled import Rule, RuledPlot
from relay.plan.show import Report

_STEPS: Final = 28
_FIRST: Final = (0.2, 0.5, 1.0)
"""Of the planned load, which is on the curve, however much more the process could carry."""
_FULL: Final = 0.995
_MOST_FOLDS: Final = 40
_NARROWINGS: Final = 6
_EVENTS: Final = 20_000
_ABOVE_TARGET: Final = 1.1
_CAPTION_HEIGHT: Final = 24
_LEAST_LATENCY: Final = 1e-6

Curve = list[tuple[float, Outcome]]
"""Deliveries a second of one process, and what becomes of them."""


def load_curve(report: Report) -> Curve:
    """From little to the most that one process can carry: its connections stay, and talk more. The steps become smaller where
    latency bends upwards. Empty when what does not grow, such as joins, is more than it can carry already."""
    share, prices = report.sizing.share, report.calibration.prices

    def grown(factor: float) -> tuple[float, Outcome]:
        talk = share.with_messages(share.messages * factor)
        return talk.deliveries_per_second, simulate(prices, talk, _EVENTS)

    full = _fullest(lambda factor: grown(factor)[1].busy < _FULL)
    if not report.is_overloaded:
        full = max(full, 1.0)
    steps = {full * (1.0 - (1.0 - step / _STEPS) ** 2) for step in range(1, _STEPS + 1)}
    steps |= {step for step in _FIRST if step < full}
    curve = [grown(step) for step in sorted(steps) if step]
    return [each for each in curve if each[1].busy < 1.0]


def _fullest(can_carry: Callable[[float], bool]) -> float:
    """By how much the load may grow, nearly; 0 when even very little is too much."""
    low, high = 0.0, 1.0
    for _ in range(_MOST_FOLDS):
        if can_carry(high):
            low, high = high, high * 2
        elif low:
            break
        else:
            high /= 2
    if not low:
        return 0.0
    for _ in range(_NARROWINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if can_carry(middle) else (low, middle)
    return low


def load_plot(report: Report) -> str:
    """An SVG file of its own: latency and processor time against load, the planned point, and what it is to keep to."""
    curve = load_curve(report)
    return _stacked(
        [
            (
                _latency_plot(report, curve),
                "latency inside the relay: p99 dashed, p50 solid; the dot is the p99 of the plan",
            ),
            (_processor_plot(report, curve), "processor time of one process; the dot is the plan"),
        ]
    )


def _latency_plot(report: Report, curve: Curve) -> Plot:
    p99 = [(load, max(outcome.p99, _LEAST_LATENCY)) for load, outcome in curve]
    p50 = [(load, max(outcome.p50, _LEAST_LATENCY)) for load, outcome in curve]
    lines = [Line("p99", p99, "b"), Line("p50", p50, "a")]
    if report.has_latency:
        here = (_planned(report), max(report.sizing.outcome.p99, _LEAST_LATENCY))
        lines.append(Line("planned", [here], "b", has_dots=True))
    target = report.goals.target_p99
    name = f"target p99 {show_milliseconds(target)}"
    values = [y for line in lines for _, y in line.points]
    return RuledPlot(
        "Latency inside the relay against load of one process",
        _load_axis(report, curve),
        logarithmic([*values, target * _ABOVE_TARGET], "latency", show_milliseconds),
        lines,
        height=320,
        rules=[*_load_rules(report, curve), Rule(name, y=target, style="b")],
    )


def _processor_plot(report: Report, curve: Curve) -> Plot:
    busy = [(load, outcome.busy * 100) for load, outcome in curve]
    here = (_planned(report), min(report.sizing.outcome.busy, 1.0) * 100)
    usable = report.goals.usable * 100
    rules = _load_rules(report, curve)
    if report.goals.headroom:
        rules.append(Rule(f"{show_share(report.goals.usable)} of a core may be used", y=usable))
    return RuledPlot(
        "Processor time against load of one process",
        _load_axis(report, curve),
        linear([100.0], "% of a core", lambda value: f"{value:g}"),
        [
            Line("processor", busy, "a", is_area=True),
            Line("planned", [here], "b", has_dots=True),
        ],
        height=260,
        rules=rules,
    )


def _planned(report: Report) -> float:
    return report.sizing.share.deliveries_per_second


def _load_axis(report: Report, curve: Curve) -> Axis:
    loads = [_planned(report), *(load for load, _ in curve)]
    return linear(loads, "deliveries a second of one process", show_number)


def _load_rules(report: Report, curve: Curve) -> list[Rule]:
    """What is planned, and from where on the load would take what is to stay free."""
    load = show_number(_planned(report))
    over = ", more than it can do" * report.is_overloaded
    rules = [Rule(f"plan: {load} deliveries a second{over}", x=_planned(report))]
    most = load_at(curve, report.goals.usable)
    if report.goals.headroom and most is not None:
        share = show_share(report.goals.headroom)
        name = f"headroom of {share}: from {show_number(float(f'{most:.3g}'))} on"
        rules.append(Rule(name, x=most, has_shade=True))
    return rules


def load_at(curve: Curve, busy: float) -> float | None:
    """The load at which a process is so busy, between two points of its curve; None when it never is, or always."""
    for (load, outcome), (next_load, following) in pairwise(curve):
        if outcome.busy <= busy < following.busy:
            share = (busy - outcome.busy) / (following.busy - outcome.busy)
            return load + share * (next_load - load)
    return None


def _stacked(plots: list[tuple[Plot, str]]) -> str:
    """Plots one below the other, each under its caption, in one file with its own colours, light and dark."""
    height = sum(plot.height + _CAPTION_HEIGHT for plot, _ in plots)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif">',
        f"<style>{STYLE}{RULED_STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="var(--back)"/>',
    ]
    top = 0
    for plot, caption in plots:
        parts.append(f'<text class="name" x="{LEFT}" y="{top + 18}">{escape(caption)}</text>')
        top += _CAPTION_HEIGHT
        nested = plot.to_svg().replace(
            "<svg ", f'<svg y="{top}" width="{WIDTH}" height="{plot.height}" ', 1
        )
        parts.append(nested)
        top += plot.height
    return "\n".join([*parts, "</svg>", ""])
