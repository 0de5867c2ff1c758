"""The body of a request: where it ends, what it holds, and how much of it is kept. No I/O.

A body whose length is announced is counted. One that comes in chunks is decoded by httptools, which does not tell where in the
bytes it was given a message ended. So it is given them in pieces that end with an empty line, as every chunked body does
(RFC 9112 section 7.1), and what is behind the body is never part of such a piece. Trailers are dropped: among the headers they
could bring a key, or a length, that was not there when the request was judged.
"""

from typing import Final

import httptools

from relay.requests import MAX_HEAD_BYTES, Refusal, Request

_EMPTY_LINE: Final = b"\r\n\r\n"
_CHUNKED_HEAD: Final = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
_MAX_LENGTH_DIGITS: Final = 18


def body_length(request: Request) -> int | None:
    """How many bytes the body of a request has, 0 when there is none; None when it comes in chunks.

    Raises Refusal 400 for what two readers could take to end at different places (RFC 9112 section 6.3).
    """
    coding = request.headers.get(b"transfer-encoding")
    length = request.headers.get(b"content-length", b"0")
    if coding is None:
        if length.isdigit() and len(length) <= _MAX_LENGTH_DIGITS:
            return int(length)
    elif coding.lower() == b"chunked" and request.version == "1.1":
        return None  # the parser refuses a length beside it
    raise Refusal(400, "it is not clear where the body ends", reason="framing")


class BodyDecoder:
    """One body out of the bytes that follow its head: `length` of them or, when that is None, chunks.

    `feed` it until it returns what lies behind the body.
    """

    def __init__(self, length: int | None, limit_bytes: int) -> None:
        """Raises Refusal 413 for a length over the limit."""
        self._limit_bytes = limit_bytes
        self._body = bytearray()  # a list of small chunks would cost many times what is in them
        self._left = length or 0
        self._chunks = _Chunks(self._body) if length is None else None
        self._require(self._left)

    def feed(self, data: bytes) -> bytes | None:
        """Take the next bytes; what of them is behind the body, or None while more is needed.

        Raises Refusal, 413 for more than the limit and 400 for broken chunks; nothing that follows in the stream can be
        trusted then.
        """
        rest = self._count(data) if self._chunks is None else self._chunks.feed(data)
        self._require(self.size)
        return rest

    @property
    def size(self) -> int:
        """How many bytes of the body have come."""
        return len(self._body)

    @property
    def body(self) -> bytes:
        """What has come of the body."""
        return bytes(self._body)

    def _count(self, data: bytes) -> bytes | None:
        part = data[: self._left]
        self._body += part
        self._left -= len(part)
        return None if self._left else data[len(part) :]

    def _require(self, size: int) -> None:
        if size > self._limit_bytes:
            text = f"the body is larger than {self._limit_bytes} bytes"
            raise Refusal(413, text, reason="body_size")


class BodyRoom:
    """How many bytes of bodies may be held at once, over all connections; one body alone always fits."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self.held_bytes = 0

    def grow(self, before: int, after: int) -> None:
        """A body of which `before` bytes are held is about to have `after`. Raises Refusal 503 when there is no room."""
        others = self.held_bytes - before
        if others and others + after > self._limit_bytes:
            raise Refusal(
                503, "too many bodies at once, try again", b"Retry-After: 1", reason="body_room"
            )
        self.held_bytes = others + after


class _Chunks:
    """Decodes one chunked body into `body`, with a parser that knows nothing of the request it belongs to."""

    def __init__(self, body: bytearray) -> None:
        self._body = body
        self._tail = b""
        self._idle_bytes = 0
        self._is_whole = False
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(_CHUNKED_HEAD)

    def feed(self, data: bytes) -> bytes | None:
        """As `BodyDecoder.feed`."""
        fed = len(self._tail)  # it is here again because an empty line may begin in it
        data = self._tail + data
        while fed < len(data):
            found = data.find(_EMPTY_LINE, max(fed - len(_EMPTY_LINE) + 1, 0))
            end = len(data) if found < 0 else found + len(_EMPTY_LINE)
            self._parse(data[fed:end])
            fed = end
            if self._is_whole:
                return data[fed:]
        self._tail = data[1 - len(_EMPTY_LINE) :]
        return None

    def on_body(self, part: bytes) -> None:
        """Called by the parser with a chunk, or a piece of one."""
        self._body += part
        self._idle_bytes = 0

    def on_chunk_header(self) -> None:
        """Called by the parser at the end of a chunk's first line."""
        self._idle_bytes = 0

    def on_message_complete(self) -> None:
        """Called by the parser: what it was given last ends with the body."""
        self._is_whole = True

    def _parse(self, piece: bytes) -> None:
        """Extensions and trailers, which the parser gathers for nobody, are bounded like a head, give or take one piece."""
        self._idle_bytes += len(piece)
        try:
            self._parser.feed_data(piece)
        except (httptools.HttpParserError, UnicodeDecodeError) as exc:
            raise Refusal(400, "the body's chunks are malformed", reason="framing") from exc
        if self._idle_bytes > MAX_HEAD_BYTES:
            raise Refusal(400, "the body's chunks are malformed", reason="framing")
