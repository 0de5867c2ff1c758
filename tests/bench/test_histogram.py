"""The latency histogram against the sorted list of what was recorded."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay._load import Histogram

LARGEST = 2**40 - 1


def percentile(values: list[int], percent: float) -> int:
    """The nearest-rank percentile."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def histogram_of(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def test_nothing_recorded() -> None:
    assert Histogram().report() == (0, 0.0, 0.0, 0.0, 0.0, 0.0)


@settings(deadline=None)
@given(st.lists(st.integers(0, LARGEST) | st.integers(0, 2_000), min_size=1, max_size=300))
def test_percentiles_are_right_within_their_error(values: list[int]) -> None:
    report = histogram_of(values).report()
    assert report.samples == len(values)
    assert report.longest == max(values) / 1e9
    for percent, seconds in [
        (50, report.p50),
        (90, report.p90),
        (99, report.p99),
        (99.9, report.p999),
    ]:
        assert seconds * 1e9 == pytest.approx(percentile(values, percent), rel=0.004, abs=1e-3)


@pytest.mark.parametrize("exponent", range(40))
@pytest.mark.parametrize("step", [-1, 0, 1])
def test_at_and_around_every_power_of_two(exponent: int, step: int) -> None:
    value = max(0, 2**exponent + step)
    assert histogram_of([value, LARGEST]).report().p50 * 1e9 == pytest.approx(
        value, rel=0.004, abs=1e-3
    )


@pytest.mark.parametrize("value", [2**40, 2**63, 2**64 - 1])
def test_what_is_too_long_shares_the_last_bucket(value: int) -> None:
    report = histogram_of([value, 1, 1]).report()
    assert report.p999 * 1e9 == pytest.approx(2**40, rel=0.004)
    assert report.longest == value / 1e9


@pytest.mark.parametrize("value", [-1, 2**64])
def test_what_is_no_time_is_refused(value: int) -> None:
    with pytest.raises(OverflowError):
        Histogram().record(value)
