"""A tiny relay in a thread, one that can be told to lose, repeat, swap or cut what it delivers."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeAlias

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10

# Given the receiver's number and the frames it is due, returns those it gets.
Misdeliver: TypeAlias = Callable[[int, list[bytes]], list[bytes]]


def frame(opcode: int, payload: bytes) -> bytes:
    """One final, unmasked frame (RFC 6455 section 5.2)."""
    if len(payload) < 126:
        return struct.pack("!BB", 0x80 | opcode, len(payload)) + payload
    if len(payload) < 65536:
        return struct.pack("!BBH", 0x80 | opcode, 126, len(payload)) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, len(payload)) + payload


def close_frame(code: int) -> bytes:
    return frame(CLOSE, struct.pack("!H", code))


def envelope(payload: bytes) -> bytes:
    return frame(TEXT, b'{"id":"i7","uid":"u","date":1700000000000,"message":%b}' % payload)


def take_frame(data: bytearray) -> tuple[int, bytes] | None:
    """Remove one masked frame from the front of `data` when it is all there."""
    if len(data) < 2:
        return None
    assert data[1] & 0x80, "a client must mask"
    size, head = data[1] & 0x7F, 2
    if size > 125:
        head = 4 if size == 126 else 10
        if len(data) < head:
            return None
        size = int.from_bytes(data[2:head], "big")
    if len(data) < head + 4 + size:
        return None
    opcode, key = data[0] & 0x0F, bytes(data[head : head + 4])
    mask = (key * (size // 4 + 1))[:size]
    masked = bytes(data[head + 4 : head + 4 + size])
    del data[: head + 4 + size]
    return opcode, (int.from_bytes(masked) ^ int.from_bytes(mask)).to_bytes(size)


@dataclass(eq=False)
class Peer:
    number: int
    socket: socket.socket
    channel: str = ""
    is_open: bool = False
    read: bytearray = field(default_factory=bytearray)


@dataclass
class FakeServer:
    """Serves until the context is left. All it met is kept for the test to look at.

    `answer` replaces the 101 (empty: the connection is just closed; None: the 101), `greeting` follows it, `is_mute`
    means no answer at all, `resets` a reset instead of one, `piece_bytes` cuts every write, and `close_after` says how
    many messages the server takes before it closes its last connection, or everyone's, with `close_code`. With `has_echo`
    senders get their own messages, too.
    """

    host: str = "127.0.0.1"

    misdeliver: Misdeliver = lambda receiver, frames: frames
    wrap: Callable[[bytes], bytes] = envelope
    answer: bytes | None = None
    greeting: bytes = b""
    is_mute: bool = False
    resets: bool = False
    piece_bytes: int = 0
    close_after: int = 0
    close_code: int = 1013
    closes_everyone: bool = False
    has_echo: bool = False
    requests: list[bytes] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)

    def await_messages(self, count: int) -> None:
        """Until so many have come; at most ten seconds."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.messages) >= count, 10)

    def await_requests(self, count: int) -> None:
        """Until so many connections have sent something; at most ten seconds."""
        with self._news:
            assert self._news.wait_for(lambda: sum(1 for p in self._peers if p.read) >= count, 10)

    def __enter__(self) -> Self:
        self._news = threading.Condition()
        self._listener = socket.create_server((self.host, 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._stop, self._stopped = socket.socketpair()
        self._peers: list[Peer] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.close()
        self._thread.join(10)
        assert not self._thread.is_alive()
        for each in (self._listener, self._stopped, *(peer.socket for peer in self._peers)):
            each.close()
        if kind is None:
            assert not self.faults, self.faults

    def _serve(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._listener, selectors.EVENT_READ)
                selector.register(self._stopped, selectors.EVENT_READ)
                while self._turn(selector):
                    pass
        except BaseException as fault:
            self.faults.append(fault)

    def _turn(self, selector: selectors.BaseSelector) -> bool:
        for key, _ in selector.select():
            if key.fileobj is self._stopped:
                return False
            if key.fileobj is self._listener:
                accepted, address = self._listener.accept()
                self.addresses.append(address[0])
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer = Peer(len(self._peers), accepted)
                self._peers.append(peer)
                selector.register(accepted, selectors.EVENT_READ, peer)
            elif not self._read(key.data):
                selector.unregister(key.fileobj)
                key.data.socket.close()
        return True

    def _read(self, peer: Peer) -> bool:
        """Serve what arrived; False when the peer has gone or been closed."""
        try:
            data = peer.socket.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        peer.read += data
        if not peer.is_open:
            with self._news:
                self._news.notify_all()
            return bool(data) and self._open(peer)
        closing = not data
        delivered: list[bytes] = []
        while (taken := take_frame(peer.read)) is not None:
            opcode, payload = taken
            if opcode == TEXT:
                with self._news:
                    self.messages.append(payload)
                    self._news.notify_all()
                delivered.append(self.wrap(payload))
            elif opcode == PONG:
                self.pongs.append(payload)
            elif opcode == CLOSE:
                self._write(peer, frame(CLOSE, payload))
                closing = True
        self._fan_out(peer, delivered)
        peer.is_open = not closing
        return not closing

    def _open(self, peer: Peer) -> bool:
        if self.is_mute or b"\r\n\r\n" not in peer.read:
            return True
        head = bytes(peer.read)
        peer.read.clear()
        self.requests.append(head)
        line, key = head.split(b"\r\n", 1)[0], re.search(rb"Sec-WebSocket-Key: (\S+)", head)
        assert key is not None
        peer.channel = line.split()[1].decode()
        if self.resets:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if self.answer is not None:
            self._write(peer, self.answer)
            return False
        accept = base64.b64encode(hashlib.sha1(key[1] + GUID).digest())
        self._write(
            peer,
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"sec-websocket-accept: %b\r\n\r\n%b" % (accept, self.greeting),
        )
        peer.is_open = True
        return True

    def _fan_out(self, sender: Peer, frames: list[bytes]) -> None:
        if not frames:
            return
        open_peers = [p for p in self._peers if p.is_open and p.channel == sender.channel]
        for peer in open_peers:
            if peer is not sender or self.has_echo:
                self._write(peer, *self.misdeliver(peer.number, frames))
        if self.close_after and len(self.messages) >= self.close_after:
            self.close_after = 0
            everyone = [peer for peer in self._peers if peer.is_open]
            for peer in everyone if self.closes_everyone else open_peers[-1:]:
                peer.is_open = False
                self._write(peer, close_frame(self.close_code))

    def _write(self, peer: Peer, *frames: bytes) -> None:
        # One that has gone is no fault: reading from it tells.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces(b"".join(frames), self.piece_bytes):
                peer.socket.sendall(piece)


def pieces(data: bytes, size: int) -> Iterable[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size)) if size else [data]
