"""Frames as RFC 6455 section 5 wants them, on a real socket."""

from __future__ import annotations

import os

import pytest
from support.member import Bystanders, Visitors
from support.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    apply_mask,
    close_payload,
    encode_frame,
    frame_header,
)

SIZES = [0, 1, 124, 125]


@pytest.mark.parametrize("size", SIZES)
def test_a_ping_is_answered_with_its_payload(visit: Visitors, channel: str, size: int) -> None:
    member = visit.join(channel)
    payload = os.urandom(size)
    member.send_frame(PING, payload)
    assert member.receive_frame() == (True, PONG, payload)


def test_pings_are_answered_in_order(visit: Visitors, channel: str) -> None:
    """A server may answer only the newest of several pings (section 5.5.3), but not in another order, nor twice."""
    member = visit.join(channel)
    member.send(b"".join(encode_frame(PING, b"%03d" % number) for number in range(100)))
    pongs: list[bytes] = []
    while not pongs or pongs[-1] != b"099":
        kind, payload = member.receive()
        assert kind == PONG
        pongs.append(payload)
    assert pongs == sorted(set(pongs))
    member.ping()


@pytest.mark.parametrize("size", SIZES)
def test_an_unsolicited_pong_is_ignored(visit: Visitors, channel: str, size: int) -> None:
    member = visit.join(channel)
    member.send_frame(PONG, os.urandom(size))
    assert member.settle() == []


def test_pings_between_fragments(visit: Visitors, channel: str) -> None:
    receiver, sender = visit.join(channel), visit.join(channel)
    receiver.receive_event()
    text = '"é日🦆"'.encode()
    for index in range(len(text)):
        sender.send_frame(CONTINUATION if index else TEXT, text[index : index + 1], fin=False)
        sender.send_frame(PONG, b"unasked")
        sender.ping()
    sender.send_frame(CONTINUATION)
    assert receiver.receive_message() == "é日🦆"


def test_a_close_between_fragments(visit: Visitors, channel: str) -> None:
    witness, member = visit.join(channel), visit.join(channel)
    witness.receive_event()
    member.send_frame(TEXT, b'"never', fin=False)
    member.send_close(1000)
    member.expect_close(1000)
    assert witness.receive_event()["type"] == "leave"


def test_every_masking_key_and_alignment(visit: Visitors, channel: str) -> None:
    receiver, sender = visit.join(channel), visit.join(channel)
    receiver.receive_event()
    texts = ['"%s"' % ("x" * size) for size in range(40)]
    keys = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\x02\x03\x04", b"\x80\0\0\x01"]
    for key in keys:
        sender.send(b"".join(encode_frame(TEXT, text.encode(), mask=key) for text in texts))
        for text in texts:
            assert receiver.receive_message() == text.strip('"')


@pytest.mark.parametrize("size", [125, 126, 127, 65_535, 65_536, 65_537, 102_400])
def test_every_length_form_in_and_out(visit: Visitors, channel: str, size: int) -> None:
    receiver, sender = visit.join(channel), visit.join(channel, echo="1")
    receiver.receive_event()
    sender.send_text('"' + "x" * (size - 2) + '"')
    for member in (receiver, sender):
        assert len(member.receive_message()) == size - 2


@pytest.mark.parametrize("step", [1, 2, 3, 5, 11])
def test_frames_in_pieces(visit: Visitors, channel: str, step: int) -> None:
    receiver, sender = visit.join(channel), visit.join(channel)
    receiver.receive_event()
    stream = (
        encode_frame(TEXT, b'"' + b"x" * 130 + b'"')
        + encode_frame(PING, b"p")
        + encode_frame(TEXT, b"2")
    )
    sender.send_pieces(stream[at : at + step] for at in range(0, len(stream), step))
    assert receiver.receive_message() == "x" * 130
    assert receiver.receive_message() == 2
    assert sender.receive() == (PONG, b"p")


def test_many_frames_in_one_segment(visit: Visitors, channel: str) -> None:
    receiver, sender = visit.join(channel), visit.join(channel)
    receiver.receive_event()
    sender.send(b"".join(encode_frame(TEXT, b"%d" % number) for number in range(800)))
    assert [receiver.receive_message() for _ in range(800)] == list(range(800))


BAD_CLOSE_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)

VIOLATIONS = {
    "unmasked text": encode_frame(TEXT, b"1", mask=None),
    "unmasked ping": encode_frame(PING, b"", mask=None),
    "unmasked close": encode_frame(CLOSE, close_payload(1000), mask=None),
    **{f"reserved bit {bit}": encode_frame(TEXT, b"1", rsv=bit) for bit in (1, 2, 4)},
    "reserved bit of a ping": encode_frame(PING, b"1", rsv=4),
    "reserved bit of a continuation": encode_frame(TEXT, b"1", fin=False)
    + encode_frame(CONTINUATION, b"1", rsv=4),
    **{
        f"opcode {op:#x}": encode_frame(op, b"1")
        for op in (0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF)
    },
    "opcode 0x3 among fragments": encode_frame(TEXT, b"1", fin=False) + encode_frame(0x3, b"1"),
    **{f"opcode {op:#x}, 126 bytes": encode_frame(op, b"x" * 126) for op in (PING, PONG)},
    "close of 126 bytes": encode_frame(CLOSE, close_payload(1000, b"x" * 124)),
    **{
        f"opcode {op:#x}, fragmented": encode_frame(op, b"", fin=False)
        for op in (CLOSE, PING, PONG)
    },
    "continuation of nothing": encode_frame(CONTINUATION, b"1"),
    "continuation of nothing, more to come": encode_frame(CONTINUATION, b"1", fin=False),
    "continuation of a finished message": (
        encode_frame(TEXT, b'"', fin=False)
        + encode_frame(CONTINUATION, b'"')
        + encode_frame(CONTINUATION, b"1")
    ),
    "text inside a fragmented message": encode_frame(TEXT, b"1", fin=False)
    + encode_frame(TEXT, b"1"),
    "binary inside a fragmented message": encode_frame(TEXT, b"1", fin=False)
    + encode_frame(BINARY, b"1"),
    "16-bit length of 125": encode_frame(TEXT, b"x" * 125, length_bytes=2),
    "64-bit length of 125": encode_frame(TEXT, b"x" * 125, length_bytes=8),
    "64-bit length of 65535": frame_header(TEXT, 65_535, length_bytes=8),
    "16-bit length of a ping": encode_frame(PING, b"x", length_bytes=2),
    "close of one byte": encode_frame(CLOSE, b"\x03"),
    **{f"close code {code}": encode_frame(CLOSE, close_payload(code)) for code in BAD_CLOSE_CODES},
    "opening handshake again": b"GET /c/ HTTP/1.1\r\nHost: relay.test\r\n\r\n",
    "random bytes": b"\xff" * 200,
}


@pytest.mark.parametrize("stream", VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_violation_closes_with_1002(
    visit: Visitors, channel: str, bystanders: Bystanders, stream: bytes
) -> None:
    witness, offender = visit.join(channel), visit.join(channel)
    witness.receive_event()
    offender.send(stream)
    while (received := offender.receive())[
        0
    ] != CLOSE:  # the valid message before the violation may have an error
        assert received[0] == TEXT
    assert int.from_bytes(received[1][:2], "big") == 1002, received
    assert witness.receive_total(1)[-1]["type"] == "leave"


@pytest.mark.parametrize(
    "name", ["reserved bit 4", "opcode 0x3", "close of one byte", "unmasked text"]
)
def test_a_violation_byte_by_byte(visit: Visitors, channel: str, name: str) -> None:
    offender = visit.join(channel)
    offender.send_pieces(bytes((byte,)) for byte in VIOLATIONS[name])
    offender.expect_close(1002)


def test_a_violation_behind_good_messages_loses_none_of_them(visit: Visitors, channel: str) -> None:
    witness, offender = visit.join(channel), visit.join(channel)
    witness.receive_event()
    good = b"".join(encode_frame(TEXT, b"%d" % number) for number in range(50))
    offender.send(good + encode_frame(0x3) + encode_frame(TEXT, b'"never"'))
    assert [witness.receive_message() for _ in range(50)] == list(range(50))
    assert witness.receive_event()["type"] == "leave"
    offender.expect_close(1002)


def test_a_64_bit_length_with_its_highest_bit_set(visit: Visitors, channel: str) -> None:
    offender = visit.join(channel)
    offender.send(frame_header(TEXT, 1 << 63))
    offender.expect_close(1002, 1009)  # a violation of section 5.2, and too big as well


def test_apply_mask_of_these_tests() -> None:
    """The example of RFC 6455 section 5.7."""
    assert encode_frame(TEXT, b"Hello", mask=b"\x37\xfa\x21\x3d").hex() == "818537fa213d7f9f4d5158"
    assert apply_mask(b"", b"\x37\xfa\x21\x3d") == b""
