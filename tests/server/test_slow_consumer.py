"""Members that do not read: bounded, dropped with 1013, and nobody else's trouble."""

from __future__ import annotations

import pytest
from support.fixtures import StartRelay, VisitAt
from support.member import Bystanders, Member
from support.process import UNLIMITED_BYTES, RelayProcess, flags_if_known
from support.websocket import CLOSE, PING, PONG, TEXT, encode_frame

UNLIMITED = ("--message-rate", "0", *flags_if_known(UNLIMITED_BYTES))
FILL = "x" * 60_000
TINY_BUFFER = 4096
MEBIBYTE = 1 << 20
MOST = (
    64 * MEBIBYTE // len(FILL)
)  # far more messages than the kernel's buffers and the backlog take together


def limit(backlog_bytes: int) -> tuple[str, ...]:
    return ("--backlog-limit", str(backlog_bytes), *UNLIMITED)


def numbered(number: int) -> str:
    return f'[{number},"{FILL}"]'


def number_of(message: bytes) -> int:
    """The number in an envelope with a `numbered` payload."""
    return int(message[:400].partition(b'"message":[')[2].partition(b",")[0])


def read_to_the_close(slow: Member) -> tuple[list[int], bytes]:
    """The numbers of the messages that still came, whole and in frames that are valid, and the close frame's payload."""
    numbers: list[int] = []
    while True:
        kind, payload = slow.receive()
        if kind == CLOSE:
            return numbers, payload
        assert kind == TEXT
        if b'"message":[' in payload[:400]:
            numbers.append(number_of(payload))


@pytest.mark.parametrize("backlog", [65_536 * 2, MEBIBYTE])
def test_a_slow_consumer_is_closed_with_1013(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, backlog: int
) -> None:
    server = start_relay(*limit(backlog))
    visitors = visit_at(server)
    talker, witness = visitors.join(channel), visitors.join(channel)
    slow = visitors.join(channel, announce="1", receive_buffer_bytes=TINY_BUFFER)
    witness.receive_total(3)
    memory = server.memory_bytes()
    leave = None
    for number in range(MOST):
        talker.send_text(numbered(number))
        event = witness.receive_event()
        if event.get("type") == "leave":
            leave, event = event, witness.receive_event()
        assert event["message"][0] == number
        if leave:
            break
    assert leave
    assert (leave["uid"], leave["total"]) == (slow.uid, 2)
    assert server.memory_bytes() - memory <= backlog + 4 * MEBIBYTE
    numbers, close = read_to_the_close(slow)
    assert numbers == list(range(len(numbers)))
    assert int.from_bytes(close[:2], "big") == 1013
    assert visitors.join(channel).joined["total"] == 3


def test_the_kernel_keeps_little_for_a_slow_consumer(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    """Its socket's own buffer would grow to 4 MiB, and no backlog would be seen before."""
    backlog = 64 * 1024
    visitors = visit_at(start_relay(*limit(backlog)))
    talker, witness = visitors.join(channel), visitors.join(channel)
    visitors.join(channel, receive_buffer_bytes=TINY_BUFFER)
    witness.receive_total(3)
    for number in range(MEBIBYTE // len(FILL)):
        talker.send_text(numbered(number))
        if "leave" in str(witness.receive_event().get("type")):
            return
    raise AssertionError("the slow consumer is still there")


def test_one_who_catches_up_misses_nothing(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    """More than the kernel's buffers hold, less than the backlog limit."""
    visitors = visit_at(start_relay(*limit(32 * MEBIBYTE)))
    talker, witness = visitors.join(channel), visitors.join(channel)
    slow = visitors.join(channel, receive_buffer_bytes=TINY_BUFFER)
    witness.receive_total(3)
    count = 12 * MEBIBYTE // len(FILL)
    for number in range(count):
        talker.send_text(numbered(number))
        assert number_of(witness.receive_text()) == number
    assert [number_of(slow.receive_text()) for _ in range(count)] == list(range(count))
    slow.send_text('"back again"')
    assert witness.receive_message() == "back again"


def test_the_limit_is_per_member_not_for_good(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    """One who reads in time may be sent many times the limit."""
    visitors = visit_at(start_relay(*limit(128 * 1024)))
    talker, witness = visitors.join(channel), visitors.join(channel)
    talker.receive_event()
    for number in range(100):
        talker.send_text(numbered(number))
        assert number_of(witness.receive_text()) == number
    assert talker.settle() == []


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_one_slow_reader_among_a_hundred(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    backlog = 256 * 1024
    server = start_relay(*limit(backlog))
    visitors = visit_at(server)
    pair = Bystanders(visitors)
    talker = visitors.join(channel)
    readers = [visitors.join(channel) for _ in range(98)]
    slow = visitors.join(channel, receive_buffer_bytes=TINY_BUFFER)
    for member in (talker, *readers):
        member.receive_total(100)
    memory = server.memory_bytes()
    left = False
    for number in range(MOST):
        talker.send_text(numbered(number))
        for reader in readers:
            text = reader.receive_text()
            if b'"leave"' in text[:20]:
                left, text = True, reader.receive_text()
            assert number_of(text) == number
        if left:
            break
        if number % 20 == 0:
            pair.exchange()
    assert left, "the slow reader was never dropped"
    assert server.memory_bytes() - memory <= backlog + 8 * MEBIBYTE
    numbers, close = read_to_the_close(slow)
    assert numbers == list(range(len(numbers)))
    assert int.from_bytes(close[:2], "big") == 1013
    pair.exchange()
    assert visitors.join(channel).joined["total"] == 100


FLOODS = {
    "pings": encode_frame(PING, b"x" * 125),
    "errors": encode_frame(TEXT, b"undefined"),
    "unknown recipients": encode_frame(TEXT, b"@@" + b"x" * 1000 + b"@@1"),
}


def flood(flooder: Member, chunk: bytes, total_bytes: int) -> None:
    """Send without ever reading, until all is sent, the server stops taking it, or it ends the connection."""
    flooder.socket.settimeout(1)
    try:
        for _ in range(total_bytes // len(chunk)):
            flooder.send(chunk)
    except (TimeoutError, ConnectionError):
        pass


@pytest.mark.parametrize("frame", FLOODS.values(), ids=FLOODS)
def test_one_who_asks_for_answers_and_never_reads_them(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, frame: bytes
) -> None:
    server = start_relay(*limit(256 * 1024))
    visitors = visit_at(server)
    pair = Bystanders(visitors)
    flooder = visitors.join(channel, receive_buffer_bytes=TINY_BUFFER)
    memory = server.memory_bytes()
    flood(flooder, frame * (65_536 // len(frame)), 32 * MEBIBYTE)
    pair.exchange()
    assert server.memory_bytes() - memory <= 8 * MEBIBYTE


def test_one_who_writes_to_itself_and_never_reads(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay(*limit(256 * 1024))
    visitors = visit_at(server)
    pair = Bystanders(visitors)
    flooder = visitors.join(channel, receive_buffer_bytes=TINY_BUFFER)
    memory = server.memory_bytes()
    frame = encode_frame(TEXT, f'@@{flooder.uid}@@"{FILL}"'.encode())
    flood(flooder, frame, 32 * MEBIBYTE)
    pair.exchange()
    assert server.memory_bytes() - memory <= 8 * MEBIBYTE


def test_direct_messages_to_one_who_never_reads(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    """The private queue is bounded like the log."""
    server = start_relay(*limit(256 * 1024))
    visitors = visit_at(server)
    talker = visitors.join(channel)
    slow = visitors.join(channel, announce="1", receive_buffer_bytes=TINY_BUFFER)
    talker.receive_event()
    memory = server.memory_bytes()
    for number in range(MOST):
        talker.send_text(f"@@{slow.uid}@@{numbered(number)}")
        talker.send_frame(PING)
        kind, payload = talker.receive()
        if kind != PONG:
            break
    event = talker.decode(payload)
    assert (event["type"], event.get("uid")) in {("leave", slow.uid), ("error", None)}, event
    assert server.memory_bytes() - memory <= 8 * MEBIBYTE
    numbers, close = read_to_the_close(slow)
    assert numbers == list(range(len(numbers)))
    assert int.from_bytes(close[:2], "big") == 1013


def test_the_default_server_is_still_there(
    relay: RelayProcess, visit_at: VisitAt, channel: str
) -> None:
    """With the default limit, on the default server, whose memory others' tests watch as well."""
    visitors = visit_at(relay)
    talker, slow = visitors.join(channel), visitors.join(channel, receive_buffer_bytes=TINY_BUFFER)
    talker.receive_event()
    for number in range(8):
        talker.send_text(numbered(number))
    assert [number_of(slow.receive_text()) for _ in range(8)] == list(range(8))
