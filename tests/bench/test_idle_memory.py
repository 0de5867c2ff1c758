"""The study of idle connections: where one relay may not have so many, several do."""

from __future__ import annotations

import os

import pytest

from benchmarks import idle_memory


@pytest.mark.parametrize(
    ("count", "relays", "shares"),
    [
        (1000, 1, [1000]),
        (1000, 2, [500, 500]),
        (1000, 3, [400, 300, 300]),
        (100_000, 6, [16_700] * 4 + [16_600] * 2),
    ],
)
def test_relays_share_whole_channels(count: int, relays: int, shares: list[int]) -> None:
    assert idle_memory.shares(count, relays) == shares


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two processor cores")
@pytest.mark.parametrize("relays", [1, 2])
def test_connections_are_opened_and_stay(relays: int) -> None:
    found = idle_memory.measure_round(600, relays, 0.3)
    assert found["lost"] == 0
    assert found["opened/s"] > 0
    assert found["B/conn"] > 0
    assert found["CPU %"] > 0


def test_a_crowd_that_cannot_connect_ends_the_study() -> None:
    class Nobody:
        pid = os.getpid()

    with pytest.raises(EOFError):
        idle_memory.Crowd(Nobody(), 1, 100, 0.1)  # type: ignore[arg-type]
