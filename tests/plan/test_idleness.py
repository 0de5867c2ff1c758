"""What a pause makes dearer, as shares of a price: none below its first length, all above its last, by the logarithm between."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from relay.plan.idleness import (
    CHILLED_SECONDS,
    LAPSED_SECONDS,
    ROUSED_SECONDS,
    STALE_SECONDS,
    asleep,
    chilled,
    lapsed,
    roused,
    stale,
)

GROWING = [
    (roused, ROUSED_SECONDS),
    (chilled, CHILLED_SECONDS),
    (stale, STALE_SECONDS),
    (lapsed, LAPSED_SECONDS),
]


@pytest.mark.parametrize(
    ("microseconds", "share"), [(0, 0.0), (25, 0.5), (50, 1.0), (51, 1.0), (10_000, 1.0)]
)
def test_a_process_that_waits_gives_its_core_away(microseconds: float, share: float) -> None:
    assert asleep(microseconds / 1e6) == pytest.approx(share)


@pytest.mark.parametrize(("share_of", "lengths"), GROWING)
def test_a_share_grows_by_the_logarithm(
    share_of: Callable[[float], float], lengths: tuple[float, float]
) -> None:
    begins, ends = lengths
    assert share_of(0.0) == share_of(begins / 2) == share_of(begins) == 0.0
    assert share_of((begins * ends) ** 0.5) == pytest.approx(0.5)
    assert share_of(ends) == share_of(ends * 2) == 1.0
