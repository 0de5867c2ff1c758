"""SIGTERM and SIGINT: everyone is told, and the process ends."""

from __future__ import annotations

import signal
import socket

import pytest
from support.fixtures import StartRelay, VisitAt
from support.websocket import CLOSE, PING, TEXT

GOING_AWAY = (1001).to_bytes(2, "big")
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def accepts(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=10).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("number", SIGNALS)
def test_ends_with_0_when_nobody_is_there(start_relay: StartRelay, number: signal.Signals) -> None:
    server = start_relay()
    address = server.address
    assert server.stop(number) == 0
    assert not accepts(address)


@pytest.mark.parametrize("number", SIGNALS)
def test_everyone_is_closed_with_1001(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, number: signal.Signals
) -> None:
    server = start_relay()
    visitors = visit_at(server)
    members = [
        visitors.join(f"{channel}-{index % 3}", "/r/" if index % 2 else "/c/")
        for index in range(12)
    ]
    server.send_signal(number)
    for member in members:
        kind = "join"
        while (received := member.receive_frame()).opcode in (TEXT, PING):
            kind = member.decode(received.payload)["type"]
            assert kind in ("join", "leave")
        assert received.opcode == CLOSE
        assert received.payload[:2] == GOING_AWAY
        member.send_close(1001)
        member.expect_end()
        member.close()
    assert server.wait() == 0
    assert not accepts(server.address)


@pytest.mark.parametrize("number", SIGNALS)
def test_what_was_sent_before_still_arrives(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, number: signal.Signals
) -> None:
    server = start_relay()
    visitors = visit_at(server)
    watcher, sender = visitors.join(channel), visitors.join(channel)
    watcher.receive_event()
    sender.send_text(*(str(number) for number in range(500)))
    sender.settle_by_ping()
    server.send_signal(number)
    assert [watcher.receive_message() for _ in range(500)] == list(range(500))
    sender.close()
    while True:
        frame = watcher.receive_frame()
        if frame.opcode == CLOSE:
            break
    assert frame.payload[:2] == GOING_AWAY
    watcher.close()
    assert server.wait() == 0


@pytest.mark.parametrize("late", [signal.SIGHUP, *SIGNALS])
def test_a_late_signal_is_no_failure(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, late: signal.Signals
) -> None:
    """It may come when nobody listens for signals any more."""
    server = start_relay()
    member = visit_at(server).join(channel)
    server.send_signal(signal.SIGTERM)
    assert member.receive_close()[0] == 1001
    server.send_signal(late)
    member.close()
    assert server.wait() == 0


@pytest.mark.slow
def test_a_peer_that_never_answers_does_not_hold_it(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay()
    member = visit_at(server).join(channel)
    server.send_signal(signal.SIGTERM)
    assert member.receive_close()[0] == 1001
    assert server.wait() == 0  # while `member` stays silent


def test_a_half_done_handshake_does_not_hold_it(start_relay: StartRelay, visit_at: VisitAt) -> None:
    server = start_relay()
    caller = visit_at(server).connect()
    caller.send(b"GET /c/x HTTP/1.1\r\n")
    idle = visit_at(server).connect()
    idle.send(b"GET /health HTTP/1.1\r\nHost: relay.test\r\n\r\n")
    assert idle.receive_response().status == 200
    assert server.stop() == 0
    caller.receive_to_end()
    idle.receive_to_end()


@pytest.mark.parametrize("second", SIGNALS)
@pytest.mark.parametrize("first", SIGNALS)
def test_a_second_signal_ends_it_at_once(
    start_relay: StartRelay,
    visit_at: VisitAt,
    channel: str,
    first: signal.Signals,
    second: signal.Signals,
) -> None:
    server = start_relay()
    member = visit_at(server).join(channel)
    server.send_signal(first)
    assert member.receive_close()[0] == 1001  # the first one is at work, and waits for an answer
    server.send_signal(second)
    server.wait()
    server.assert_quiet()
    member.expect_end()
