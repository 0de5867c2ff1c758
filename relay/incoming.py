"""What comes in on an HTTP connection: heads and bodies, one after the other, each within its time."""

from collections.abc import Callable
from typing import Final

import trio

from relay.bodies import BodyDecoder, BodyRoom, body_length
from relay.requests import MAX_HEAD_BYTES, Refusal, Request

MIN_BODY_RATE: Final = 4096
"""Bytes of a body that must come in a second, in the long run, for it to be waited for."""

MAX_DISCARDED_BYTES: Final = 64 * 1024
_READ_BYTES: Final = 16 * 1024
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Incoming:
    """A connection and the bytes, `data`, that have been read from it and not been taken yet."""

    def __init__(
        self, stream: trio.abc.HalfCloseableStream, data: bytes, timeout_seconds: float
    ) -> None:
        self.stream = stream
        self.data = data
        self.timeout_seconds = timeout_seconds

    async def take_head(self) -> bytes | None:
        """The next head with its empty line; None when the peer has ended, or idled, instead.

        Raises Refusal for one that is too large, or has begun and does not arrive in time.
        """
        with trio.move_on_after(self.timeout_seconds):
            while True:
                head, separator, rest = self.data.partition(b"\r\n\r\n")
                if len(head) + len(separator) > MAX_HEAD_BYTES:
                    raise Refusal(431, "the header block is too large")
                if separator:
                    self.data = rest
                    return head + separator
                if not await self.read_more():
                    return None
        if self.data:
            raise Refusal(408, "the header block did not arrive in time")
        return None

    async def read_more(self) -> bool:
        """Wait for more bytes. False when the peer has ended."""
        more = await self.stream.receive_some(_READ_BYTES)
        self.data += more
        return bool(more)


class Body:
    """The body of one request, still to be read by who wants it. It must be let go of when the request has been answered."""

    def __init__(
        self, incoming: Incoming, request: Request, room: BodyRoom, may_wait: Callable[[], bool]
    ) -> None:
        """`may_wait` says whether one that is not there yet may be waited for. Raises Refusal for a request of which it is not
        clear where its body ends."""
        self._incoming = incoming
        self._room = room
        self._may_wait = may_wait
        self._held_bytes = 0
        self._length = body_length(request)
        expectation = request.headers.get(b"expect", b"").lower()
        self._is_awaited = expectation == b"100-continue" and request.version == "1.1"
        self._is_begun = self._is_whole = False

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body. Raises Refusal: 413 over the limit, 400 for malformed chunks or an end too early, 408 for one that does
        not arrive in time, 503 when too much is going on."""
        decoder = BodyDecoder(self._length, limit_bytes)
        self._is_begun = True
        rest = self._feed(decoder)
        if rest is None and not self._may_wait():
            raise Refusal(
                503, "too many requests at once, try again", b"Retry-After: 1", reason="http_busy"
            )
        patience = trio.current_time() + self._incoming.timeout_seconds
        while rest is None:
            await self._continue()
            await self._read_more(patience + decoder.size / MIN_BODY_RATE)
            rest = self._feed(decoder)
        self._is_whole = True
        self._incoming.data = rest
        return decoder.body

    async def discard(self) -> bool:
        """Pass over what was not read of it. False when that is not worth the while, or impossible, and the connection must end.

        Raises Refusal as `read`.
        """
        if self._is_whole or self._length == 0:
            return True
        if self._is_begun or self._is_awaited or self._length is None:
            return False
        if self._length > MAX_DISCARDED_BYTES:
            return False
        await self.read(MAX_DISCARDED_BYTES)
        return True

    def let_go(self) -> None:
        """Make room for others."""
        self._room.grow(self._held_bytes, 0)
        self._held_bytes = 0

    def _feed(self, decoder: BodyDecoder) -> bytes | None:
        data, self._incoming.data = self._incoming.data, b""
        rest = decoder.feed(data)
        self._room.grow(self._held_bytes, decoder.size)
        self._held_bytes = decoder.size
        return rest

    async def _read_more(self, deadline: float) -> None:
        """Wait for more of the body, at most until then, and never longer than for a head."""
        longest = trio.current_time() + self._incoming.timeout_seconds
        with trio.move_on_at(min(deadline, longest)):
            if await self._incoming.read_more():
                return
            raise Refusal(400, "the body ends too early", reason="framing")
        raise Refusal(408, "the body did not arrive in time", reason="slow_body")

    async def _continue(self) -> None:
        """Tell a client that waits for a sign before it sends its body (RFC 9110 section 10.1.1)."""
        if self._is_awaited:
            self._is_awaited = False
            with trio.fail_after(self._incoming.timeout_seconds):
                await self._incoming.stream.send_all(_CONTINUE)


class Exchange:
    """A request that is to be answered: its head, its body, and where it came from.

    `peer` is the packed address it came from, `source` the one that a PROXY protocol header named, if any.
    """

    __slots__ = ("body", "peer", "request", "source")

    def __init__(self, request: Request, body: Body, peer: bytes, source: bytes) -> None:
        self.request = request
        self.body = body
        self.peer = peer
        self.source = source
