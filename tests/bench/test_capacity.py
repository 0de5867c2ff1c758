"""The study of plans: what a verification could not measure meets no goal."""

from __future__ import annotations

import math

import pytest

from benchmarks import capacity
from relay.plan.verify import Compared, Verification
from relay.plan.workload import Workload

NAMES = ("processor", "sends", "p99", "of connections", "memory")
WORKLOAD = Workload(connections=10, channel_size=2.0, messages=1.0, payload_bytes=64.0)


def verification(p99: float | None, slower: float = 1.0) -> Verification:
    figures = [
        Compared(name, 2.0 * slower, p99 if name == "p99" else 4.0 * slower, "") for name in NAMES
    ]
    return Verification(WORKLOAD, figures, 0, 0.1)


def test_medians_of_the_rounds() -> None:
    found = capacity.finding("some", [verification(1.0), verification(3.0), verification(2.0)])
    assert found.figures["p99 ms measured"] == 2.0
    assert found.figures["CPU ratio"] == pytest.approx(0.5)


def test_processor_time_is_the_least_of_the_rounds() -> None:
    found = capacity.finding("some", [verification(1.0, slower) for slower in (1.5, 1.0, 2.0)])
    names = ("CPU % predicted", "predicted at most", "CPU % measured", "measured at most")
    assert [found.figures[name] for name in names] == [200, 400, 400, 800]
    assert found.figures["CPU ratio"] == pytest.approx(0.5)


def test_a_latency_of_nothing_is_no_number() -> None:
    found = capacity.finding("some", [verification(None)])
    assert math.isnan(found.figures["p99 ms measured"])
    assert found.figures["p99 ms predicted"] == 2.0


def test_prices_that_doubt_themselves_are_not_judged() -> None:
    assert capacity.finding("some", [verification(1.0)]).invalid == ""
    doubted = capacity.finding("some", [verification(1.0)], "The prices miss one")
    assert doubted.invalid == "invalid: The prices miss one"
