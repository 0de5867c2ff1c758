"""Abuse within the letter of the protocol: it costs the server next to nothing, and bystanders nothing at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.fixtures import VisitAt
from support.member import Bystanders, Visitors
from support.process import UNLIMITED_BYTES, RelayProcess, flags_if_known
from support.websocket import (
    CONTINUATION,
    PING,
    TEXT,
    WebSocket,
    encode_frame,
    frame_header,
    upgrade_head,
)

MEBIBYTE = 1 << 20
CHUNK_FRAMES = 10_000
MAX_MESSAGE = 100 * 1024


@pytest.fixture(scope="module")
def own() -> Iterator[RelayProcess]:
    """A relay of its own, for its memory is watched; without rate limits, for they are not what is tested."""
    with RelayProcess("--message-rate", "0", *flags_if_known(UNLIMITED_BYTES)) as server:
        with Visitors(server.address) as visitors:
            Bystanders(visitors).exchange()
        yield server


@pytest.fixture
def guests(own: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(own)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_million_empty_fragments(own: RelayProcess, guests: Visitors, channel: str) -> None:
    pair = Bystanders(guests)
    receiver, sender = guests.join(channel), guests.join(channel)
    receiver.receive_event()
    memory = own.memory_bytes()
    sender.send_frame(TEXT, b'"at', fin=False)
    chunk = encode_frame(CONTINUATION, fin=False) * CHUNK_FRAMES
    for _ in range(1_000_000 // CHUNK_FRAMES):
        sender.send(chunk)
        pair.exchange()
    sender.send_frame(CONTINUATION, b' last"')
    assert receiver.receive_message() == "at last"
    assert own.memory_bytes() - memory <= 2 * MEBIBYTE


@pytest.mark.parametrize("excess", [0, 1])
def test_a_message_of_one_byte_fragments(
    own: RelayProcess, guests: Visitors, channel: str, excess: int
) -> None:
    pair = Bystanders(guests)
    receiver, sender = guests.join(channel), guests.join(channel)
    receiver.receive_event()
    memory = own.memory_bytes()
    count = MAX_MESSAGE - 2 + excess
    sender.send_frame(TEXT, b'"', fin=False)
    chunk = encode_frame(CONTINUATION, b"x", fin=False)
    for start in range(0, count, CHUNK_FRAMES):
        sender.send(chunk * min(CHUNK_FRAMES, count - start))
        pair.exchange()
    sender.send_frame(CONTINUATION, b'"')
    if excess:
        sender.expect_close(1009)
    else:
        assert receiver.receive_message() == "x" * count
    assert own.memory_bytes() - memory <= 2 * MEBIBYTE


def test_a_million_one_byte_fragments_end_with_1009(
    own: RelayProcess, guests: Visitors, channel: str
) -> None:
    pair = Bystanders(guests)
    sender = guests.join(channel)
    memory = own.memory_bytes()
    sender.send_frame(TEXT, b'"', fin=False)
    chunk = encode_frame(CONTINUATION, b"x", fin=False) * CHUNK_FRAMES
    try:
        for _ in range(1_000_000 // CHUNK_FRAMES):
            sender.send(chunk)
            pair.exchange()
    except ConnectionError:
        pass
    assert own.memory_bytes() - memory <= 2 * MEBIBYTE
    pair.exchange()
    assert guests.join(channel).joined["total"] == 1


def test_announced_sizes_cost_nothing(own: RelayProcess, guests: Visitors, channel: str) -> None:
    """Five hundred who announce a message of the largest size and send one byte of it."""
    pair = Bystanders(guests)
    crowd = [guests.join(f"{channel}-{index}") for index in range(500)]
    memory = own.memory_bytes()
    for member in crowd:
        member.send(frame_header(TEXT, MAX_MESSAGE) + b"x")
        pair.exchange()
    assert own.memory_bytes() - memory <= 8 * MEBIBYTE


def test_large_messages_do_not_leave_memory_behind(
    own: RelayProcess, guests: Visitors, channel: str
) -> None:
    pair = Bystanders(guests)
    receiver, sender = guests.join(channel), guests.join(channel)
    receiver.receive_event()
    text = '"' + "x" * (MAX_MESSAGE - 2) + '"'
    for _ in range(20):
        sender.send_text(text)
        assert len(receiver.receive_message()) == MAX_MESSAGE - 2
    memory = own.memory_bytes()
    for _ in range(100):
        sender.send_text(text)
        assert len(receiver.receive_message()) == MAX_MESSAGE - 2
    pair.exchange()
    assert own.memory_bytes() - memory <= 2 * MEBIBYTE


def test_pings_without_end(own: RelayProcess, guests: Visitors, channel: str) -> None:
    pair = Bystanders(guests)
    member = guests.join(channel)
    memory = own.memory_bytes()
    for number in range(200):
        member.send(encode_frame(PING, b"x" * 100) * 100 + encode_frame(PING, b"%d" % number))
        while member.receive_frame().payload != b"%d" % number:
            pass
        if number % 10 == 0:
            pair.exchange()
    assert own.memory_bytes() - memory <= 2 * MEBIBYTE


def test_a_loud_channel_and_a_quiet_one(own: RelayProcess, guests: Visitors, channel: str) -> None:
    """While one channel fans out to many as fast as it can, a pair elsewhere still exchanges its messages."""
    pair = Bystanders(guests)
    talker = guests.join(channel)
    crowd: list[WebSocket] = [guests.join(channel) for _ in range(50)]
    for _ in range(10):
        talker.send_text(*["1"] * 500)
        pair.exchange()
        for member in crowd:
            seen = 0
            while seen < 500:
                seen += b'"message":' in member.receive_text()


def test_handshakes_without_end(own: RelayProcess, guests: Visitors, channel: str) -> None:
    """Callers who are refused, by the hundred."""
    pair = Bystanders(guests)
    head = upgrade_head(f"/c/{channel}", headers={"Sec-WebSocket-Version": "8"})
    before = own.descriptor_count()
    for _ in range(300):
        caller = guests.connect()
        caller.send(head)
        assert caller.receive_response().status == 426
        caller.close()
        pair.exchange()
    for _ in range(2000):
        if own.descriptor_count() == before:
            break
        pair.exchange()
    assert own.descriptor_count() == before
