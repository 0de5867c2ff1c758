"""The HTTP side of the public listener: every request that is no upgrade, one task per connection."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import trio

from relay import __version__
from relay.admission import find_channel
from relay.requests import MAX_HEAD_BYTES, Refusal, Request, parse_head, render_response

SEND_TIMEOUT_SECONDS: Final = 10.0
LINGER_SECONDS: Final = 1.0
_READ_BYTES: Final = 16 * 1024

Adopt = Callable[[bytes], None]
"""Takes over the connection, which asks for an upgrade after all, with the bytes of its request."""


async def serve_connection(
    stream: trio.SocketStream,
    data: bytes,
    adopt: Adopt,
    may_stay: Callable[[], bool],
    turns: trio.CapacityLimiter,
    head_timeout_seconds: float,
) -> None:
    """Answer requests, `data` being what has been read of them, until the peer, an error or the time ends it.

    Requests may be pipelined: they are answered in order, and a head is looked for only behind the one before it. `may_stay`
    says whether a connection may be kept for another request, whose head then has `head_timeout_seconds`
    to arrive. `turns` is shared by all connections: so many requests are looked at before other tasks have their turn.
    """
    async with stream:
        with suppress(trio.TooSlowError, trio.BrokenResourceError):
            try:
                await _serve_requests(stream, data, adopt, may_stay, turns, head_timeout_seconds)
            except Refusal as refusal:
                await _send_last(stream, refusal.response())


async def _serve_requests(
    stream: trio.SocketStream,
    data: bytes,
    adopt: Adopt,
    may_stay: Callable[[], bool],
    turns: trio.CapacityLimiter,
    head_timeout_seconds: float,
) -> None:
    """Raises Refusal for a request after which nothing of the stream can be trusted."""
    while True:
        head, data = await _read_head(stream, data, head_timeout_seconds)
        if head is None:
            return
        async with turns:
            request = parse_head(head)
            stays = _keeps_alive(request) and may_stay()
            if request.wants_upgrade:
                adopt(head + data)
                return
            answer = _answer(request, stays)
        if not stays:
            await _send_last(stream, answer)
            return
        with trio.fail_after(SEND_TIMEOUT_SECONDS):
            await stream.send_all(answer)


async def _send_last(stream: trio.SocketStream, response: bytes) -> None:
    """Answer, and let the peer read it before the connection is reset for what it still sends."""
    with trio.fail_after(SEND_TIMEOUT_SECONDS):
        await stream.send_all(response)
        await stream.send_eof()
    with trio.move_on_after(LINGER_SECONDS):
        while await stream.receive_some(_READ_BYTES):
            pass


async def _read_head(
    stream: trio.SocketStream, data: bytes, head_timeout_seconds: float
) -> tuple[bytes | None, bytes]:
    """The next head with its empty line, and what came behind it; None when the peer has ended, or idled, instead."""
    with trio.move_on_after(head_timeout_seconds):
        while True:
            head, separator, rest = data.partition(b"\r\n\r\n")
            if len(head) + len(separator) > MAX_HEAD_BYTES:
                raise Refusal(431, "the header block is too large")
            if separator:
                return head + separator, rest
            more = await stream.receive_some(_READ_BYTES)
            if not more:
                return None, b""
            data += more
    if data:
        raise Refusal(408, "the header block did not arrive in time")
    return None, b""


def _keeps_alive(request: Request) -> bool:
    """Whether the next request may follow. A body would have to be read first, and nothing here takes one."""
    if b"content-length" in request.headers or b"transfer-encoding" in request.headers:
        return False
    connection = request.headers.get(b"connection", b"").lower()
    if request.version == "1.1":
        return b"close" not in connection
    return b"keep-alive" in connection


def _answer(request: Request, keeps_alive: bool) -> bytes:
    has_body = request.method != b"HEAD"
    try:
        body = _resource(request)
    except Refusal as refusal:
        return refusal.response(keeps_alive=keeps_alive, has_body=has_body)
    return render_response(
        200, b"text/plain; charset=utf-8", body, keeps_alive=keeps_alive, has_body=has_body
    )


def _resource(request: Request) -> bytes:
    path, _ = request.path_and_query
    text = _TEXTS.get(path)
    if text is None:
        find_channel(path)
        raise Refusal(
            426, "this is a channel: connect to it with a WebSocket", b"Upgrade: websocket"
        )
    if request.method not in (b"GET", b"HEAD"):
        raise Refusal(405, "only GET and HEAD are answered here", b"Allow: GET, HEAD")
    return text


_TEXTS: Final = {
    b"/": f"relay {__version__}: connect a WebSocket to /c/<channel>\n".encode(),
    b"/version": __version__.encode(),
    b"/health": b"ok",
}
