"""The study of plans: which run of a workload counts, and what could not be measured meets no goal."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from plan.machines import calibration, workload

from benchmarks import capacity
from relay._load import Latency
from relay.plan.verify import Measured

NO_LATENCY = Latency(0, 0.0, 0.0, 0.0, 0.0, 0.0)


def run(**changed: Any) -> Measured:
    """On the machine with round prices, where a send takes 10 microseconds, 900 a second are 0.9 % of a core."""
    measured = Measured(
        workload=workload(connections=100, channel_size=10.0, messages=1.0),
        channels=10,
        busy=0.009,
        sends_per_second=900.0,
        memory=40_000_000,
        held=100 * 300 + 10 * 2000,
        latency=Latency(9, 0.001, 0.002, 0.003, 0.004, 0.005),
        lost=0,
        dropped=0,
        generator_utilisation=0.2,
        disturbance=0.0,
    )
    return msgspec.structs.replace(measured, **changed)


def finding(*runs: Measured) -> capacity.Finding:
    return capacity.finding("some", calibration(), runs)


def test_a_plan_beside_what_was_measured() -> None:
    found = finding(run())
    assert found.figures["CPU % measured"] == pytest.approx(0.9)
    for name in ("CPU ratio", "memory ratio", "sends ratio", "of connections ratio"):
        assert found.figures[name] == pytest.approx(1.0, rel=0.01)
    assert found.outcome == "met"


@pytest.mark.parametrize(
    ("busy", "outcome"), [(0.0079, "met"), (0.0077, "missed"), (0.0104, "met"), (0.0107, "missed")]
)
def test_how_near_it_is_to_be(busy: float, outcome: str) -> None:
    assert finding(run(busy=busy)).outcome == outcome


def test_processor_time_is_the_geometric_mean_of_the_runs() -> None:
    found = finding(run(busy=0.004), run(busy=0.016), run(busy=0.008))
    names = ("CPU % measured", "at least", "at most", "runs")
    assert [found.figures[name] for name in names] == pytest.approx([0.8, 0.4, 1.6, 3])


def test_all_else_is_the_median() -> None:
    found = finding(run(memory=30_000_000), run(memory=80_000_000), run(memory=40_000_000))
    assert found.figures["memory ratio"] == pytest.approx(1.0, rel=0.01)


def test_runs_that_lost_something_do_not_count() -> None:
    found = finding(run(busy=0.001, lost=1), run(busy=0.01), run(busy=0.002, dropped=1))
    assert found.figures["CPU % measured"] == pytest.approx(1.0)
    assert (found.figures["runs"], found.invalid) == (1, "")


def test_where_no_run_counts_nothing_is_judged() -> None:
    assert finding(run(lost=2)).invalid == "invalid: 2 deliveries were lost"


def test_a_latency_of_nothing_is_no_number() -> None:
    found = finding(run(latency=NO_LATENCY))
    assert math.isnan(found.figures["p99 ms measured"])
    assert found.figures["p99 ms predicted"] > 0


def test_prices_that_doubt_themselves_are_not_judged() -> None:
    doubted = msgspec.structs.replace(calibration(), misfit=0.3)
    found = capacity.finding("some", doubted, [run()])
    assert found.invalid.startswith("invalid: The prices miss one of their own measurements by 30%")
    assert found.outcome == "unjudged"
