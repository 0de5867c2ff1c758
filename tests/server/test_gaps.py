"""`slow_consumer = "drop"`: who reads too slowly stays, misses the oldest messages, and is told exactly how many."""

from __future__ import annotations

import json

import pytest
from support.fixtures import StartRelay, VisitAt
from support.member import Bystanders, Event, Member
from support.process import UNLIMITED_BYTES, RelayProcess, flags_if_known
from support.websocket import BINARY, PING, PONG, encode_frame

KIBIBYTE = 1 << 10
MEBIBYTE = 1 << 20
BACKLOG = 256 * KIBIBYTE
FILL = "x" * 5000
TINY_BUFFER = 4096
MOST = 3200  # far more than the kernel's buffers and the backlog take
UNLIMITED = ("--message-rate", "0", *flags_if_known(UNLIMITED_BYTES))
DROP = ("--slow-consumer", "drop", "--backlog-limit", str(BACKLOG), *UNLIMITED)


def numbered(number: int) -> str:
    return f'[{number},"{FILL}"]'


def read_to(slow: Member, last: int) -> list[Event]:
    return slow.receive_through(lambda e: "message" in e and e["message"][0] == last)


def assert_all_accounted_for(events: list[Event], count: int) -> int:
    """Messages and gaps together are all there were, each gap at its place; how many were missed."""
    expected = missed = 0
    for event in events:
        if event.get("type") == "gap":
            assert list(event) == ["type", "missed", "date"]
            expected += event["missed"]
            missed += event["missed"]
        elif "message" in event:
            assert event["message"][0] == expected
            expected += 1
    assert expected == count
    return missed


def flood(talker: Member, witness: Member, count: int) -> None:
    """So many messages, each of which someone who reads has got in order before the next is sent."""
    for number in range(count):
        talker.send_text(numbered(number))
        assert witness.receive_message()[0] == number


def test_a_slow_consumer_misses_the_oldest_and_is_told(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay(*DROP)
    visitors = visit_at(server)
    talker, witness = visitors.join(channel), visitors.join(channel)
    slow = visitors.join(channel, receive_buffer_bytes=TINY_BUFFER)
    witness.receive_total(3)
    memory = server.memory_bytes()
    flood(talker, witness, MOST)
    assert server.memory_bytes() - memory <= 2 * BACKLOG + 2 * MEBIBYTE
    assert assert_all_accounted_for(read_to(slow, MOST - 1), MOST) > 0
    slow.send_text('"still here"')
    assert witness.receive_message() == "still here"


def test_who_catches_up_within_the_limit_misses_nothing(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    visitors = visit_at(start_relay(*DROP))
    talker, witness = visitors.join(channel), visitors.join(channel)
    slow = visitors.join(channel, receive_buffer_bytes=TINY_BUFFER)
    witness.receive_total(3)
    count = BACKLOG // 2 // len(FILL)
    flood(talker, witness, count)
    assert assert_all_accounted_for(read_to(slow, count - 1), count) == 0


def test_falling_behind_again_and_again(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    """Read a little, fall behind, read a little: every gap is exact where it stands."""
    visitors = visit_at(start_relay(*DROP))
    talker, witness = visitors.join(channel), visitors.join(channel)
    slow = visitors.join(channel, receive_buffer_bytes=TINY_BUFFER)
    witness.receive_total(3)
    events: list[Event] = []
    for number in range(2 * MOST):
        talker.send_text(numbered(number))
        assert witness.receive_message()[0] == number
        if number % 500 == 499:
            events += [slow.receive_event() for _ in range(20)]
    events += read_to(slow, 2 * MOST - 1)
    assert assert_all_accounted_for(events, 2 * MOST) > 0
    assert sum(event.get("type") == "gap" for event in events) > 1


def test_direct_messages_are_missed_and_counted_too(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    visitors = visit_at(start_relay(*DROP))
    talker = visitors.join(channel)
    slow = visitors.join(channel, receive_buffer_bytes=TINY_BUFFER)
    talker.receive_event()
    for number in range(MOST):
        talker.send_text(f"@@{slow.uid}@@{numbered(number)}")
        if number % 20 == 0:
            talker.send_frame(PING)
            assert talker.receive() == (PONG, b"")
    assert assert_all_accounted_for(read_to(slow, MOST - 1), MOST) > 0


def test_direct_messages_among_broadcasts_add_up(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    visitors = visit_at(start_relay(*DROP))
    talker, witness = visitors.join(channel), visitors.join(channel)
    slow = visitors.join(channel, receive_buffer_bytes=TINY_BUFFER)
    witness.receive_total(3)
    for number in range(0, MOST, 2):
        talker.send_text(numbered(number))
        talker.send_text(f"@@{slow.uid}@@{numbered(number + 1)}")
        assert witness.receive_message()[0] == number
    assert assert_all_accounted_for(read_to(slow, MOST - 1), MOST) > 0


def test_its_own_messages_and_joins_are_not_missed(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    """What it sent itself was never meant for it, and a join is no message."""
    visitors = visit_at(start_relay(*DROP))
    talker, witness = visitors.join(channel), visitors.join(channel)
    slow = visitors.join(channel, receive_buffer_bytes=TINY_BUFFER)
    witness.receive_total(3)
    for number in range(MOST):
        talker.send_text(numbered(number))
        witness.receive_through(lambda e, n=number: e.get("message", [None])[0] == n)  # type: ignore[misc]
        if number % 100 == 0:
            slow.send_text(f'["own","{FILL}"]')
            visitors.join(channel).leave()
    assert assert_all_accounted_for(read_to(slow, MOST - 1), MOST) > 0


def test_party_rooms_skip_silently(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay(*DROP)
    visitors = visit_at(server)
    target = f"/parties/main/{channel}"
    talker, witness = visitors.open(target), visitors.open(target)
    slow = visitors.dial_slow(TINY_BUFFER)
    slow.open(target)
    slow.send_text("here")
    assert talker.receive_text() == witness.receive_text() == b"here"
    body = b"y" * len(FILL)
    for number in range(MOST):
        data = b"%d " % number + body
        talker.send_frame(BINARY, data)
        assert witness.receive() == (BINARY, data)
    numbers = []
    while not numbers or numbers[-1] < MOST - 1:
        kind, payload = slow.receive()
        assert kind == BINARY
        numbers.append(int(payload.split()[0]))
    assert numbers == sorted(set(numbers))
    assert len(numbers) < MOST


@pytest.mark.parametrize("frame", [encode_frame(1, b"undefined")], ids=["errors"])
def test_what_cannot_be_missed_still_closes(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, frame: bytes
) -> None:
    """Errors are no messages: who asks for megabytes of them and reads none is closed after all."""
    server: RelayProcess = start_relay(*DROP)
    visitors = visit_at(server)
    pair = Bystanders(visitors)
    watcher = visitors.join(channel)
    flooder = visitors.join(channel, receive_buffer_bytes=TINY_BUFFER)
    watcher.receive_total(2)
    flooder.socket.settimeout(1)
    try:
        for _ in range(32 * MEBIBYTE // 65_536):
            flooder.send(frame * (65_536 // len(frame)))
    except (TimeoutError, ConnectionError):
        pass
    assert watcher.receive_total(1)[-1]["type"] == "leave"
    pair.exchange()


def test_a_gap_is_plain_json() -> None:
    from relay.protocol import GapEvent
    from relay.wording import frame_event

    frame = frame_event(GapEvent(missed=7, date=123))
    assert json.loads(frame[2:]) == {"type": "gap", "missed": 7, "date": 123}
