"""The three plots of the report: latency by percentile, the run over time, and how receivers differ."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from relay.bench.svg import Axis, Line, Plot, Point, linear, logarithmic
from relay.bench.text import amount, ms

_RECEIVERS_SHOWN: Final = 300
_NINES: Final = (50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 99.9999)

Figures = Mapping[str, Any]


def latency_plot(latency: Figures) -> Plot:
    """Percentiles that get wider towards 100, as in HDR histograms' own plots, so that the rare ones can be seen."""
    points = [(percentile, value) for percentile, value in latency["curve"]]
    lines = [Line("all receivers", points, "a", is_area=True)]
    if latency["worst_receiver"] is not None:
        lines.append(
            Line(
                "worst receiver", worst_points(latency), "b", has_dots=True, label=_percentile_label
            )
        )
    values = [value for line in lines for _, value in line.points]
    return Plot(
        "Latency by percentile",
        percentiles(latency["all"]["samples"]),
        logarithmic(values, "latency", ms),
        lines,
    )


def percentiles(samples: int) -> Axis:
    """As far to the right as so many samples can tell: one of a thousand is the 99.9th percentile."""
    least = 1 / max(samples, 10)
    ticks = [
        (0.0, "0"),
        *((nine, f"{nine:g} %") for nine in _NINES if 1 - nine / 100 >= least * 0.999),
    ]
    return Axis(
        0.0,
        100.0,
        ticks,
        "percentile",
        scale=lambda value: -math.log10(max(1 - value / 100, least)),
    )


def worst_points(latency: Figures) -> list[Point]:
    worst = latency["worst_receiver"]
    named = ((50.0, "p50"), (90.0, "p90"), (99.0, "p99"), (99.9, "p99_9"), (100.0, "max"))
    return [(percentile, worst[name]) for percentile, name in named]


def _percentile_label(point: Point) -> str:
    return f"{'max' if point[0] == 100 else f'p{point[0]:g}'}: {ms(point[1])}"


def rate_plot(time_line: Sequence[Figures]) -> Plot:
    """Deliveries a second over time."""
    points = [(each["at_seconds"], each["deliveries_per_second"]) for each in time_line]
    return Plot(
        "Deliveries per second over time",
        _time_axis(time_line),
        linear((y for _, y in points), "deliveries/s", short),
        [Line("deliveries per second", points, "a", is_area=True)],
        height=200,
    )


def latency_over_time_plot(time_line: Sequence[Figures]) -> Plot:
    """Below the one of the rate, over the same seconds."""
    with_any = [each for each in time_line if each["deliveries_per_second"]]
    lines = [
        Line(name, [(each["at_seconds"], each[key]) for each in with_any], style)
        for name, key, style in (
            ("longest", "max_ms", "c"),
            ("p99", "p99_ms", "b"),
            ("p50", "p50_ms", "a"),
        )
    ]
    return Plot(
        "Latency over time",
        _time_axis(time_line),
        logarithmic((y for line in lines for _, y in line.points), "latency", ms),
        lines,
        height=220,
    )


def _time_axis(time_line: Sequence[Figures]) -> Axis:
    seconds = [each["at_seconds"] for each in time_line]
    axis = linear(seconds, "seconds since the run began", lambda value: f"{value:g}", parts=10)
    end = max(seconds, default=1.0)
    return Axis(0.0, end, [tick for tick in axis.ticks if tick[0] <= end * 1.0001], axis.title)


def spread_plot(receivers: Sequence[Figures]) -> Plot:
    """Receivers side by side, the best at the left: a flat line says that all fared alike."""
    shown = thinned(receivers)
    lines = [
        Line(name, [(place, each[key]) for place, each in shown], style)
        for name, key, style in (("longest", "max", "c"), ("p99", "p99", "b"), ("p50", "p50", "a"))
    ]
    ticks = [(float(share), f"{share} %") for share in (0, 25, 50, 75, 100)]
    return Plot(
        "Latency by receiver",
        Axis(0.0, 100.0, ticks, "receivers, ordered by their p99"),
        logarithmic((y for line in lines for _, y in line.points), "latency", ms),
        lines,
    )


def thinned(receivers: Sequence[Figures]) -> list[tuple[float, Figures]]:
    """At most some hundred of them, evenly, the first and the last included, each with its place from 0 to 100."""
    last = len(receivers) - 1
    count = min(len(receivers), _RECEIVERS_SHOWN)
    numbers = [round(i * last / max(count - 1, 1)) for i in range(count)]
    return [(100.0 * number / max(last, 1), receivers[number]) for number in numbers]


def short(value: float) -> str:
    """A large number in a few characters."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return amount(value) if value else "0"
