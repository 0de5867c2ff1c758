"""How the relay ends: everyone is told, a few at a time, and nobody new comes in."""

from __future__ import annotations

import resource
import signal
import socket
from collections.abc import Iterator

import pytest
from support.arrivals import ask, seconds_to_wait
from support.fixtures import StartRelay, VisitAt
from support.member import Event, Member, Visitors
from support.process import RelayProcess
from support.websocket import CLOSE, TEXT, WebSocket, close_payload, upgrade_head

CROWD = 3000  # at the fastest spreading, a thousand a second, the last is closed seconds after the first
REASON = b"the server is shutting down"
GOODBYE = close_payload(1001, REASON)
HEALTH = b"GET /health HTTP/1.1\r\nHost: relay.test\r\n\r\n"


@pytest.fixture(scope="module", autouse=True)
def descriptors() -> Iterator[None]:
    """Enough of them for a crowd."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 2 * CROWD), hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def expect_goodbye(member: WebSocket) -> list[Event]:
    """The close frame comes, and is answered; what came before it."""
    events = []
    while (received := member.receive())[0] == TEXT:
        events.append(Member.decode(received[1]))
    assert received == (CLOSE, GOODBYE)
    member.send_close(1001)
    member.expect_end()
    member.close()
    return events


def begin_to_end(server: RelayProcess, member: Member) -> None:
    """SIGTERM; returns when it is at work, which goes on until `member` has answered, or for 5 seconds."""
    server.send_signal(signal.SIGTERM)
    assert member.receive_close() == (1001, REASON.decode())


def expect_answered(member: Member, server: RelayProcess) -> None:
    """The closing handshake is complete, and with it the end."""
    member.send_close(1001)
    member.expect_end()
    member.close()
    assert server.wait() == 0


def fill(visitors: Visitors, channel: str) -> list[Member]:
    """A crowd whose joins nobody is told of."""
    return [visitors.join(channel) for _ in range(CROWD)]


@pytest.mark.parametrize("drain_time", ["0", "10"])
def test_everyone_is_told(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, drain_time: str
) -> None:
    server = start_relay("--drain-time", drain_time)
    visitors = visit_at(server)
    members = [visitors.join(f"{channel}-{index % 7}") for index in range(50)]
    rooms = [visitors.open(f"/parties/main/{channel}-{index % 3}") for index in range(10)]
    server.send_signal(signal.SIGTERM)
    for member in members:
        events = expect_goodbye(member)
        assert {event["type"] for event in events} <= {"join"}  # no leaves: everyone is leaving
    for room in rooms:
        assert expect_goodbye(room) == []
    assert server.wait() == 0
    assert "connections to close: 60; a second signal ends at once" in server.errors


def test_a_crowd_is_closed_a_few_at_a_time(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    """While the first are closed the last still exchange messages."""
    server = start_relay("--drain-time", "1h", "--presence", "off")
    visitors = visit_at(server)
    crowd = fill(visitors, channel)
    first, second = (visitors.join(f"{channel}-last") for _ in range(2))
    server.send_signal(signal.SIGTERM)
    expect_goodbye(crowd[0])
    first.send_text('"still here"')
    assert second.receive_message() == "still here"
    for member in (*crowd[1:], first, second):
        expect_goodbye(member)
    assert server.wait() == 0


def test_a_second_signal_does_not_wait_for_the_crowd(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay("--drain-time", "1h", "--presence", "off")
    visitors = visit_at(server)
    crowd = fill(visitors, channel)
    last = visitors.join(f"{channel}-last")
    server.send_signal(signal.SIGTERM)
    expect_goodbye(crowd[0])
    server.send_signal(signal.SIGTERM)
    last.expect_end()  # without a goodbye
    server.wait()
    server.assert_quiet()


def test_nobody_new_comes_in(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    server = start_relay("--drain-time", "0")
    visitors = visit_at(server)
    member = visitors.join(channel)
    head = upgrade_head(f"/c/{channel}")
    half, kept = visitors.call(head[:20]), visitors.call(HEALTH)
    assert kept.receive_response().headers["connection"] == "keep-alive"
    begin_to_end(server, member)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.address)
    half.send(head[20:])
    kept.send(head)
    for caller in (half, kept):
        response = caller.receive_response()
        assert response.status == 503
        assert response.body == b'{"error":"the server is shutting down"}'
        assert seconds_to_wait(response) == 5
        caller.expect_end()
    expect_answered(member, server)


def test_plain_http_is_answered_for_the_last_time(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay("--drain-time", "0")
    visitors = visit_at(server)
    member = visitors.join(channel)
    kept = visitors.call(HEALTH)
    assert kept.receive_response().status == 200
    begin_to_end(server, member)
    kept.send(HEALTH)
    response = kept.receive_response()
    assert (response.status, response.headers["connection"]) == (200, "close")
    kept.expect_end()
    expect_answered(member, server)


def test_a_reader_that_is_far_behind_is_told_as_well(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay("--message-rate", "0", "--byte-rate", "0")
    visitors = visit_at(server)
    slow = visitors.join(channel, receive_buffer_bytes=4096)
    talker = visitors.join(channel)
    talker.send_text(*(f'[{number},"{"x" * 5000}"]' for number in range(150)))
    talker.settle_by_ping()
    server.send_signal(signal.SIGTERM)
    expect_goodbye(talker)
    events = expect_goodbye(slow)
    numbers = [event["message"][0] for event in events if "message" in event]
    assert numbers == list(range(len(numbers)))  # what it still gets has no gap
    assert server.wait() == 0


def test_a_reload_does_not_stop_it(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay("--drain-time", "0")
    member = visit_at(server).join(channel)
    begin_to_end(server, member)
    server.send_signal(signal.SIGHUP)
    expect_answered(member, server)
    assert "loaded again" not in server.errors


def test_without_anyone_it_ends_at_once(start_relay: StartRelay, visit_at: VisitAt) -> None:
    server = start_relay("--drain-time", "1h")
    visitors = visit_at(server)
    assert ask(visitors, "/nowhere").status == 404
    assert server.stop() == 0
    assert "connections to close" not in server.errors
