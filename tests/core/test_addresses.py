"""The tables keyed by address: what a limiter lets through, how long a block lasts, and who makes room in a full set."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay._core import AddressBlocks, AddressLimiter, TokenBucket

# A table of this capacity is one set, so all keys compete for its slots.
ONE_SET = 8

# So few that they find room in one set, whatever the hash.
KEYS = (1, 2, 0x0000FFFF_7F000001, 0x0000FFFF_7F000002, 0x20010DB8_00000000, 2**63, 2**64 - 1)
keys = st.sampled_from(KEYS)


def drain(limiter: AddressLimiter, key: int, now: float) -> int:
    """Consume until it is refused; how many passed."""
    passed = 0
    while limiter.try_consume(key, now):
        passed += 1
    return passed


# --- the limiter ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asks", "refused"), [(9, 0), (10, 0), (11, 1)])
def test_below_at_and_above_the_burst(asks: int, refused: int) -> None:
    limiter = AddressLimiter(1.0, 10.0)
    assert [limiter.try_consume(7, 5.0) for _ in range(asks)].count(False) == refused


@pytest.mark.parametrize(("later", "passes"), [(0.24, False), (0.25, True), (0.26, True)])
def test_below_at_and_above_the_rate(later: float, passes: bool) -> None:
    limiter = AddressLimiter(4.0, 10.0)
    assert drain(limiter, 7, 5.0) == 10
    assert limiter.try_consume(7, 5.0 + later) is passes


def test_addresses_are_apart() -> None:
    limiter = AddressLimiter(1.0, 3.0)
    assert drain(limiter, KEYS[0], 5.0) == 3
    assert [drain(limiter, key, 5.0) for key in KEYS] == [0, *[3] * (len(KEYS) - 1)]


def test_key_0_and_a_rate_of_0_never_refuse() -> None:
    limiter, off = AddressLimiter(1.0, 2.0), AddressLimiter(0.0, 2.0)
    assert all(limiter.try_consume(0, 5.0) for _ in range(5))
    assert all(off.try_consume(7, 5.0) for _ in range(5))
    assert limiter.seconds_until(0, 5.0) == off.seconds_until(7, 5.0) == 0.0


def test_the_wait_it_tells() -> None:
    limiter = AddressLimiter(2.0, 3.0)
    assert limiter.seconds_until(7, 5.0) == 0.0
    assert drain(limiter, 7, 5.0) == 3
    assert limiter.seconds_until(7, 5.0) == pytest.approx(0.5)
    assert limiter.seconds_until(7, 5.25) == pytest.approx(0.25)
    assert limiter.seconds_until(7, 5.5) == 0.0
    assert AddressLimiter(2.0, 0.5).seconds_until(7, 5.0) == math.inf


@pytest.mark.parametrize(("cost", "passes"), [(0.0, True), (7.5, True), (8.0, True), (8.5, False)])
def test_a_cost_of_its_own(cost: float, passes: bool) -> None:
    limiter = AddressLimiter(2.0, 10.0)
    assert limiter.try_consume(7, 5.0, 2.0)
    assert limiter.try_consume(7, 5.0, cost) is passes
    left = 8.0 - cost if passes else 8.0
    assert limiter.seconds_until(7, 5.0, 10.0) == pytest.approx((10.0 - left) / 2.0)
    assert limiter.seconds_until(7, 5.0, 10.5) == math.inf


@pytest.mark.parametrize("cost", [-1.0, math.nan])
def test_a_cost_that_is_none(cost: float) -> None:
    for ask in (AddressLimiter(1.0, 1.0).try_consume, AddressLimiter(0.0, 1.0).seconds_until):
        with pytest.raises(ValueError, match="cost: expected 0 or more, got"):
            ask(7, 5.0, cost)


def test_asking_for_the_wait_changes_nothing() -> None:
    limiter = AddressLimiter(1.0, 4.0)
    for _ in range(10):
        assert limiter.seconds_until(7, 5.0) == 0.0
    assert drain(limiter, 7, 5.0) == 4


def test_an_address_keeps_its_tokens_when_the_limits_change() -> None:
    limiter = AddressLimiter(1.0, 4.0)
    assert drain(limiter, 7, 5.0) == 4
    limiter.configure(10.0, 20.0)
    assert not limiter.try_consume(7, 5.0)
    assert drain(limiter, 7, 5.5) == 5
    assert drain(limiter, 7, 100.0) == 20
    assert drain(limiter, 8, 100.0) == 20


def test_a_smaller_burst_holds_at_once() -> None:
    limiter = AddressLimiter(1.0, 100.0)
    assert limiter.try_consume(7, 5.0)
    limiter.configure(1.0, 3.0)
    assert drain(limiter, 7, 5.0) == 3


def test_a_limit_can_be_turned_off_and_on() -> None:
    limiter = AddressLimiter(1.0, 4.0)
    assert drain(limiter, 7, 5.0) == 4
    limiter.configure(0.0, 4.0)
    assert all(limiter.try_consume(7, 5.0) for _ in range(10))
    limiter.configure(1.0, 4.0)
    assert not limiter.try_consume(7, 5.0)


@given(
    st.floats(0.01, 1e4),
    st.floats(1.0, 1e3),
    st.floats(0.0, 1e7),
    st.lists(st.tuples(keys, st.floats(0.0, 10.0) | st.just(0.0)), max_size=60),
)
def test_it_is_a_bucket_for_each_address(
    rate: float, burst: float, start: float, asks: list[tuple[int, float]]
) -> None:
    limiter, model, now = AddressLimiter(rate, burst), {}, start
    for key, step in asks:
        now += step
        bucket = model.setdefault(key, TokenBucket(rate, burst, now))
        assert limiter.seconds_until(key, now) == bucket.seconds_until(now)
        assert limiter.try_consume(key, now) is bucket.try_consume(now)


@given(
    st.floats(0.1, 1e3),
    st.integers(1, 20),
    st.floats(0.0, 1e7),
    st.lists(st.floats(0.0, 1.0) | st.just(0.0), min_size=1, max_size=60),
)
def test_no_window_lets_more_through_than_burst_and_rate(
    rate: float, burst: int, start: float, steps: list[float]
) -> None:
    limiter = AddressLimiter(rate, burst)
    times = [start + elapsed for elapsed in accumulate(steps)]
    passed = [limiter.try_consume(7, now) for now in times]
    for first in range(len(times)):
        for last, through in enumerate(accumulate(passed[first:]), first):
            assert through <= burst + rate * (times[last] - times[first]) + 1e-3


@pytest.mark.parametrize("ask_interval", [1e-3, 7e-3, 49e-3])
def test_a_persistent_address_gets_what_is_allowed(ask_interval: float) -> None:
    limiter, through, now = AddressLimiter(20.0, 100.0), 0, 5_000.0
    while now < 5_060.0:
        through += limiter.try_consume(7, now)
        now += ask_interval
    asked = 60.0 / ask_interval
    assert 0.99 * min(100 + 20 * 60, asked) <= through <= 100 + 20 * 60 + 1


# --- a full set -------------------------------------------------------------------------------------------------------------


def test_a_full_set_forgets_the_address_that_is_nearest_to_a_full_bucket() -> None:
    limiter = AddressLimiter(1.0, 20.0, capacity=ONE_SET)
    for key in range(1, 9):
        for _ in range(20 - (key * 5) % 8):
            assert limiter.try_consume(key, 5.0)
    fullest = next(key for key in range(1, 9) if (key * 5) % 8 == 7)
    assert limiter.try_consume(9, 5.0)
    for key in range(1, 9):
        if key != fullest:
            assert drain(limiter, key, 5.0) == (key * 5) % 8
    assert drain(limiter, 9, 5.0) == 19
    assert drain(limiter, fullest, 5.0) == 20


def test_what_has_refilled_since_counts_when_a_set_is_full() -> None:
    limiter = AddressLimiter(1.0, 20.0, capacity=ONE_SET)
    assert drain(limiter, 1, 0.0) == 20
    for key in range(2, 9):
        for _ in range(10):
            assert limiter.try_consume(key, 15.0)
    assert limiter.try_consume(9, 15.0)  # the first has 15 tokens again, the others have 10
    assert [drain(limiter, key, 15.0) for key in range(2, 10)] == [*[10] * 7, 19]


def test_addresses_that_connect_once_do_not_free_an_offender() -> None:
    limiter = AddressLimiter(1.0, 100.0)
    size = limiter.allocated_bytes
    assert drain(limiter, 7, 5.0) == 100
    assert all(limiter.try_consume(key, 5.0) for key in range(1_000, 1_001_000))
    assert not limiter.try_consume(7, 5.0)
    assert limiter.allocated_bytes == size


def test_a_full_set_lifts_the_block_that_ends_first() -> None:
    blocks = AddressBlocks(ONE_SET)
    for key, until in enumerate([30.0, 80.0, 20.0, 70.0, 60.0, 50.0, 40.0, 90.0], 1):
        blocks.block(key, until)
    blocks.block(9, 10.0)  # too short for any other, and it holds all the same
    assert [blocks.blocked_until(key, 5.0) for key in (1, 3, 9)] == [30.0, 0.0, 10.0]
    blocks.block(10, 100.0)
    assert [blocks.blocked_until(key, 5.0) for key in (1, 9, 10)] == [30.0, 0.0, 100.0]
    assert blocks.count(5.0) == 8


def test_a_flood_of_blocks_leaves_the_longest_and_takes_no_memory() -> None:
    blocks = AddressBlocks(4_096)
    size = blocks.allocated_bytes
    blocks.block(7, 1e6)
    for key in range(1_000, 1_001_000):
        blocks.block(key, 65.0)
    assert blocks.blocked_until(7, 5.0) == 1e6
    assert blocks.count(5.0) == 4_096
    assert blocks.allocated_bytes == size


# --- blocks -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("now", "is_blocked"), [(64.9, True), (65.0, False), (65.1, False)])
def test_before_at_and_after_the_end_of_a_block(now: float, is_blocked: bool) -> None:
    blocks = AddressBlocks()
    blocks.block(7, 65.0)
    assert blocks.blocked_until(7, now) == (65.0 if is_blocked else 0.0)
    assert blocks.count(now) == is_blocked


def test_a_block_is_not_shortened_by_another() -> None:
    blocks = AddressBlocks()
    for until in (50.0, 90.0, 70.0):
        blocks.block(7, until)
    assert blocks.blocked_until(7, 5.0) == 90.0
    assert blocks.count(5.0) == 1


def test_an_address_can_be_blocked_for_good_and_unblocked() -> None:
    blocks = AddressBlocks()
    blocks.block(7, math.inf)
    assert blocks.blocked_until(7, 1e9) == math.inf
    assert blocks.unblock(7) is True
    assert blocks.blocked_until(7, 5.0) == 0.0
    assert blocks.unblock(7) is False


def test_key_0_is_never_blocked() -> None:
    blocks = AddressBlocks()
    blocks.block(0, 65.0)
    assert blocks.blocked_until(0, 5.0) == 0.0
    assert blocks.unblock(0) is False
    assert blocks.count(5.0) == 0


@given(
    st.lists(
        st.tuples(st.sampled_from(["block", "unblock", "ask"]), keys, st.floats(0.0, 100.0)),
        max_size=60,
    )
)
def test_blocks_are_a_mapping_of_ends(steps: list[tuple[str, int, float]]) -> None:
    blocks, model = AddressBlocks(), {}
    for step, key, time in steps:
        if step == "block":
            blocks.block(key, time)
            model[key] = max(time, model.get(key, 0.0))
        elif step == "unblock":
            assert blocks.unblock(key) is (model.pop(key, None) is not None)
        else:
            until = model.get(key, 0.0)
            assert blocks.blocked_until(key, time) == (until if until > time else 0.0)
            assert blocks.count(time) == sum(end > time for end in model.values())


# --- the table --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 256, 2**16, 2**32, 2**51])
def test_addresses_in_a_row_spread_over_the_sets(stride: int) -> None:
    """Half full, a set of eight overflows as seldom as chance has it: 0.8 % find no room."""
    blocks, total = AddressBlocks(8_192), 4_096
    for i in range(1, total + 1):
        blocks.block(i * stride % 2**64, 65.0)
    assert blocks.count(5.0) >= 0.97 * total


def test_which_addresses_share_a_set_differs_between_processes() -> None:
    program = (
        "from relay._core import AddressBlocks; blocks = AddressBlocks(512)\n"
        "for key in range(1, 1025): blocks.block(key, 65.0)\n"
        "print([key for key in range(1, 1025) if blocks.blocked_until(key, 5.0)])"
    )
    kept = {subprocess.check_output([sys.executable, "-c", program]) for _ in range(2)}
    assert len(kept) == 2


@pytest.mark.parametrize(
    ("capacity", "slots"), [(1, 8), (7, 8), (8, 8), (9, 16), (65_536, 65_536), (65_537, 131_072)]
)
def test_the_capacity_is_rounded_up(capacity: int, slots: int) -> None:
    slot_bytes = AddressBlocks(1).allocated_bytes // 8
    assert AddressBlocks(capacity).allocated_bytes == slots * slot_bytes
    assert AddressLimiter(1.0, 1.0, capacity=capacity).allocated_bytes == slots * slot_bytes


@pytest.mark.parametrize("capacity", [-1, 0, 2**20 + 1])
def test_a_capacity_out_of_range(capacity: int) -> None:
    with pytest.raises(ValueError, match=f"capacity: expected 1 to 1048576 .*, got {capacity}"):
        AddressBlocks(capacity)
    with pytest.raises(ValueError, match="capacity"):
        AddressLimiter(1.0, 1.0, capacity=capacity)


def test_the_greatest_capacity() -> None:
    assert AddressBlocks(2**20).count(5.0) == 0


@pytest.mark.parametrize("value", [-1.0, math.inf, math.nan])
def test_a_rate_or_a_burst_out_of_range(value: float) -> None:
    limiter = AddressLimiter(1.0, 1.0)
    for name, rate, burst in [("rate", value, 1.0), ("burst", 1.0, value)]:
        with pytest.raises(ValueError, match=f"{name}: expected .*, got {value}"):
            AddressLimiter(rate, burst)
        with pytest.raises(ValueError, match=f"{name}: expected .*, got {value}"):
            limiter.configure(rate, burst)
    assert limiter.try_consume(7, 5.0)
    assert not limiter.try_consume(7, 5.0)


def test_an_end_that_is_no_number() -> None:
    with pytest.raises(ValueError, match="until: expected a time in seconds, got nan"):
        AddressBlocks().block(7, math.nan)


@pytest.mark.parametrize("key", [-1, 2**64])
def test_keys_have_64_bits(key: int) -> None:
    with pytest.raises(OverflowError):
        AddressLimiter(1.0, 1.0).try_consume(key, 5.0)
    with pytest.raises(OverflowError):
        AddressBlocks().block(key, 65.0)
