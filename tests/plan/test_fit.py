"""Prices found again from what they made."""

from __future__ import annotations

import random

import pytest

from relay.plan.fit import Observation, fit, mean

NAMES = ("read", "send", "byte")
TRUE = {"read": 3.0, "send": 4.0, "byte": 0.001}


def observe(name: str, *, noise: float = 0.0, **counts: float) -> Observation:
    cost = sum(TRUE[each] * counts[each] for each in NAMES)
    return Observation(name, counts, cost * (1 + noise))


def test_prices_are_found_from_loads_that_differ() -> None:
    found = fit(
        [
            observe("reads", read=1000, send=10, byte=1000),
            observe("sends", read=10, send=1000, byte=1000),
            observe("bytes", read=10, send=10, byte=1e6),
            observe("all", read=500, send=500, byte=5e5),
        ],
        NAMES,
    )
    assert found.prices == pytest.approx(TRUE, rel=1e-3)
    assert found.misfit < 1e-3


def test_noise_is_spread() -> None:
    draw = random.Random(1)
    loads = [
        observe(
            f"load {i}",
            noise=draw.uniform(-0.05, 0.05),
            read=draw.randrange(1, 2000),
            send=draw.randrange(1, 2000),
            byte=draw.randrange(1, 1_000_000),
        )
        for i in range(40)
    ]
    found = fit(loads, NAMES)
    assert found.prices["send"] == pytest.approx(TRUE["send"], rel=0.1)
    assert found.misfit < 0.1


def test_no_price_is_below_zero() -> None:
    """Dearer by more reads, cheaper by more sends: what cannot be is zero."""
    found = fit(
        [
            Observation("a", {"read": 1.0, "send": 1.0, "byte": 0.0}, 1.0),
            Observation("b", {"read": 2.0, "send": 3.0, "byte": 0.0}, 1.5),
            Observation("c", {"read": 4.0, "send": 0.0, "byte": 0.0}, 6.0),
        ],
        NAMES,
    )
    assert min(found.prices.values()) >= 0.0
    assert found.prices["byte"] == 0.0
    assert found.misfit > 0.01
    assert found.misfits.keys() == {"a", "b", "c"}


def test_the_mean_of_runs_is_by_what_a_send_cost() -> None:
    """Not by the whole: the runs did not do equally much."""
    dear = Observation("load", {"send": 10.0, "read": 1.0}, 40.0)
    cheap = Observation("load", {"send": 190.0, "read": 3.0}, 190.0)
    found = mean((dear, cheap))
    assert (found.name, found.counts) == ("load", {"send": 200.0, "read": 4.0})
    assert found.cost == pytest.approx(2.0 * 200)
    assert mean((dear,)) == dear


def test_a_mean_without_sends() -> None:
    runs = [Observation("load", {"send": 0.0}, cost) for cost in (2.0, 8.0)]
    assert mean(runs).cost == pytest.approx(2 * 4.0)
