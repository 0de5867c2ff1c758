"""The picture of a plan: what happens to one process as its load grows."""

from html import escape
from typing import Final

from relay.bench.style import STYLE
from relay.bench.svg import LEFT, WIDTH, Line, Plot, linear, logarithmic
from relay.plan.quantities import show_milliseconds, show_number
from relay.plan.rounds import Outcome, simulate
from relay.plan.show import Report

_STEPS: Final = 24
_FULL: Final = 0.995
_EVENTS: Final = 20_000
_CAPTION_HEIGHT: Final = 24


def load_curve(report: Report) -> list[tuple[float, Outcome]]:
    """Deliveries a second of one process and what becomes of them, from little to the most it can carry: its connections stay,
    and talk more."""
    share = report.sizing.share
    prices = report.calibration.prices
    busy = max(report.sizing.outcome.busy, 1e-6)
    curve = []
    for step in range(1, _STEPS + 1):
        factor = 1.1 / busy * step / _STEPS
        talk = share.with_messages(share.messages * factor)
        outcome = simulate(prices, talk, _EVENTS)
        if outcome.busy >= _FULL:
            break
        curve.append((talk.deliveries_per_second, outcome))
    return curve


def load_plot(report: Report) -> str:
    """An SVG file of its own: latency and processor time against load, and the planned point."""
    curve = load_curve(report)
    planned = report.sizing.share.deliveries_per_second
    p99 = [(load, max(outcome.p99, 1e-6)) for load, outcome in curve]
    p50 = [(load, max(outcome.p50, 1e-6)) for load, outcome in curve]
    busy = [(load, outcome.busy * 100) for load, outcome in curve]
    loads = [load for load, _ in curve] or [1.0]
    here = report.sizing.outcome
    latency = Plot(
        "Latency inside the relay against load of one process",
        linear(loads, "deliveries a second of one process", show_number),
        logarithmic((y for _, y in p99 + p50), "latency", show_milliseconds),
        [
            Line("p99", p99, "b"),
            Line("p50", p50, "a"),
            Line("planned", [(planned, max(here.p99, 1e-6))], "b", has_dots=True),
        ],
        height=280,
    )
    processor = Plot(
        "Processor time against load of one process",
        linear(loads, "deliveries a second of one process", show_number),
        linear((y for _, y in busy), "% of a core", lambda value: f"{value:g}"),
        [
            Line("processor", busy, "a", is_area=True),
            Line("planned", [(planned, here.busy * 100)], "b", has_dots=True),
        ],
        height=220,
    )
    return _stacked(
        [
            (latency, "latency inside the relay: p99 dashed, p50 solid; the dot is the plan"),
            (processor, "processor time of one process; the dot is the plan"),
        ]
    )


def _stacked(plots: list[tuple[Plot, str]]) -> str:
    """Plots one below the other, each under its caption, in one file with its own colours, light and dark."""
    height = sum(plot.height + _CAPTION_HEIGHT for plot, _ in plots)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif">',
        f"<style>{STYLE}</style>",
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
