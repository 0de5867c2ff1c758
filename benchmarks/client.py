"""A WebSocket client of a few lines, for what the generator is not made for: flooding, not reading, reading events."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

from relay._core import OP_CLOSE, OP_TEXT, encode_frame

HOST = "127.0.0.1"
READ_BYTES = 1 << 18
TIMEOUT_SECONDS = 10.0
MASKING_KEY = b"\x37\xfa\x21\x3d"
REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def masked_text(payload: bytes) -> bytes:
    """A text frame as a client sends it."""
    return encode_frame(OP_TEXT, payload, mask=MASKING_KEY)


def take_frames(data: bytearray) -> list[tuple[int, bytes]]:
    """Remove every whole server frame from the front of `data`, as `(opcode, payload)`; no fragments, no masks."""
    frames: list[tuple[int, bytes]] = []
    at = 0
    while (extent := frame_extent(data, at)) is not None:
        head, end = extent
        frames.append((data[at] & 0x0F, bytes(data[head:end])))
        at = end
    del data[:at]
    return frames


def frame_extent(data: bytearray, at: int) -> tuple[int, int] | None:
    """Where the payload of the frame at `at` begins and ends; None when it is not all there (RFC 6455 section 5.2)."""
    if len(data) < at + 2:
        return None
    head, size = at + 2, data[at + 1]
    if size >= 126:
        head += 2 if size == 126 else 8
        if len(data) < head:
            return None
        size = int.from_bytes(data[at + 2 : head])
    return (head, head + size) if len(data) >= head + size else None


class Client:
    """One connection, open until the context is left; then it is cut. Reads never block for longer than they are told.

    `receive_buffer_bytes`, when given, is what the kernel may hold for it. Raises ConnectionError when the server refuses.
    """

    def __init__(self, port: int, path: str, *, receive_buffer_bytes: int = 0) -> None:
        self.socket = socket.socket()
        self._read = bytearray()
        self.has_ended = False
        try:
            if receive_buffer_bytes:
                self.set_receive_buffer(receive_buffer_bytes)
            self.socket.settimeout(TIMEOUT_SECONDS)
            self.socket.connect((HOST, port))
            self.socket.sendall(REQUEST.format(path=path, host=HOST, port=port).encode())
            self._take_response()
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def _take_response(self) -> None:
        # byte by byte: one that is not going to read must leave what follows to the kernel
        while not self._read.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            if not byte:
                raise ConnectionError("the server closed during the opening handshake")
            self._read += byte
        if not self._read.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(self._read.partition(b"\r\n")[0].decode("latin-1"))
        self._read.clear()

    def fileno(self) -> int:
        return self.socket.fileno()

    def receive_buffer(self) -> int:
        """What the kernel may hold for it; Linux doubles what was set, for its own book-keeping."""
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def set_receive_buffer(self, size: int) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)

    def send(self, data: bytes | memoryview) -> int:
        """Send what the socket takes at once, and say how many bytes that was."""
        self.socket.settimeout(0)
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0

    def read(self, timeout_seconds: float = 0) -> list[tuple[int, bytes]]:
        """The frames that one read completes; none when nothing comes in time, or nothing will any more (`has_ended`)."""
        self.socket.settimeout(timeout_seconds)
        try:
            data = self.socket.recv(READ_BYTES)
        except (TimeoutError, BlockingIOError):
            return []
        except ConnectionResetError:
            data = b""
        self._read += data
        frames = take_frames(self._read)
        self.has_ended = self.has_ended or not data or any(op == OP_CLOSE for op, _ in frames)
        return frames

    def read_some(self, silence_seconds: float) -> list[tuple[int, bytes]]:
        """At least one frame, however many reads it takes; none when the connection has ended or been silent for so long."""
        frames: list[tuple[int, bytes]] = []
        before = -1
        while not frames and not self.has_ended and len(self._read) != before:
            before = len(self._read)
            frames = self.read(silence_seconds)
        return frames

    def read_until_silent(self, silence_seconds: float) -> list[tuple[int, bytes]]:
        """All frames until the connection has ended or been silent for so long."""
        frames: list[tuple[int, bytes]] = []
        while some := self.read_some(silence_seconds):
            frames += some
        return frames
