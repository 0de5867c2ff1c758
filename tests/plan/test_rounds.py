"""The simulation of rounds, against what can be worked out by hand."""

from __future__ import annotations

import msgspec
import pytest

from relay.plan.prices import chilled_sends, coldness, idleness
from relay.plan.rounds import EVEN, POISSON, simulate

from .machines import FREE, SENDS_COST, workload


@pytest.mark.parametrize("spacing", [POISSON, EVEN])
def test_a_light_load_pays_for_each_send(spacing: str) -> None:
    """1000 messages a second to 9 others, 10 microseconds each."""
    outcome = simulate(SENDS_COST, workload(), spacing=spacing)
    assert outcome.busy == pytest.approx(0.09, rel=0.03)
    assert outcome.sends_per_second == pytest.approx(9000, rel=0.03)
    assert outcome.batch == pytest.approx(1.0, rel=0.02)
    assert outcome.p50 < outcome.p99 < 0.001


def test_every_price_is_paid() -> None:
    """A second of it: 1000 messages that come alone, 9000 sends."""
    asked = workload(messages=1.0)
    per_second = {
        "turn": 1000,
        "round": 1000,
        "read": 1000,
        "message": 1000,
        "byte_in": 1000 * asked.read_bytes,
        "byte_out": 9000 * asked.frame_bytes,
    }
    for name, count in per_second.items():
        prices = msgspec.structs.replace(FREE, **{name: 0.01})
        busy = simulate(prices, asked, spacing=EVEN).busy
        assert busy == pytest.approx(count * 0.01e-6, rel=0.01), name


def test_pings_are_paid_by_the_connection() -> None:
    idle = workload(messages=0.0, connections=100, ping_interval=10.0)
    outcome = simulate(SENDS_COST, idle)
    assert outcome.busy == pytest.approx(10 * 10e-6)
    assert outcome.sends_per_second == pytest.approx(10)


def test_joins_and_leaves_are_told_to_the_channel() -> None:
    outcome = simulate(SENDS_COST, workload(messages=0.0, joins=100.0), spacing=EVEN)
    assert outcome.sends_per_second == pytest.approx(200 * 9, rel=0.03)
    handshakes = msgspec.structs.replace(FREE, handshake=50.0)
    busy = simulate(handshakes, workload(messages=0.0, joins=100.0)).busy
    assert busy == pytest.approx(100 * 50e-6, rel=0.05)


def test_a_full_process_sends_more_at_a_time() -> None:
    """What one send carries grows when more comes than can be sent one by one; the price of a delivery falls."""
    one_channel = {"connections": 100, "channel_size": 100.0}
    light = simulate(SENDS_COST, workload(messages=1.0, **one_channel))
    full = simulate(SENDS_COST, workload(messages=40.0, **one_channel))
    assert light.batch < 1.2
    assert full.batch > 3
    assert full.busy < 1.01
    assert full.p99 > light.p99


def test_a_load_that_cannot_be_carried() -> None:
    """Without a channel that gets several at a time there is nothing to save: 200 000 sends a second at 10 microseconds."""
    outcome = simulate(SENDS_COST, workload(connections=20_000, channel_size=2.0, messages=10.0))
    assert outcome.busy >= 1.0


def test_the_same_question_has_the_same_answer() -> None:
    assert simulate(SENDS_COST, workload()) == simulate(SENDS_COST, workload())


@pytest.mark.parametrize(
    ("connections", "expected"), [(1, 0.0), (100, 0.0), (1000, 0.5), (10_000, 1.0), (100_000, 1.5)]
)
def test_more_connections_are_colder(connections: int, expected: float) -> None:
    assert coldness(connections) == pytest.approx(expected)
    prices = msgspec.structs.replace(SENDS_COST, cold=4.0)
    assert prices.send_among(connections) == pytest.approx(10.0 + 4.0 * expected)


@pytest.mark.parametrize(
    ("milliseconds", "share", "sends"),
    [
        (0.0, 0.0, 0),
        (0.5, 0.5, 0),
        (1.0, 1.0, 20 / 9),
        (2.75, 1.0, 10),
        (5.0, 1.0, 20),
        (60.0, 1.0, 20),
    ],
)
def test_idleness(milliseconds: float, share: float, sends: float) -> None:
    assert idleness(milliseconds / 1e3) == pytest.approx(share)
    assert chilled_sends(milliseconds / 1e3, 100) == pytest.approx(sends)
    assert chilled_sends(milliseconds / 1e3, 2) == pytest.approx(sends / 10)


def test_who_idles_pays_more_for_the_first_sends() -> None:
    """Ten messages a second, each after 100 ms of nothing: nine sends of 10 microseconds, and of 5 more."""
    prices = msgspec.structs.replace(SENDS_COST, chill=5.0)
    asked = workload(connections=10, messages=1.0)
    assert simulate(prices, asked, spacing=EVEN).busy == pytest.approx(10 * 9 * 15e-6, rel=0.01)
