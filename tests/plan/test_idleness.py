"""What a pause makes dearer, as shares of a price: none below its first length, all above its last, by the logarithm between."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from relay.plan.idleness import (
    ASLEEP_SECONDS,
    CHILLED_SECONDS,
    LAPSED_SECONDS,
    ROUSED_SECONDS,
    STALE_SECONDS,
    Pause,
    asleep,
    chilled,
    lapsed,
    roused,
    stale,
)

GROWING = [
    (asleep, ASLEEP_SECONDS),
    (roused, ROUSED_SECONDS),
    (chilled, CHILLED_SECONDS),
    (stale, STALE_SECONDS),
    (lapsed, LAPSED_SECONDS),
]


@pytest.mark.parametrize(("share_of", "lengths"), GROWING)
def test_a_share_grows_by_the_logarithm(
    share_of: Callable[[float], float], lengths: tuple[float, float]
) -> None:
    begins, ends = lengths
    assert share_of(0.0) == share_of(begins / 2) == share_of(begins) == 0.0
    assert share_of((begins * ends) ** 0.5) == pytest.approx(0.5)
    assert share_of(ends) == share_of(ends * 2) == 1.0


@pytest.mark.parametrize(
    ("before", "sends", "first", "early"),
    [
        (0, 5, 5, 5),
        (0, 30, 20, 30),
        (15, 30, 5, 30),
        (20, 30, 0, 30),
        (990, 30, 0, 10),
        (1000, 30, 0, 0),
        (0, 3000, 20, 1000),
    ],
)
def test_the_first_sends_after_a_long_pause(
    before: int, sends: int, first: int, early: int
) -> None:
    """What the pause has made cold is not cold for the number of connections as well."""
    cooled = Pause(1.0).cools(before, sends)
    assert cooled == (first, early, early, sends - early)


def test_the_first_sends_after_a_short_pause() -> None:
    begins, ends = STALE_SECONDS
    pause = Pause((begins * ends) ** 0.5)
    share = chilled((begins * ends) ** 0.5)
    cooled = pause.cools(0, 100)
    assert cooled == pytest.approx((20 * share, 50, 0, 100 - 20 * share - 40))


def test_no_pause_cools_nothing() -> None:
    assert Pause(0.0).cools(0, 100) == (0, 0, 0, 100)
    assert (Pause(0.0).asleep, Pause(0.0).roused) == (0, 0)
