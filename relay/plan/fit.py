"""Prices from measurements: which prices explain best what several different loads have cost."""

from collections.abc import Sequence
from statistics import geometric_mean
from typing import Final

import msgspec

_SWEEPS: Final = 20_000
_ENOUGH: Final = 1e-12


class Observation(msgspec.Struct, frozen=True):
    """What a load did, by the name of the price it is paid with, and what it cost in all."""

    name: str
    counts: dict[str, float]
    cost: float


class Fit(msgspec.Struct, frozen=True):
    """`misfits` tells, per observation, by which share the prices miss it: 0.05 is 5 % too much."""

    prices: dict[str, float]
    misfits: dict[str, float]

    @property
    def misfit(self) -> float:
        """The largest, either way."""
        return max(map(abs, self.misfits.values()))


def mean(runs: Sequence[Observation]) -> Observation:
    """Of several runs of one load: all that they did, at the geometric mean of what a send cost in them. They differ in how much
    they did; and what a machine adds to a run it multiplies, so a run at twice the price is as far off as one at half of it."""
    sends = [max(run.counts["send"], 1.0) for run in runs]
    costs = [run.cost / each for run, each in zip(runs, sends, strict=True)]
    counts = {name: sum(run.counts[name] for run in runs) for name in runs[0].counts}
    return Observation(runs[0].name, counts, geometric_mean(costs) * sum(sends))


def fit(observations: Sequence[Observation], names: Sequence[str]) -> Fit:
    """The prices, none below zero, whose sums are nearest to the costs. What counts is the share by which a sum misses, so that
    cheap loads weigh as much as dear ones (least squares, by coordinate descent)."""
    rows = [[each.counts[name] / each.cost for name in names] for each in observations]
    scales = [max(row[i] for row in rows) or 1.0 for i in range(len(names))]
    scaled = [[value / scale for value, scale in zip(row, scales, strict=True)] for row in rows]
    solved = _descend(scaled)
    prices = {name: x / scale for name, x, scale in zip(names, solved, scales, strict=True)}
    misfits = {
        each.name: sum(prices[name] * each.counts[name] for name in names) / each.cost - 1.0
        for each in observations
    }
    return Fit(prices, misfits)


def _descend(rows: list[list[float]]) -> list[float]:
    """The x of at least zero that brings every row's product with it nearest to 1."""
    columns = list(zip(*rows, strict=True))
    lengths = [sum(value * value for value in column) for column in columns]
    x = [0.0] * len(columns)
    rest = [1.0] * len(rows)
    for _ in range(_SWEEPS):
        moved = 0.0
        for i, column in enumerate(columns):
            if not lengths[i]:
                continue
            step = sum(c * r for c, r in zip(column, rest, strict=True)) / lengths[i]
            new = max(x[i] + step, 0.0)
            change, x[i] = new - x[i], new
            if change:
                rest = [r - change * c for r, c in zip(rest, column, strict=True)]
                moved = max(moved, abs(change))
        if moved < _ENOUGH:
            break
    return x
