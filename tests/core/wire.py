"""Frames made by hand, and the parser fed in every way: nothing here uses the code under test to build its input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest

from relay._core import FrameParser

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

# The masking key of the examples in RFC 6455 section 5.7.
KEY = bytes.fromhex("37fa213d")

# Up to this size a stream is split at every offset; beyond it at its ends and here and there between.
SPLIT_EVERYWHERE_BYTES = 600
BYTEWISE_BYTES = 200_000


def mask(payload: bytes, key: bytes = KEY, offset: int = 0) -> bytes:
    """RFC 6455 section 5.3, word for word."""
    return bytes(byte ^ key[(offset + i) % 4] for i, byte in enumerate(payload))


def length_field(length: int, *, mask_bit: bool, form: int | None = None) -> bytes:
    """The payload length of RFC 6455 section 5.2, in its shortest form unless `form` (7, 16, 64) says otherwise."""
    if form is None:
        form = 7 if length < 126 else 16 if length < 65_536 else 64
    bit = 0x80 if mask_bit else 0
    if form == 7:
        return bytes([bit | length])
    if form == 16:
        return bytes([bit | 126]) + length.to_bytes(2, "big")
    return bytes([bit | 127]) + length.to_bytes(8, "big")


def client_header(
    opcode: int,
    length: int,
    *,
    fin: bool = True,
    rsv: int = 0,
    form: int | None = None,
    key: bytes | None = KEY,
) -> bytes:
    """The header alone, masking key included; `rsv` has the reserved bits as 4 (RSV1), 2, 1."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    field = length_field(length, mask_bit=key is not None, form=form)
    return bytes([first]) + field + (key or b"")


def client_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    form: int | None = None,
    key: bytes | None = KEY,
) -> bytes:
    """A frame as a client sends it; `key=None` leaves it unmasked, which no server may accept."""
    header = client_header(opcode, len(payload), fin=fin, rsv=rsv, form=form, key=key)
    return header + (payload if key is None else mask(payload, key))


def server_frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    first = (0x80 if fin else 0) | opcode
    return bytes([first]) + length_field(len(payload), mask_bit=False) + payload


def frames_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Opcode and payload of each of a server's frames; the data must end with a whole one."""
    while data:
        length, header = data[1], 2
        if length == 126:
            length, header = int.from_bytes(data[2:4], "big"), 4
        elif length == 127:
            length, header = int.from_bytes(data[2:10], "big"), 10
        assert len(data) >= header + length, "a frame is cut short"
        yield data[0] & 15, data[header : header + length]
        data = data[header + length :]


def close_payload(code: int, reason: bytes = b"") -> bytes:
    return code.to_bytes(2, "big") + reason


def refused() -> pytest.RaisesExc[ValueError]:
    """A documented ValueError; its words are no part of the contract."""
    return pytest.raises(ValueError)  # noqa: PT011


@dataclass(frozen=True)
class Outcome:
    """What a parser made of a stream."""

    messages: list[tuple[int, bytes]]
    fault: tuple[int, str] | None
    is_idle: bool

    @property
    def code(self) -> int | None:
        return self.fault[0] if self.fault else None


def feed(pieces: Iterable[bytes], max_message_bytes: int = 102_400) -> Outcome:
    parser = FrameParser(max_message_bytes)
    messages = [message for piece in pieces for message in parser.feed(piece)]
    return Outcome(messages, parser.fault, parser.is_idle)


def split_offsets(size: int) -> Iterator[int]:
    if size <= SPLIT_EVERYWHERE_BYTES:
        yield from range(1, size)
        return
    yield from range(1, 40)
    yield from range(40, size - 40, max(size // 40, 1))
    yield from range(size - 40, size)


def bytewise(data: bytes) -> Iterator[bytes]:
    """Every byte alone, an empty read after each."""
    for i in range(len(data)):
        yield data[i : i + 1]
        yield b""


def parse(data: bytes, max_message_bytes: int = 102_400) -> Outcome:
    """Feed `data` whole, split in two at every offset, and byte by byte: how it arrives must change nothing."""
    whole = feed([data], max_message_bytes)
    for offset in split_offsets(len(data)):
        split = feed([data[:offset], data[offset:]], max_message_bytes)
        assert split == whole, f"split at {offset}"
    if len(data) <= BYTEWISE_BYTES:
        assert feed(bytewise(data), max_message_bytes) == whole, "byte by byte"
    return whole
