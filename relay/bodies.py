"""The body of a request: where it ends, what it holds, and how much of it is taken. No I/O.

A body whose length is announced is counted. One that comes in chunks is decoded by httptools, which does not tell where in the
bytes it was given a message ended; so it is given them in pieces that end with an empty line, as every chunked body does
(RFC 9112 section 7.1): what is behind the body is then never part of such a piece. Its trailers are read and dropped: merged into
the headers they could bring a key, or a length, that was not there when the request was judged.
"""

from typing import Final

import httptools

from relay.requests import MAX_HEAD_BYTES, Refusal, Request

_EMPTY_LINE: Final = b"\r\n\r\n"
_CHUNKED_HEAD: Final = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


class BodyDecoder:
    """The body that follows a head, `length` bytes of it or, when that is None, chunks; at most `limit_bytes` of it are kept.

    `feed` it until it returns what lies behind the body. `size` is how many bytes of the body itself have come.
    """

    def __init__(self, length: int | None, limit_bytes: int) -> None:
        """Raises Refusal 413 for a length over the limit."""
        self.size = 0
        self._limit_bytes = limit_bytes
        self._parts: list[bytes] = []
        self._left = length
        self._chunks = _Chunks(self._keep) if length is None else None
        self._require_size(length or 0)

    def feed(self, data: bytes) -> bytes | None:
        """Take the next bytes; what of them is behind the body, or None while more is needed.

        Raises Refusal, 400 for broken chunks and 413 for more than the limit; what follows in the stream means nothing then.
        """
        if self._chunks is not None:
            return self._chunks.feed(data)
        assert self._left is not None
        part = data[: self._left]
        self._keep(part)
        self._left -= len(part)
        return None if self._left else data[len(part) :]

    @property
    def body(self) -> bytes:
        """What has come of the body."""
        return b"".join(self._parts)

    def _keep(self, part: bytes) -> None:
        self.size += len(part)
        self._require_size(self.size)
        self._parts.append(part)

    def _require_size(self, size: int) -> None:
        if size > self._limit_bytes:
            raise Refusal(
                413, f"the body is larger than {self._limit_bytes} bytes", reason="body_size"
            )


def body_length(request: Request) -> int | None:
    """How many bytes the body of a request has, 0 when there is none; None when it comes in chunks.

    Raises Refusal 400 for what two readers could take to end at different places (RFC 9112 section 6.3).
    """
    coding = request.headers.get(b"transfer-encoding")
    length = request.headers.get(b"content-length")
    if coding is None:
        if length is None:
            return 0
        if length.isdigit() and len(length) < 20:
            return int(length)
    elif coding.lower() == b"chunked" and length is None and request.version == "1.1":
        return None
    raise Refusal(400, "the length of the body is not clear", reason="framing")


class _Chunks:
    """Decodes one chunked body with a parser of its own, which knows nothing of the request it belongs to."""

    def __init__(self, keep) -> None:  # type: ignore[no-untyped-def]
        self._keep = keep
        self._held = b""
        self._framing = 0
        self._is_whole = False
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(_CHUNKED_HEAD)

    def on_body(self, part: bytes) -> None:
        raise NotImplementedError
