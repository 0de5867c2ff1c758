"""The token bucket: what it lets through over any window, and what it says of the wait."""

from __future__ import annotations

import math
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay._core import TokenBucket

# What a clock of this age, read as a float, can blur: a few ulps of time, turned into tokens.
CLOCK_BLUR_SECONDS = 1e-7

rates = st.floats(0.01, 1e6)
bursts = st.floats(1.0, 1e7)
starts = st.floats(0.0, 1e7)
steps = st.lists(
    st.tuples(st.floats(0.0, 10.0) | st.just(0.0), st.floats(0.001, 1e5)), min_size=1, max_size=40
)


def blur(rate: float, burst: float) -> float:
    return rate * CLOCK_BLUR_SECONDS + burst * 1e-6


def test_below_at_and_above_the_burst() -> None:
    for cost, granted in [(9, True), (10, True), (11, False)]:
        assert TokenBucket(1.0, 10.0).try_consume(0.0, cost) is granted


def test_a_burst_is_granted_one_by_one_and_no_more() -> None:
    bucket = TokenBucket(5.0, 1_000.0, 100.0)
    assert [bucket.try_consume(100.0) for _ in range(1_001)] == [True] * 1_000 + [False]


def test_a_refusal_takes_nothing() -> None:
    bucket = TokenBucket(1.0, 10.0)
    assert not bucket.try_consume(0.0, 10.5)
    assert bucket.tokens(0.0) == pytest.approx(10.0)
    assert bucket.try_consume(0.0, 10.0)


def test_it_refills_at_its_rate_and_not_past_the_burst() -> None:
    bucket = TokenBucket(4.0, 10.0)
    assert bucket.tokens(0.0) == pytest.approx(10.0)
    assert bucket.try_consume(0.0, 10.0)
    for now, tokens in [(0.0, 0.0), (0.25, 1.0), (1.0, 4.0), (2.5, 10.0), (1e6, 10.0)]:
        assert bucket.tokens(now) == pytest.approx(tokens, abs=1e-6)


def test_asking_how_many_changes_nothing() -> None:
    bucket = TokenBucket(1.0, 10.0)
    assert bucket.try_consume(0.0, 10.0)
    assert bucket.tokens(5.0) == pytest.approx(5.0)
    assert bucket.tokens(5.0) == pytest.approx(5.0)
    assert bucket.seconds_until(5.0, 6.0) == pytest.approx(1.0)
    assert not bucket.try_consume(5.0, 5.5)
    assert bucket.try_consume(6.0, 6.0)


def test_a_cost_of_nothing_is_always_granted() -> None:
    bucket = TokenBucket(1.0, 2.0)
    assert bucket.try_consume(0.0, 2.0)
    assert bucket.try_consume(0.0, 0.0)


def test_the_cost_is_one_unless_told() -> None:
    bucket = TokenBucket(2.0, 3.0)
    assert bucket.try_consume(0.0)
    assert bucket.tokens(0.0) == pytest.approx(2.0)
    assert bucket.try_consume(0.0, 2.0)
    assert bucket.seconds_until(0.0) == pytest.approx(0.5)


def test_a_rate_of_zero_never_refuses() -> None:
    bucket = TokenBucket(0.0, 5.0)
    for cost in (1.0, 5.0, 6.0, 1e12):
        assert bucket.seconds_until(0.0, cost) == 0.0
        assert bucket.try_consume(0.0, cost)


def test_a_rate_and_a_burst_of_zero_never_refuse() -> None:
    assert all(TokenBucket(0.0, 0.0).try_consume(0.0) for _ in range(3))


def test_more_than_the_burst_never_comes() -> None:
    bucket = TokenBucket(1.0, 10.0)
    assert bucket.seconds_until(0.0, 10.0) == 0.0
    assert bucket.seconds_until(0.0, 10.5) == math.inf
    assert bucket.seconds_until(1e6, 10.5) == math.inf


def test_time_that_runs_backwards_refills_nothing() -> None:
    bucket = TokenBucket(8.0, 10.0, 100.0)
    assert bucket.try_consume(100.0, 10.0)
    # A clock that swings must not mint tokens: the second 99..100 counts once, and did.
    for _ in range(50):
        assert not bucket.try_consume(99.0)
        assert not bucket.try_consume(100.0)
        assert bucket.tokens(0.0) == pytest.approx(0.0, abs=1e-6)
    assert bucket.try_consume(100.125)
    assert not bucket.try_consume(100.125)


def test_time_that_runs_backwards_takes_nothing() -> None:
    bucket = TokenBucket(1.0, 10.0, 100.0)
    assert bucket.try_consume(100.0, 4.0)
    assert bucket.tokens(50.0) == pytest.approx(6.0)
    assert bucket.try_consume(50.0, 6.0)


@given(rates, bursts, starts, steps)
def test_no_window_lets_more_through_than_burst_and_rate(
    rate: float, burst: float, start: float, asks: list[tuple[float, float]]
) -> None:
    bucket = TokenBucket(rate, burst, start)
    times = [start + elapsed for elapsed in accumulate(step for step, _ in asks)]
    granted = [
        c if bucket.try_consume(t, c) else 0.0 for t, (_, c) in zip(times, asks, strict=True)
    ]
    for first in range(len(asks)):
        for last, through in enumerate(accumulate(granted[first:]), first):
            allowed = burst + rate * (times[last] - times[first])
            assert through <= allowed * (1 + 1e-6) + blur(rate, burst)


@given(
    st.floats(1.0, 1e5),
    st.floats(1.0, 1e3),
    starts,
    st.lists(st.floats(-5.0, 5.0), min_size=1, max_size=30),
)
def test_a_clock_that_swings_mints_nothing(
    rate: float, burst: float, start: float, swings: list[float]
) -> None:
    bucket = TokenBucket(rate, burst, start)
    through, latest = 0.0, start
    for swing in swings:
        latest = max(latest, start + swing)
        cost = bucket.tokens(start + swing)
        through += cost if bucket.try_consume(start + swing, cost) else 0.0
        assert through <= (burst + rate * (latest - start)) * (1 + 1e-6) + blur(rate, burst)


@given(
    rates,
    bursts,
    starts,
    st.lists(st.tuples(st.floats(0.0, 5.0), st.floats(0.001, 1.0)), max_size=20),
)
def test_the_wait_it_tells_is_the_wait_there_is(
    rate: float, burst: float, start: float, asks: list[tuple[float, float]]
) -> None:
    bucket, now = TokenBucket(rate, burst, start), start
    for step, share in asks:
        now, cost = now + step, max(share * burst, 1e-3)
        wait = bucket.seconds_until(now, cost)
        assert bucket.try_consume(now, cost) is (wait == 0.0)
        if wait > 1e-5:
            assert not bucket.try_consume(now + wait * 0.9, cost)
            now += wait * (1 + 1e-9) + 1e-6
            assert bucket.seconds_until(now, cost) == 0.0
            assert bucket.try_consume(now, cost)


@pytest.mark.parametrize(
    ("rate", "burst", "cost"), [(250.0, 1_000.0, 1.0), (262_144.0, 2_097_152.0, 1_500.0)]
)
@pytest.mark.parametrize("ask_interval", [1e-4, 1e-3, 7e-3])
def test_a_greedy_asker_gets_what_is_allowed(
    rate: float, burst: float, cost: float, ask_interval: float
) -> None:
    bucket, through, now, start = TokenBucket(rate, burst, 5_000.0), 0.0, 5_000.0, 5_000.0
    while now < start + 10.0:
        while bucket.try_consume(now, cost):
            through += cost
        now += ask_interval
    allowed = burst + rate * 10.0
    assert 0.99 * allowed <= through <= allowed * (1 + 1e-6) + cost


def test_an_asker_that_waits_as_told_gets_what_is_allowed() -> None:
    bucket, through, now = TokenBucket(250.0, 100.0, 9_000.0), 0, 9_000.0
    while now < 9_020.0:
        if bucket.try_consume(now):
            through += 1
        else:
            now += bucket.seconds_until(now) + 1e-9
    assert 0.99 * (100 + 250 * 20) <= through <= 100 + 250 * 20 + 1


LEAST, MOST, MOST_BYTES = 1 / 3600, 1e9, 2.0**40  # that the settings let through


@pytest.mark.parametrize("now", [0.0, 1e9])
@pytest.mark.parametrize("burst", [1.0, MOST, MOST_BYTES])
@pytest.mark.parametrize("rate", [LEAST, MOST, MOST_BYTES])
def test_at_the_ends_of_what_can_be_set(rate: float, burst: float, now: float) -> None:
    """After 30 years, too: one token is never lost in the size of the burst or of the clock."""
    bucket = TokenBucket(rate, burst, now)
    assert bucket.try_consume(now)
    assert bucket.tokens(now) == burst - 1
    assert bucket.try_consume(now, burst - 1)
    assert not bucket.try_consume(now)
    assert bucket.seconds_until(now) == pytest.approx(1 / rate)
    assert bucket.try_consume(now + 1 / rate + 1e-3)
    assert bucket.tokens(now + 1e20) == burst


@pytest.mark.parametrize("value", ["1", None, b"1"])
def test_only_numbers(value: object) -> None:
    with pytest.raises(TypeError):
        TokenBucket(value, 1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        TokenBucket(1.0, 1.0).try_consume(value)  # type: ignore[arg-type]
