"""Encoding frames (RFC 6455 sections 5.2, 5.3 and 5.5) against bytes made by hand."""

from __future__ import annotations

import pytest

from relay import _core
from relay._core import encode_close, encode_frame

from .wire import BINARY, CLOSE, CONTINUATION, KEY, PING, PONG, TEXT, close_payload, mask, refused

# RFC 6455 section 7.4.1 and the registry it opened; 3000 to 4999 belong to libraries and applications.
SENDABLE_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]
SENDABLE_CODES += [3000, 3999, 4000, 4999]
UNSENDABLE_CODES = [-1, 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]
UNSENDABLE_CODES += [65_536, 66_536, 2**31]


def test_the_opcodes_of_section_5_2() -> None:
    assert _core.OP_CONTINUATION == CONTINUATION
    assert _core.OP_TEXT == TEXT
    assert _core.OP_BINARY == BINARY
    assert _core.OP_CLOSE == CLOSE
    assert _core.OP_PING == PING
    assert _core.OP_PONG == PONG


@pytest.mark.parametrize(
    ("frame", "wire"),
    [
        (encode_frame(TEXT, b"Hello"), "8105 48656c6c6f"),
        (encode_frame(TEXT, b"Hello", mask=KEY), "8185 37fa213d 7f9f4d5158"),
        (encode_frame(TEXT, b"Hel", fin=False), "0103 48656c"),
        (encode_frame(CONTINUATION, b"lo"), "8002 6c6f"),
        (encode_frame(PING, b"Hello"), "8905 48656c6c6f"),
        (encode_frame(PONG, b"Hello", mask=KEY), "8a85 37fa213d 7f9f4d5158"),
        (encode_frame(TEXT), "8100"),
        (encode_frame(TEXT, mask=KEY), "8180 37fa213d"),
        (encode_frame(CLOSE), "8800"),
        (encode_frame(BINARY, b"\x00", mask=bytes(4)), "8281 00000000 00"),
    ],
)
def test_the_examples_of_section_5_7(frame: bytes, wire: str) -> None:
    assert frame == bytes.fromhex(wire)


@pytest.mark.parametrize(
    ("length", "field", "masked_field"),
    [
        (0, "00", "80"),
        (1, "01", "81"),
        (125, "7d", "fd"),
        (126, "7e 007e", "fe 007e"),
        (127, "7e 007f", "fe 007f"),
        (255, "7e 00ff", "fe 00ff"),
        (256, "7e 0100", "fe 0100"),
        (65_535, "7e ffff", "fe ffff"),
        (65_536, "7f 0000000000010000", "ff 0000000000010000"),
        (1_048_577, "7f 0000000000100001", "ff 0000000000100001"),
    ],
)
def test_the_shortest_length_form(length: int, field: str, masked_field: str) -> None:
    payload = (b"0123456789abcdef" * (length // 16 + 1))[:length]
    assert encode_frame(BINARY, payload) == b"\x82" + bytes.fromhex(field) + payload
    masked = encode_frame(BINARY, payload, mask=KEY)
    assert masked == b"\x82" + bytes.fromhex(masked_field) + KEY + mask(payload)


@pytest.mark.parametrize("opcode", range(16))
def test_every_opcode(opcode: int) -> None:
    assert encode_frame(opcode, b"x") == bytes([0x80 | opcode, 1]) + b"x"


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_every_kind_of_buffer(make: type) -> None:
    frame = encode_frame(TEXT, make(b"Hello"), mask=make(KEY))
    assert frame == bytes.fromhex("8185 37fa213d 7f9f4d5158")


@pytest.mark.parametrize("opcode", [-1, 16, 128, 255, 256, 2**31])
def test_an_opcode_out_of_range(opcode: int) -> None:
    with refused():
        encode_frame(opcode, b"x")


@pytest.mark.parametrize("key", [b"", b"abc", b"abcde"])
def test_a_mask_that_is_not_four_bytes(key: bytes) -> None:
    with refused():
        encode_frame(TEXT, b"x", mask=key)


@pytest.mark.parametrize("opcode", range(8, 16))
def test_control_frames_at_and_above_their_limit(opcode: int) -> None:
    # Section 5.5: 125 bytes or less, and never fragmented.
    assert encode_frame(opcode, b"x" * 125) == bytes([0x80 | opcode, 125]) + b"x" * 125
    with refused():
        encode_frame(opcode, b"x" * 126)
    with refused():
        encode_frame(opcode, b"x", fin=False)


@pytest.mark.parametrize("value", ["text", 4, None, [1, 2, 3, 4]])
def test_only_bytes_are_framed(value: object) -> None:
    with pytest.raises(TypeError):
        encode_frame(TEXT, value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["text", 4, [1, 2, 3, 4]])
def test_only_bytes_mask(value: object) -> None:
    with pytest.raises(TypeError):
        encode_frame(TEXT, b"x", mask=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("code", SENDABLE_CODES)
def test_a_close_frame(code: int) -> None:
    assert encode_close(code) == b"\x88\x02" + close_payload(code)
    assert encode_close(code, "bye é") == b"\x88\x08" + close_payload(code, "bye é".encode())


@pytest.mark.parametrize("code", UNSENDABLE_CODES)
def test_a_code_that_must_not_be_sent(code: int) -> None:
    with refused():
        encode_close(code)


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("r" * 122, "r" * 122),
        ("r" * 123, "r" * 123),
        ("r" * 124, "r" * 123),
        ("r" * 5_000, "r" * 123),
        ("é" * 61, "é" * 61),
        ("é" * 62, "é" * 61),
        ("r" + "é" * 61, "r" + "é" * 61),
        ("r" + "é" * 62, "r" + "é" * 61),
        ("日" * 41, "日" * 41),
        ("r" + "日" * 41, "r" + "日" * 40),
        ("rr" + "日" * 41, "rr" + "日" * 40),
        ("😀" * 31, "😀" * 30),
        ("r" + "😀" * 31, "r" + "😀" * 30),
        ("rr" + "😀" * 31, "rr" + "😀" * 30),
        ("rrr" + "😀" * 31, "rrr" + "😀" * 30),
    ],
)
def test_a_reason_is_cut_at_a_character(reason: str, kept: str) -> None:
    # Section 5.5: a control frame carries at most 125 bytes, and two of them are the code.
    payload = close_payload(1008, kept.encode())
    assert encode_close(1008, reason) == bytes([0x88, len(payload)]) + payload
