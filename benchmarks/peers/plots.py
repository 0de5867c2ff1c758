"""Bars as SVG: a panel per row, a bar per server, the shortest on top, all panels of a picture on one logarithmic scale.

A bar on a logarithmic scale begins at no zero, so each has its figure written beside it. Light and dark follow the reader's
setting, by CSS in the picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from benchmarks.peers.outcome import CEILING_NAME, RELAY_NAME, Outcome
from benchmarks.peers.report import amount, title

WIDTH, COLUMNS, MARGIN, GAP = 960, 2, 24, 36
NAMES, FIGURES = 108, 56  # room to the left of the bars, and to the right
BAR, STEP, HEAD, FOOT = 13, 19, 34, 26

STYLE = """
.back { fill: #ffffff; } text { font: 12px system-ui, sans-serif; fill: #3b434b; }
.title { font-weight: 600; font-size: 13px; fill: #1c2024; } .tick { fill: #6b747d; font-size: 10.5px; }
.grid { stroke: #e3e5e8; } .bar { fill: #a9b4c0; } .relay { fill: #1f6feb; } .ceiling { fill: none; stroke: #6b747d; }
.name-relay { font-weight: 600; fill: #1f6feb; } .figure { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; }
@media (prefers-color-scheme: dark) {
  .back { fill: #14171a; } text { fill: #c3cad1; } .title { fill: #e8eaed; } .tick { fill: #8b949e; }
  .grid { stroke: #2b3137; } .bar { fill: #55606b; } .relay { fill: #6cb0ff; } .ceiling { stroke: #9aa4af; }
  .name-relay { fill: #6cb0ff; } .figure { stroke: #14171a; }
}
"""


@dataclass(frozen=True)
class Panel:
    """`values` by server; those not measured are left out."""

    title: str
    values: Mapping[str, float]

    @property
    def height(self) -> int:
        return HEAD + len(self.values) * STEP + FOOT


@dataclass(frozen=True)
class Scale:
    """Logarithmic, from `low` to `high`."""

    low: float
    high: float

    def share(self, value: float) -> float:
        span = math.log10(self.high / self.low)
        return min(max(math.log10(value / self.low) / span, 0.0), 1.0)

    def decades(self) -> Iterator[float]:
        first = math.ceil(math.log10(self.low) - 1e-9)
        last = math.floor(math.log10(self.high) + 1e-9)
        yield from (10.0**power for power in range(first, last + 1))


def scale_of(panels: Sequence[Panel]) -> Scale:
    """The nearest of 1, 2 and 5 times a power of ten below and above all values, and at least one power of ten between."""
    values = [value for panel in panels for value in panel.values.values()]
    low, high = min(values), max(values)
    marks = [
        factor * 10.0**power
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 2)
        for factor in (1, 2, 5)
    ]
    low = max(mark for mark in marks if mark <= low * (1 + 1e-9))
    return Scale(low, next(mark for mark in marks if mark >= max(high, low * 10) * (1 - 1e-9)))


def panels_of(outcome: Outcome, rows: Sequence[str], figure: str, unit: str) -> list[Panel]:
    found = []
    for row in rows:
        middles = {name: outcome.middle(row, name) for name in outcome.versions}
        values = {name: float(getattr(each, figure)) for name, each in middles.items() if each}
        values = {name: value for name, value in values.items() if value > 0}
        if values:
            found.append(Panel(f"{title(row)}: {unit}", values))
    return found


def write(outcome: Outcome, directory: Path) -> list[Path]:
    """Three pictures: processor time and p99 of deliveries, and connections. Returns those that there was something for."""
    loads, opens = outcome.load_rows(), outcome.open_rows()
    cpu = panels_of(outcome, loads, "server_us", "CPU µs per delivery")
    p99 = panels_of(outcome, loads, "p99_ms", "p99, ms")
    handshakes = panels_of(outcome, opens, "server_us", "CPU µs of one")
    memory = panels_of(outcome, opens, "bytes_per_connection", "bytes of one, idle")
    pictures = {
        "cpu": [(panel, scale_of(cpu)) for panel in cpu],
        "p99": [(panel, scale_of(p99)) for panel in p99],
        "connections": [(panel, scale_of([panel])) for panel in (*handshakes, *memory)],
    }
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, placed in pictures.items():
        if placed:
            written.append(directory / f"peers-{name}.svg")
            written[-1].write_text(picture(placed))
    return written


def picture(placed: Sequence[tuple[Panel, Scale]]) -> str:
    width = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS
    parts, top = [], MARGIN / 2
    for first in range(0, len(placed), COLUMNS):
        line = placed[first : first + COLUMNS]
        for i, (panel, scale) in enumerate(line):
            left = MARGIN + i * (width + GAP)
            parts.append(f'<g transform="translate({left:.1f} {top:.1f})">')
            parts += [*drawn(panel, scale, width), "</g>"]
        top += max(panel.height for panel, _ in line) + MARGIN / 2
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top:.0f}" width="{WIDTH}" height="{top:.0f}">',
            f"<style>{STYLE}</style>",
            f'<rect class="back" width="{WIDTH}" height="{top:.0f}"/>',
            *parts,
            "</svg>\n",
        )
    )


def drawn(panel: Panel, scale: Scale, width: float) -> Iterator[str]:
    room = width - NAMES - FIGURES
    bottom = HEAD + len(panel.values) * STEP
    yield f'<text class="title" x="0" y="16">{escape(panel.title)}</text>'
    for value in scale.decades():
        x = NAMES + scale.share(value) * room
        yield f'<path class="grid" d="M{x:.1f} {HEAD - 6}V{bottom}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{value:,g}</text>'
    for i, (name, value) in enumerate(sorted(panel.values.items(), key=lambda item: item[1])):
        yield from bar(name, value, HEAD + i * STEP, scale.share(value) * room)


def bar(name: str, value: float, top: float, length: float) -> Iterator[str]:
    kind = name if name in (RELAY_NAME, CEILING_NAME) else "bar"
    emphasis = " name-relay" if name == RELAY_NAME else ""
    baseline = top + BAR - 2
    yield f'<text class="name{emphasis}" x="{NAMES - 8}" y="{baseline}" text-anchor="end">{escape(name)}</text>'
    yield f'<rect class="{kind}" x="{NAMES}" y="{top}" width="{max(length, 1):.1f}" height="{BAR}" rx="2"/>'
    yield f'<text class="figure{emphasis}" x="{NAMES + length + 6:.1f}" y="{baseline}">{amount(value)}</text>'
