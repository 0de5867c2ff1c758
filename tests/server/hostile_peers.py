"""The clients' ends of a hostile world: members that read frames, and readers of event streams."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import struct
from collections.abc import Iterator
from functools import cached_property
from typing import Any, TypeAlias

from support.websocket import CLOSE, CONTINUATION, PING, PONG, TEXT, encode_frame

from relay._core import AUDIENCE_ALL, AUDIENCE_COUNT, AUDIENCE_LIST

HEAD = -1  # the "opcode" of the response's head, among the frames
SHARED_EVENTS = ("join", "leave", "extra")
STREAM_CLOSE = b"event: close\ndata: "

Seen: TypeAlias = tuple[Any, ...]


class Peer:
    """A client's end, never blocking."""

    is_stream = False
    success = b"HTTP/1.1 101"

    def __init__(self, sock: socket.socket, uid: str, room: int, lists: bool, echo: bool) -> None:
        self.socket, self.uid, self.room, self.lists, self.echo = sock, uid, room, lists, echo
        sock.setblocking(False)
        self.to_send = bytearray()
        self.received = bytearray()
        self.frames: list[tuple[int, bytes]] = []
        self.sent = 0
        self.last_ping = b""
        self.is_reading = self.is_open = True
        self.is_polite = True  # until it sends what must end it

    def send(self, limit: int) -> int:
        with contextlib.suppress(BlockingIOError):
            try:
                count = self.socket.send(self.to_send[:limit])
            except (BrokenPipeError, ConnectionResetError):
                count = len(self.to_send)
            del self.to_send[:count]
            return count
        return 0

    def receive(self, limit: int = 1 << 20) -> int:
        data = None
        with contextlib.suppress(BlockingIOError):
            try:
                data = self.socket.recv(limit)
            except ConnectionResetError:
                data = b""
        if data == b"":
            self.leave()
        self.received += data or b""
        if not self.frames and self.received.startswith(self.success):
            _, end, rest = self.received.partition(b"\r\n\r\n")
            if end:
                self.received[:] = rest
                self.frames.append((HEAD, b""))
        if self.frames:
            for frame in self.take_frames():
                assert self.frames[-1][0] != CLOSE, f"{self.uid} got {frame} behind its close"
                self.frames.append(frame)
        return len(data or b"")

    def take_frames(self) -> Iterator[tuple[int, bytes]]:
        """What has come whole, out of what was received."""
        return take_frames(self.received)

    def leave(self) -> None:
        self.is_open = False
        self.socket.close()

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.leave()

    def ping(self, payload: bytes) -> None:
        self.last_ping = payload
        self.to_send += encode_frame(PING, payload)

    def say(self, to: Peer | None, size: int, dice: random.Random) -> None:
        """A numbered message, direct or to the room, in one frame or in two with a ping between them."""
        text = numbered_message(self.uid, self.sent, to, size, dice)
        if to is not None:
            text = b"@@%s@@%s" % (to.uid.encode(), text)
        self.sent += 1
        if dice.random() >= 0.3:
            self.to_send += encode_frame(TEXT, text)
            return
        cut = dice.randrange(60)
        self.to_send += encode_frame(TEXT, text[:cut], fin=False)
        self.ping(b"between")
        self.to_send += encode_frame(CONTINUATION, text[cut:])

    # these are asked for only when all is over

    @cached_property
    def texts(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for opcode, payload in self.frames if opcode == TEXT]

    @cached_property
    def story(self) -> list[Seen]:
        """What it saw of what the whole room was told, and the gaps, in order."""
        return [seen for text in self.texts if (seen := self.look_at(text)) is not None]

    @cached_property
    def pongs(self) -> list[bytes]:
        return [payload for opcode, payload in self.frames if opcode == PONG]

    def look_at(self, text: dict[str, Any]) -> Seen | None:
        message, kind = text.get("message"), text.get("event")
        if kind == "gap":
            return ("gap", text["missed"])
        if kind in SHARED_EVENTS:
            assert text["for"] in (AUDIENCE_ALL, (AUDIENCE_COUNT, AUDIENCE_LIST)[self.lists])
            return (text["serial"], kind, text["uid"])
        if isinstance(message, dict) and message["to"] is None:
            assert message["from"] == text.get("uid", "post")
            return (text["id"], message["from"], message["number"])
        return None


class StreamPeer(Peer):
    """A reader of an event stream. What it sends is thrown away."""

    is_stream = True
    success = b"HTTP/1.1 200"

    def take_frames(self) -> Iterator[tuple[int, bytes]]:
        while (end := self.received.find(b"\n\n")) >= 0:
            event = bytes(self.received[:end])
            del self.received[: end + 2]
            if event.startswith(STREAM_CLOSE):
                yield CLOSE, event[len(STREAM_CLOSE) :]
            elif event.startswith(b"data: "):
                fields = event.split(b"\n")
                assert all(field.startswith(b"data: ") for field in fields), event
                yield TEXT, b"\n".join(field[6:] for field in fields)
            else:
                assert event in (b":", b"id: x"), event


def numbered_message(
    sender: str, number: int, to: Peer | None, size: int, dice: random.Random
) -> bytes:
    """As JSON, now and then on lines of its own."""
    message = {"from": sender, "number": number, "to": to.uid if to else None, "pad": "." * size}
    text = json.dumps(message, indent=dice.choice((None, None, 1))).encode()
    return text.replace(b"\n", dice.choice((b"\n", b"\r", b"\r\n", b"\n\n\n")))


def take_frames(data: bytearray) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 2:
        first, length = data[0], data[1]
        assert first & 0x70 == 0, f"reserved bits in {bytes(data[:40])!r}"
        assert first & 0x80, f"a fragment {bytes(data[:40])!r}"
        assert first & 15 in (TEXT, CLOSE, PING, PONG), f"opcode in {bytes(data[:40])!r}"
        extended = {126: 2, 127: 8}.get(length, 0)
        size = 2 + extended
        length = int.from_bytes(data[2:size], "big") if extended else length
        if len(data) < size + length:
            return
        payload = bytes(data[size : size + length])
        del data[: size + length]
        yield first & 15, payload
