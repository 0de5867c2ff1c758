"""The simulation of rounds, against what can be worked out by hand."""

from __future__ import annotations

import msgspec
import pytest

from relay.plan.idleness import CHILLED_SENDS, STALE_SENDS
from relay.plan.prices import coldness
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


def test_channels_of_parts_of_members_are_sent_to() -> None:
    """As `--like` finds them, where most members are alone: 1000 messages a second to 0.3 others."""
    outcome = simulate(SENDS_COST, workload(channel_size=1.3), spacing=EVEN)
    assert outcome.sends_per_second == pytest.approx(300, rel=0.03)
    assert outcome.batch == pytest.approx(1.0, rel=0.02)


def test_a_little_more_load_is_a_little_more_work() -> None:
    """Two loads are drawn alike, so that chance does not turn them around."""
    busy = [
        simulate(SENDS_COST, workload(connections=7000 + more)).busy for more in range(0, 50, 10)
    ]
    assert busy == sorted(busy)


@pytest.mark.parametrize(
    ("members", "joins", "sends"),
    [(1000, 5.0, 10 * 999), (1001, 5.0, 1001), (1001, 0.25, 0.5 * 1001), (1001, 0.0, 0.0)],
)
def test_joins_of_large_channels_are_told_once_a_second(
    members: int, joins: float, sends: float
) -> None:
    """Above `presence_limit` a relay merges them."""
    asked = workload(connections=members, channel_size=float(members), messages=0.0, joins=joins)
    outcome = simulate(SENDS_COST, asked, spacing=EVEN)
    assert outcome.sends_per_second == pytest.approx(sends, rel=0.03)
    assert outcome.busy == pytest.approx(sends * 10e-6, rel=0.03)


def test_a_visit_is_a_handshake_and_more() -> None:
    prices = msgspec.structs.replace(FREE, handshake=50.0, visit=20.0)
    busy = simulate(prices, workload(messages=0.0, joins=100.0)).busy
    assert busy == pytest.approx(100 * 70e-6, rel=0.05)


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


def test_who_pauses_pays_more_for_the_first_sends() -> None:
    """Ten messages a second, each after 100 ms of nothing: nine sends of 10 microseconds, and of 5 and 2 more."""
    asked = workload(connections=10, messages=1.0)
    paid = [({"chill": 5.0}, 15e-6), ({"chill": 5.0, "stale": 2.0}, 17e-6), ({"lapse": 3.0}, 13e-6)]
    for prices, each in paid:
        dearer = msgspec.structs.replace(SENDS_COST, **prices)
        assert simulate(dearer, asked, spacing=EVEN).busy == pytest.approx(10 * 9 * each, rel=0.01)


def test_only_the_first_sends_are_dearer() -> None:
    """A message a second to 1999: twenty sends are of 5 more, a thousand of 2 and of 1 more."""
    dearer = msgspec.structs.replace(SENDS_COST, chill=5.0, stale=2.0, lapse=1.0)
    asked = workload(connections=2000, channel_size=2000.0, messages=0.0005)
    expected = 1999 * 10e-6 + CHILLED_SENDS * 5e-6 + STALE_SENDS * 3e-6
    assert simulate(dearer, asked, spacing=EVEN).busy == pytest.approx(expected, rel=0.01)


def test_only_the_bytes_of_the_first_sends_are_dearer() -> None:
    dearer = msgspec.structs.replace(FREE, byte_chill=0.001)
    asked = workload(connections=100, channel_size=100.0, messages=0.1, payload_bytes=8000)
    expected = 10 * CHILLED_SENDS * asked.frame_bytes * 1e-9
    assert simulate(dearer, asked, spacing=EVEN).busy == pytest.approx(expected, rel=0.01)


def test_a_wake_up_is_dearer_the_longer_the_pause() -> None:
    prices = msgspec.structs.replace(FREE, sleep=10.0, wake=30.0)
    often = simulate(prices, workload(messages=2.0), spacing=EVEN)  # every 0.5 ms
    seldom = simulate(prices, workload(messages=0.02), spacing=EVEN)  # every 50 ms
    assert often.busy == pytest.approx(2000 * 10e-6, rel=0.01)
    assert seldom.busy == pytest.approx(20 * 40e-6, rel=0.01)


@pytest.mark.parametrize(
    ("every", "turns"), [(0.00015, 1 / 8), (0.000199, 1 / 7), (0.000201, 1.0), (0.1, 1.0)]
)
def test_a_turn_waits_for_what_comes_soon(every: float, turns: float) -> None:
    """The last wait of a turn begins within a millisecond of its start: of 0.15 ms there are seven, so eight messages share it.
    Beyond 0.2 ms each has its own."""
    prices = msgspec.structs.replace(FREE, turn=0.001)
    asked = workload(messages=1 / every / 1000)
    busy = simulate(prices, asked, spacing=EVEN).busy
    assert busy == pytest.approx(turns / every * 1e-9, rel=0.05)
