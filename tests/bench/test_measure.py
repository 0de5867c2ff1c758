"""What the benchmarks make of a run: of which time their rates and shares are."""

from __future__ import annotations

import math

import pytest

from benchmarks.measure import figures_of
from relay._load import Interval
from relay.bench.usage import Usage

from .results import NOTHING, REPORT

OWN, SERVER = Usage(1.0, 0.5), Usage(4.0, 0.1)


def test_of_a_run_without_losses_all_of_it() -> None:
    figures = figures_of(REPORT, OWN, SERVER)
    assert figures.units_per_second == 200
    assert figures.server_us == pytest.approx(4000)
    assert figures.server_utilisation == pytest.approx(0.8)
    assert figures.generator_utilisation == pytest.approx(0.2)
    assert figures.disturbance == pytest.approx(0.1)


def test_the_wait_for_what_is_lost_is_no_part_of_any_figure() -> None:
    """It is as long as the time limit, and nobody works in it: a server that was full would look idle."""
    silent = (*REPORT.intervals, Interval(20.0, 15.0, 0, 0, 0.0, 0.0, 0.0))
    found = figures_of(REPORT._replace(seconds=20.0, lost=1, intervals=silent), OWN, SERVER)
    before = figures_of(REPORT, OWN, SERVER)
    assert found.wrong == 1
    assert found.units_per_second == before.units_per_second
    assert found.server_utilisation == before.server_utilisation
    assert found.generator_utilisation == before.generator_utilisation
    assert found.disturbance == before.disturbance


def test_the_deliveries_after_the_last_message_are() -> None:
    """A full server delivers on when nothing is sent any longer."""
    late = REPORT._replace(sending_seconds=4.0)
    assert figures_of(late, OWN, SERVER).units_per_second == 200
    assert figures_of(late, OWN, SERVER).server_utilisation == pytest.approx(0.8)


def test_what_nothing_was_delivered_for_is_no_number() -> None:
    silent = (Interval(20.0, 20.0, 100, 0, 0.0, 0.0, 0.0),)
    report = REPORT._replace(delivered=0, lost=1000, latency=NOTHING, intervals=silent)
    figures = figures_of(report, OWN, SERVER)
    assert figures.units_per_second == 0
    assert math.isnan(figures.server_us)
    assert math.isnan(figures.p50_ms)
    assert math.isnan(figures.p99_ms)
    assert figures.server_utilisation == pytest.approx(0.8)  # of the five seconds of sending
