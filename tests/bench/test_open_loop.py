"""Open loops: when messages are due, that latency runs from then, and what a server that does not keep up looks like."""

from __future__ import annotations

import json
import threading
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay._load import Generator, Pace

from .fake_server import FakeServer

RATE = 400.0
SECONDS = 0.25
PATIENCE_SECONDS = 10.0


@given(
    rate=st.floats(0.01, 10_000_000), number=st.integers(0, 1_000_000), seconds=st.floats(0, 3600)
)
def test_an_event_is_due_at_its_number_over_the_rate(
    rate: float, number: int, seconds: float
) -> None:
    """Counted from the first one: nothing adds up, however many there were."""
    exact = Fraction(number) * 10**9 / Fraction(rate)
    assert abs(Pace(rate, seconds).due_at(number) - exact) <= 1 + exact / 2**50


@pytest.mark.parametrize(
    ("nanoseconds", "due"),
    [(0, 1), (249_999_999, 1), (250_000_000, 2), (250_000_001, 2), (999_999_999, 4), (10**12, 4)],
)
def test_how_many_are_due_by_a_time(nanoseconds: int, due: int) -> None:
    pace = Pace(4, 1)
    assert len(pace) == 4
    assert pace.due_by(nanoseconds) == due


@given(rate=st.floats(0.01, 100_000), seconds=st.floats(0.001, 10))
def test_all_that_is_due_before_the_end_and_no_more(rate: float, seconds: float) -> None:
    pace = Pace(rate, seconds)
    assert len(pace) == pace.due_by(10**13) == pytest.approx(rate * seconds, abs=1)
    for number in range(0, len(pace), max(1, len(pace) // 7)):
        assert pace.due_by(pace.due_at(number)) >= number + 1


@pytest.mark.parametrize("rate", [0.009, 10_000_001, float("nan")])
def test_a_rate_out_of_range(rate: float) -> None:
    with pytest.raises(ValueError, match=r"^rate: "):
        Pace(rate, 1)


def generator_for(
    server: FakeServer,
    *,
    channels: int = 1,
    members: int = 3,
    in_flight: int = 4096,
    senders: int = 1,
    loss_timeout_seconds: float = PATIENCE_SECONDS,
) -> Generator:
    generator = Generator(
        server.port,
        channels=channels,
        members=members,
        in_flight=in_flight,
        senders=senders,
        loss_timeout_seconds=loss_timeout_seconds,
    )
    generator.connect(10)
    return generator


@pytest.mark.parametrize(("channels", "senders"), [(1, 1), (1, 3), (3, 2)])
def test_each_message_carries_the_time_it_was_due_at(channels: int, senders: int) -> None:
    with FakeServer() as server:
        generator = generator_for(server, channels=channels, senders=senders)
        report = generator.run(SECONDS, rate=RATE)
        generator.close()
    assert report.offered == report.sent == len(server.messages) == round(RATE * SECONDS)
    assert report.delivered == report.expected == report.sent * 2
    times = sorted(json.loads(message)["t"] for message in server.messages)
    assert {later - earlier for earlier, later in pairwise(times)} == {round(1e9 / RATE)}


def test_a_stall_is_charged_to_every_message_that_was_due_in_it() -> None:
    """The first message is held until nothing more is due: all that wait behind it were late, not only that one."""
    release = threading.Event()

    def hold(receiver: int, frames: list[bytes]) -> list[bytes]:
        release.wait(10)
        return frames

    with FakeServer(misdeliver=hold) as server:
        generator = generator_for(server)
        sent = 0

        def watch(interval: object) -> None:
            nonlocal sent
            sent += interval.sent  # type: ignore[attr-defined]
            if sent >= RATE * SECONDS:
                release.set()

        report = generator.run(SECONDS, rate=RATE, interval_seconds=0.01, watch=watch)
        generator.close()
    assert report.delivered == report.expected == 2 * round(RATE * SECONDS)
    # When it was released the first half had been due for half of the run at least, whatever the machine did.
    assert report.latency.p50 >= SECONDS / 2 * 0.99
    assert report.latency.longest >= SECONDS * 0.99 - 1 / RATE


def test_what_finds_no_room_stays_due_and_is_told_as_not_sent() -> None:
    with FakeServer(misdeliver=lambda receiver, frames: []) as server:
        generator = generator_for(server, in_flight=5, loss_timeout_seconds=2)

        def stop_when_full(interval: object) -> None:
            if len(server.messages) == 5:
                generator.stop()

        report = generator.run(5, rate=RATE, interval_seconds=0.02, watch=stop_when_full)
        generator.close(0)
    assert report.sent == report.given_up == 5
    assert report.offered > report.sent
    assert report.lost == report.expected == 10


def test_lateness_is_known_for_each_message() -> None:
    with FakeServer() as server:
        generator = generator_for(server)
        report = generator.run(SECONDS, rate=RATE)
        closed = generator.run(0.02)
        generator.close()
    assert report.lateness.samples == report.sent
    assert closed.lateness.samples == 0
    assert closed.offered == closed.sent


def test_an_open_and_a_closed_loop_in_turn() -> None:
    with FakeServer() as server:
        generator = generator_for(server, in_flight=8)
        reports = [generator.run(0.05, rate=rate) for rate in (RATE, 0, RATE)]
        generator.close()
    assert sum(report.sent for report in reports) == len(server.messages)
    assert all(report.delivered == report.expected > 0 for report in reports)


@pytest.mark.parametrize("name", ["rate", "churn"])
@pytest.mark.parametrize("rate", [0.009, 10_000_001, -1, float("nan")])
def test_rates_are_bounded(name: str, rate: float) -> None:
    with FakeServer() as server:
        generator = generator_for(server)
        with pytest.raises(ValueError, match=rf"^{name}: "):
            generator.run(0.01, **{name: rate})
        generator.close(0)
