"""Visitors that leave and return, members that do not read: what they do, and that no book knows them."""

from __future__ import annotations

from collections import Counter

import pytest
from support.fixtures import StartRelay

from relay._load import Generator, Interval

from .fake_server import TEXT, FakeServer, close_frame, frame

GAP = frame(TEXT, b'{"type":"gap","missed":3,"date":1}')


def test_visitors_leave_and_return_and_nobody_counts_what_they_get() -> None:
    with FakeServer() as server:
        generator = Generator(server.port, channels=2, members=3, visitors=4)
        assert generator.connect(10).opened == 10
        report = generator.run(0.4, churn=50)
        generator.hold(0.1)
        assert generator.open_connections == 10
        closing = generator.close()
    assert 0 < report.left <= 20
    assert report.left - 4 <= report.returned <= report.left
    assert report.returning.samples == report.returned
    assert (report.not_returned, report.dropped, report.close_codes) == (0, 0, {})
    assert report.delivered == report.expected == report.sent * 2
    assert closing.close_codes == {1000: 10}
    assert len(server.requests) >= 10 + report.returned


def test_visitors_are_dealt_to_the_channels() -> None:
    with FakeServer() as server:
        generator = Generator(server.port, channels=3, members=2, visitors=3, stalled=3)
        generator.connect(10)
        generator.close()
    channels = Counter(head.split(b" ", 2)[1] for head in server.requests)
    assert channels == {b"/c/bench-%d" % i: 4 for i in range(3)}


def test_a_visitor_that_is_refused_tries_again_at_its_next_turn() -> None:
    with FakeServer() as server:
        generator = Generator(server.port, members=2, visitors=1)
        generator.connect(10)
        server.answer = b"HTTP/1.1 429 Too Many Requests\r\n\r\n"
        report = generator.run(0.3, churn=20)
        assert generator.statuses[429] == report.not_returned >= 1
        server.answer = None
        second = generator.run(0.3, churn=20)
        generator.close()
    assert report.refusals == {"with HTTP 429": report.not_returned}
    assert second.refusals == {}  # those of the run before are told there
    assert report.returned == 0
    assert second.returned >= 1
    assert report.delivered == report.expected > 0


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        (b"", "closed by the server before it had answered"),
        (b"SSH-2.0-x\r\n\r\n", "answered with what is no HTTP"),
        (b"HTTP/1.1 101 x\r\n\r\n", "answered 101 without the right Sec-WebSocket-Accept"),
    ],
)
def test_why_visitors_were_not_let_in_again(answer: bytes, how: str) -> None:
    with FakeServer() as server:
        generator = Generator(server.port, members=2, visitors=1)
        generator.connect(10)
        server.answer = answer
        report = generator.run(0.2, churn=20)
        generator.close()
    assert report.refusals == {how: report.not_returned}
    assert report.not_returned >= 1


def test_visitors_that_can_come_back_keep_a_run_going() -> None:
    """When all members have gone, too: what is left to measure is how visitors get in."""
    with FakeServer(close_after=2, closes_everyone=True) as server:
        generator = Generator(server.port, members=2, visitors=1)
        generator.connect(10)
        report = generator.run(0.3, churn=20)
        is_deserted = generator.is_deserted
        generator.close()
    assert not is_deserted
    assert report.members_left == 0
    assert report.sending_seconds == pytest.approx(0.3)
    assert report.returned >= 1


def test_churn_needs_visitors() -> None:
    with FakeServer() as server:
        generator = Generator(server.port, members=2)
        generator.connect(10)
        with pytest.raises(ValueError, match=r"^churn: "):
            generator.run(0.1, churn=1)
        generator.close()


@pytest.mark.parametrize(
    ("greeting", "codes", "gaps"),
    [
        (b"", {}, 0),
        (GAP, {}, 2),
        (GAP + close_frame(1013), {1013: 2}, 2),
        (close_frame(1008), {1008: 2}, 0),
    ],
)
def test_what_became_of_those_who_did_not_read(
    greeting: bytes, codes: dict[int, int], gaps: int
) -> None:
    with FakeServer() as server:
        server.greeting = greeting
        generator = Generator(server.port, members=1, stalled=2)
        generator.connect(10)
        closing = generator.close()
    assert closing.stalled == (2, codes, gaps)


def test_a_slow_consumer_of_the_relay_is_closed_and_says_so(start_relay: StartRelay) -> None:
    server = start_relay(
        "--backlog-limit",
        "131072",
        "--message-rate",
        "0",
        "--byte-rate",
        "0",
        "--max-message",
        "65536",
    )
    port = server.address[1]
    generator = Generator(port, members=2, stalled=2, payload_bytes=60_000, in_flight=4)
    generator.connect(10)
    delivered = 0

    def stop_when_enough(interval: Interval) -> None:
        """18 MB are more than the backlog limit and all that sockets hold."""
        nonlocal delivered
        delivered += interval.delivered
        if delivered >= 300:
            generator.stop()

    report = generator.run(30, interval_seconds=0.05, watch=stop_when_enough)
    closing = generator.close()
    assert report.delivered == report.expected > 0
    assert closing.stalled.close_codes.keys() <= {1013, 1006}
    assert sum(closing.stalled.close_codes.values()) == 2
    assert closing.close_codes == {1000: 2}


def test_source_addresses_are_taken_in_turn() -> None:
    with FakeServer() as server:
        sources = ["127.0.0.3", "127.0.0.4"]
        generator = Generator(server.port, members=4, sources=sources)
        generator.connect(10)
        assert Counter(server.addresses) == {"127.0.0.3": 2, "127.0.0.4": 2}
        generator.close()


def test_a_source_that_is_none_of_ours() -> None:
    with FakeServer() as server:
        generator = Generator(server.port, members=1, sources=["192.0.2.7"], is_remote=True)
        with pytest.raises(OSError, match="Cannot assign"):
            generator.connect(10)


def test_connections_are_opened_at_a_rate() -> None:
    """The n-th is not begun before its time, and its latency runs from then."""
    with FakeServer() as server:
        generator = Generator(server.port, members=5)
        report = generator.connect(10, rate=50)
        generator.close()
    assert report.opened == 5
    assert report.seconds >= 4 / 50


def test_the_generator_tells_how_many_are_open() -> None:
    told: list[int] = []
    with FakeServer() as server:
        generator = Generator(server.port, members=8)
        generator.connect(10, rate=20, watch=told.append)
        generator.close()
    assert told == sorted(told)
    assert told
    assert told[-1] <= 8
