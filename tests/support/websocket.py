"""A small blocking WebSocket client, written from RFC 6455 alone: lax in what it sends, strict in what it takes."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from support.connection import Connection

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


class Frame(NamedTuple):
    fin: bool
    opcode: int
    payload: bytes


def apply_mask(payload: bytes, key: bytes) -> bytes:
    size = len(payload)
    stream = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")


def frame_header(
    opcode: int,
    length: int,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\0\0\0\0",
    length_bytes: int | None = None,
) -> bytes:
    """The header of a frame that announces `length` bytes, valid or not; `length_bytes` (0, 2, 8) forces a length form."""
    if length_bytes is None:
        length_bytes = 0 if length <= 125 else 2 if length <= 0xFFFF else 8
    first = (fin << 7) | (rsv << 4) | opcode
    second = (mask is not None) << 7 | {0: length, 2: 126, 8: 127}[length_bytes]
    extended = length.to_bytes(length_bytes, "big") if length_bytes else b""
    return bytes((first, second)) + extended + (mask or b"")


def encode_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"",
    length_bytes: int | None = None,
) -> bytes:
    """One frame, with a random masking key unless `mask` says otherwise; None leaves it unmasked, which is a violation."""
    key = os.urandom(4) if mask == b"" else mask
    header = frame_header(
        opcode, len(payload), fin=fin, rsv=rsv, mask=key, length_bytes=length_bytes
    )
    return header + (payload if key is None else apply_mask(payload, key))


def close_payload(code: int | None, reason: bytes = b"") -> bytes:
    return b"" if code is None else code.to_bytes(2, "big") + reason


def upgrade_head(
    target: str,
    *,
    method: str = "GET",
    version: str = "HTTP/1.1",
    headers: Mapping[str, str | Sequence[str] | None] | None = None,
    raw: bytes = b"",
) -> bytes:
    """An opening handshake. `headers` replaces by name (None leaves out, a sequence repeats); `raw` is put in as it is."""
    lines: dict[str, str | Sequence[str] | None] = {
        "Host": "relay.test",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
        "Sec-WebSocket-Version": "13",
        **(headers or {}),
    }
    head = f"{method} {target} {version}\r\n"
    for name, value in lines.items():
        values = () if value is None else (value,) if isinstance(value, str) else value
        head += "".join(f"{name}: {each}\r\n" for each in values)
    return head.encode("utf-8") + raw + b"\r\n"


def expected_accept(head: bytes) -> str:
    key = head.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    return base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest()).decode()


class WebSocket(Connection):
    """A client's end of a WebSocket connection. Every frame received is checked against RFC 6455 section 5."""

    def open(
        self,
        target: str,
        *,
        headers: Mapping[str, str | Sequence[str] | None] | None = None,
        then: bytes = b"",
    ) -> None:
        """The opening handshake; `then` is sent in the same segment, before the answer can have been seen."""
        head = upgrade_head(target, headers=headers)
        self.send(head + then)
        self.expect_switch(head)

    def expect_switch(self, head: bytes) -> None:
        """The server's half of the opening handshake that `head` began (RFC 6455 section 4.2.2)."""
        response = self.receive_response()
        assert response.status == 101, response
        assert response.headers["upgrade"].lower() == "websocket"
        assert "upgrade" in response.headers["connection"].lower()
        assert response.headers["sec-websocket-accept"] == expected_accept(head)
        assert "content-length" not in response.headers
        assert "transfer-encoding" not in response.headers

    def send_frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        self.send(encode_frame(opcode, payload, fin=fin))

    def send_text(self, *texts: str | bytes) -> None:
        """Each text as a message of one frame, all of them in one call."""
        encoded = (text.encode() if isinstance(text, str) else text for text in texts)
        self.send(b"".join(encode_frame(TEXT, text) for text in encoded))

    def send_close(self, code: int | None = 1000, reason: bytes = b"") -> None:
        self.send_frame(CLOSE, close_payload(code, reason))

    def receive_frame(self) -> Frame:
        first, second = self.receive_exactly(2)
        fin, rsv, opcode = bool(first & 0x80), first & 0x70, first & 0x0F
        assert rsv == 0, f"reserved bits in {first:#x}"
        assert opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG), f"opcode {opcode:#x}"
        assert not second & 0x80, "the server masked a frame"
        length = second & 0x7F
        if opcode >= CLOSE:
            assert fin, "a fragmented control frame"
            assert length <= 125, "a control frame that is too long"
        if length >= 126:
            size, least = (2, 126) if length == 126 else (8, 1 << 16)
            length = int.from_bytes(self.receive_exactly(size), "big")
            assert least <= length < 1 << 63, "a length not in its shortest form"
        return Frame(fin, opcode, self.receive_exactly(length))

    def receive(self) -> tuple[int, bytes]:
        """The next text or binary message, put together, or the next close or pong; a ping is answered on the way."""
        kind, parts = CONTINUATION, b""
        while True:
            frame = self.receive_frame()
            if frame.opcode == PING:
                self.send_frame(PONG, frame.payload)
                continue
            if frame.opcode in (CLOSE, PONG):
                assert kind == CONTINUATION or frame.opcode == PONG, (
                    "closed inside a fragmented message"
                )
                return frame.opcode, frame.payload
            assert (frame.opcode == CONTINUATION) == (kind != CONTINUATION), (
                "fragments out of sequence"
            )
            kind, parts = kind or frame.opcode, parts + frame.payload
            if frame.fin:
                return kind, parts

    def receive_text(self) -> bytes:
        """The next message, which must be a text; its bytes, checked to be UTF-8."""
        kind, payload = self.receive()
        assert kind == TEXT, f"opcode {kind:#x} where a text was expected: {payload[:200]!r}"
        payload.decode("utf-8")
        return payload

    def receive_close(self) -> tuple[int | None, str]:
        """The close frame, which must come next; its code (None when it has none) and reason."""
        kind, payload = self.receive()
        assert kind == CLOSE, (
            f"opcode {kind:#x} where a close frame was expected: {payload[:200]!r}"
        )
        assert len(payload) != 1, "a close frame with half a code"
        code = int.from_bytes(payload[:2], "big") if payload else None
        return code, payload[2:].decode("utf-8")

    def expect_close(self, *codes: int | None) -> str:
        """The server closes with one of `codes` next, takes the answer, and ends the connection; the reason."""
        code, reason = self.receive_close()
        assert code in codes, f"closed with {code} ({reason!r}), expected {codes}"
        try:
            self.send_close(code)
        except (
            BrokenPipeError,
            ConnectionResetError,
        ):  # it did not wait for the answer, as it may after a violation
            return reason
        self.expect_end()
        return reason

    def ping(self) -> None:
        """A round trip: the pong to this very ping must be the next frame."""
        payload = os.urandom(8)
        self.send_frame(PING, payload)
        assert self.receive() == (PONG, payload)
