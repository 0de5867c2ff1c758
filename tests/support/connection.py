"""A blocking TCP connection whose every wait is bounded, and the HTTP responses read from it."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

Address: TypeAlias = tuple[str, int]

LIMIT_SECONDS = float(os.environ.get("TEST_TIME_LIMIT", "10"))


class Response(NamedTuple):
    """An HTTP response; header names in lower case, the values of repeated headers joined with a comma."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One TCP connection. Waiting longer than `LIMIT_SECONDS` for anything raises TimeoutError."""

    def __init__(self, address: Address, *, receive_buffer_bytes: int | None = None) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family)
        if (
            receive_buffer_bytes is not None
        ):  # before connect: it decides the window that is offered
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.settimeout(LIMIT_SECONDS)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send each piece by a call of its own (with Nagle's algorithm off, a segment of its own)."""
        for piece in pieces:
            self.socket.sendall(piece)

    def receive_more(self) -> None:
        """Wait for the next bytes. Raises EOFError when the peer has ended the connection, cleanly or not."""
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError as error:
            raise EOFError("connection reset") from error
        if not data:
            raise EOFError("end of stream")
        self._received += data

    def receive_exactly(self, count: int) -> bytes:
        while len(self._received) < count:
            self.receive_more()
        data = bytes(self._received[:count])
        del self._received[:count]
        return data

    def receive_until(self, delimiter: bytes) -> bytes:
        while (end := self._received.find(delimiter)) < 0:
            self.receive_more()
        return self.receive_exactly(end + len(delimiter))

    def receive_to_end(self) -> bytes:
        with contextlib.suppress(EOFError):
            while True:
                self.receive_more()
        return self.receive_exactly(len(self._received))

    def receive_to_end_or_response(self) -> bytes:
        """What comes until the peer ends the connection or has sent the head of a response, whichever is first."""
        try:
            return self.receive_until(b"\r\n\r\n")
        except EOFError:
            return bytes(self._received)

    def receive_response(self, *, to_head: bool = False) -> Response:
        """One HTTP response; `to_head` says that it answers a HEAD request, and so has no body."""
        head = self.receive_until(b"\r\n\r\n")
        status_line, *lines = head[:-4].split(b"\r\n")
        version, _, rest = status_line.partition(b" ")
        assert version in (b"HTTP/1.1", b"HTTP/1.0"), status_line
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.decode("ascii").partition(":")
            assert colon, line
            assert name == name.strip(), line
            key = name.lower()
            headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
        status = int(rest[:3])
        if to_head or status < 200 or status in (204, 304):
            body = b""
        elif "content-length" in headers:
            body = self.receive_exactly(int(headers["content-length"]))
        else:
            body = self.receive_to_end()
        return Response(status, headers, body)

    def expect_end(self) -> None:
        """The peer ends the connection and has nothing more to say."""
        rest = self.receive_to_end()
        assert rest == b"", f"unexpected bytes before the end: {rest[:200]!r}"

    def finish_sending(self) -> None:
        """Half-close: a FIN, while this side can still read."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection with a RST instead of a FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()
