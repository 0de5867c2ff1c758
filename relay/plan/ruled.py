"""A plot with straight lines across it that have names: what is wanted, what is planned, what is kept free."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final, NamedTuple

from relay.bench.svg import BOTTOM, LEFT, LETTER, RIGHT, TOP, Plot, Point

STYLE: Final = """
.rule { stroke: var(--text); stroke-width: 1; fill: none; }
.rule.b { stroke: var(--b); }
.shade { fill: var(--quiet); opacity: .14; stroke: none; }
.told { fill: var(--text); stroke: var(--back); stroke-width: 4; paint-order: stroke; font-size: 12px; }
"""
_ROW: Final = 17
_TEXT_HEIGHT: Final = 12
_GAP: Final = 6
_SAMPLES: Final = 24  # of a piece of a line, which is straight


@dataclass(frozen=True)
class Rule:
    """Across the plot at one value of `x` or of `y`. The name of one of `x` has a row of its own above the plot; that of one of
    `y` stands where the lines of the plot are farthest. What is beyond it, to the right or above, may be shaded."""

    name: str
    x: float | None = None
    y: float | None = None
    style: str = ""
    has_shade: bool = False


class _Box(NamedTuple):
    """Where a name would stand."""

    left: float
    top: float
    right: float
    bottom: float

    def distance(self, point: Point) -> float:
        x, y = point
        return max(self.left - x, x - self.right, 0.0) + max(self.top - y, y - self.bottom, 0.0)


@dataclass(frozen=True)
class RuledPlot(Plot):
    """A plot with rules."""

    rules: Sequence[Rule] = ()

    @property
    def _top(self) -> float:
        return TOP + _ROW * len(self._upright)

    @property
    def _upright(self) -> list[tuple[Rule, float]]:
        """The rules of `x`, with their places: each begins below the name of the one before, so it does not cross it."""
        places = [(rule, self._x(rule.x)) for rule in self.rules if rule.x is not None]
        return sorted(places, key=lambda each: each[1])

    @property
    def _level(self) -> list[tuple[Rule, float]]:
        """Those of `y`."""
        return [(rule, self._y(rule.y)) for rule in self.rules if rule.y is not None]

    def _behind(self) -> Iterable[str]:
        right, bottom = self.width - RIGHT, self.height - BOTTOM
        for row, (rule, x) in enumerate(self._upright):
            if rule.has_shade:
                yield f'<path class="shade" d="M{x:.1f} {self._top}H{right}V{bottom}H{x:.1f}Z"/>'
            yield f'<path class="rule {rule.style}" d="M{x:.1f} {_ROW * row + 3}V{bottom}"/>'
        for rule, y in self._level:
            if rule.has_shade:
                yield f'<path class="shade" d="M{LEFT} {self._top}H{right}V{y:.1f}H{LEFT}Z"/>'
            yield f'<path class="rule {rule.style}" d="M{LEFT} {y:.1f}H{right}"/>'

    def _before(self) -> Iterable[str]:
        for row, (rule, x) in enumerate(self._upright):
            is_left = x + _GAP + _width(rule.name) > self.width
            at, anchor = (x - _GAP, "end") if is_left else (x + _GAP, "start")
            yield _told(at, _ROW * row + _TEXT_HEIGHT, anchor, rule.name)
        for rule, y in self._level:
            box = self._farthest(rule.name, y)
            yield _told(box.left, box.bottom - 2, "start", rule.name)

    def _farthest(self, name: str, y: float) -> _Box:
        """Of the places along a level rule that whose nearest line is farthest away."""
        points = list(self._drawn())

        def room(box: _Box) -> float:
            return min((box.distance(point) for point in points), default=0.0)

        return max(self._places(name, y), key=room)

    def _places(self, name: str, y: float) -> Iterator[_Box]:
        """Above it and below, as far as the plot goes; at the left, in the middle and at the right."""
        width, first = _width(name), LEFT + _GAP
        last = self.width - RIGHT - _GAP - width
        for left in (first, (first + last) / 2, last):
            for top in (y - _TEXT_HEIGHT - 4, y + 4):
                box = _Box(left, top, left + width, top + _TEXT_HEIGHT)
                if self._top <= box.top and box.bottom <= self.height - BOTTOM:
                    yield box

    def _drawn(self) -> Iterator[Point]:
        """Places along all lines, and along the upright rules."""
        bottom = self.height - BOTTOM
        rules = [[(x, self._top), (x, bottom)] for _, x in self._upright]
        lines = [[(self._x(x), self._y(y)) for x, y in line.points] for line in self.lines]
        for line in [*lines, *rules]:
            yield from line
            for (x, y), (to_x, to_y) in pairwise(line):
                for i in range(1, _SAMPLES):
                    share = i / _SAMPLES
                    yield x + (to_x - x) * share, y + (to_y - y) * share


def _width(name: str) -> float:
    return len(name) * LETTER


def _told(x: float, y: float, anchor: str, text: str) -> str:
    return (
        f'<text class="told" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )
