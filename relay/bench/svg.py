"""Plots as SVG, drawn by hand: axes, lines, areas. Colours and sizes of text are the page's, by class.

What a plot shows is told in its title and in the table beside it, too; nothing is in colour alone, for lines differ in dashes.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

WIDTH: Final = 720
NARROW: Final = (
    340  # of a telephone: its own drawing, for text that shrinks with the other cannot be read
)
HEIGHT: Final = 260
LEFT, RIGHT, TOP, BOTTOM = 68, 24, 12, 40
LETTER: Final = 6.5  # the width of one, more or less

Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """Maps values from `low` to `high` to 0..1 by `scale`, and knows which of them to name."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    title: str
    scale: Callable[[float], float] = field(default=lambda value: value)

    def place(self, value: float) -> float:
        low, high = self.scale(self.low), self.scale(self.high)
        share = (self.scale(min(max(value, self.low), self.high)) - low) / ((high - low) or 1.0)
        return min(max(share, 0.0), 1.0)


@dataclass(frozen=True)
class Line:
    """`style` is a class of the page: `a`, `b`, `c`. An area is filled down to the axis; dots tell values under the pointer."""

    name: str
    points: Sequence[Point]
    style: str
    is_area: bool = False
    has_dots: bool = False
    label: Callable[[Point], str] | None = None


@dataclass(frozen=True)
class Plot:
    """One picture with its axes."""

    title: str
    x: Axis
    y: Axis
    lines: Sequence[Line]
    height: int = HEIGHT
    width: int = WIDTH

    def to_svg(self) -> str:
        """The whole element."""
        parts = [
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(self.title)}">',
            f"<title>{escape(self.title)}</title>",
            *self._grid(),
            *self._behind(),
            *(part for line in self.lines for part in self._line(line)),
            *self._before(),
            *self._titles(),
            "</svg>",
        ]
        return "\n".join(parts)

    @property
    def _top(self) -> float:
        return TOP

    def _behind(self) -> Iterable[str]:
        """What a plot of a kind of its own draws behind the lines."""
        return ()

    def _before(self) -> Iterable[str]:
        """And what it draws before them."""
        return ()

    def _x(self, value: float) -> float:
        return LEFT + self.x.place(value) * (self.width - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        return self.height - BOTTOM - self.y.place(value) * (self.height - self._top - BOTTOM)

    def _grid(self) -> Iterable[str]:
        bottom = self.height - BOTTOM
        for value, name in self.y.ticks:
            y = self._y(value)
            yield f'<path class="grid" d="M{LEFT} {y:.1f}H{self.width - RIGHT}"/>'
            yield f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(name)}</text>'
        for x, name in spaced([(self._x(value), name) for value, name in self.x.ticks]):
            yield f'<path class="grid" d="M{x:.1f} {self._top}V{bottom}"/>'
            middle = min(x, self.width - len(name) * LETTER / 2)  # the last is not cut off
            yield f'<text class="tick" x="{middle:.1f}" y="{bottom + 16}" text-anchor="middle">{escape(name)}</text>'
        yield f'<path class="axis" d="M{LEFT} {self._top}V{bottom}H{self.width - RIGHT}"/>'

    def _titles(self) -> Iterable[str]:
        middle = (self._top + self.height - BOTTOM) / 2
        yield (
            f'<text class="name" x="{(LEFT + self.width - RIGHT) / 2:.0f}" y="{self.height - 6}"'
            f' text-anchor="middle">{escape(self.x.title)}</text>'
        )
        yield (
            f'<text class="name" transform="translate(14 {middle:.0f}) rotate(-90)"'
            f' text-anchor="middle">{escape(self.y.title)}</text>'
        )

    def _line(self, line: Line) -> Iterable[str]:
        if not line.points:
            return
        places = [(self._x(x), self._y(y)) for x, y in line.points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        if line.is_area:
            bottom = self.height - BOTTOM
            yield (
                f'<path class="area {line.style}"'
                f' d="M{places[0][0]:.1f} {bottom}L{path}L{places[-1][0]:.1f} {bottom}Z"/>'
            )
        yield f'<path class="line {line.style}" d="M{path}"/>'
        if line.has_dots:
            for point, (x, y) in zip(line.points, places, strict=True):
                told = f"<title>{escape(line.label(point))}</title>" if line.label else ""
                yield f'<circle class="dot {line.style}" cx="{x:.1f}" cy="{y:.1f}" r="3.5">{told}</circle>'


def spaced(places: Iterable[tuple[float, str]]) -> list[tuple[float, str]]:
    """Names at their places, from the left, without those that would run into the one before."""
    kept: list[tuple[float, str]] = []
    for x, name in places:
        if not kept or x - kept[-1][0] >= (len(name) + len(kept[-1][1])) * LETTER / 2 + LETTER:
            kept.append((x, name))
    return kept


def legend(lines: Iterable[Line]) -> str:
    """The names of lines, each with a piece of its line."""
    items = (
        f'<li><svg viewBox="0 0 28 8" width="28" height="8" aria-hidden="true">'
        f'<path class="line {line.style}" d="M0 4H28"/></svg>{escape(line.name)}</li>'
        for line in lines
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def linear(
    values: Iterable[float], title: str, name: Callable[[float], str], parts: int = 4
) -> Axis:
    """From zero to a round number above all values, in at most so many parts."""
    highest = max(values, default=0.0) or 1.0
    step = nice_step(highest / parts)
    count = max(1, math.ceil(highest / step - 1e-9))
    return Axis(0.0, count * step, [(i * step, name(i * step)) for i in range(count + 1)], title)


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is not below."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(
        factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= least * (1 - 1e-9)
    )


def logarithmic(values: Iterable[float], title: str, name: Callable[[float], str]) -> Axis:
    """From a power of ten, or two or five times one, below all values to such a one above; zero is shown at the bottom."""
    positive = [value for value in values if value > 0] or [1.0]
    marks = [
        factor * 10.0**power
        for power in range(
            math.floor(math.log10(min(positive))) - 1, math.ceil(math.log10(max(positive))) + 2
        )
        for factor in (1, 2, 5)
    ]
    low = max((mark for mark in marks if mark <= min(positive)), default=marks[0])
    high = min((mark for mark in marks if mark >= max(positive) and mark > low), default=marks[-1])
    shown = [mark for mark in marks if low <= mark <= high * 1.000001]
    if len(shown) > 8:
        shown = [mark for mark in shown if math.isclose(math.log10(mark), round(math.log10(mark)))]
    return Axis(low, high, [(mark, name(mark)) for mark in shown], title, scale=math.log10)
