"""The HTTP side of the public listener: every request that is no upgrade, one task per connection."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import trio

from relay.bodies import BodyRoom
from relay.incoming import Body, Incoming
from relay.requests import Refusal, Request, Response, parse_head

SEND_TIMEOUT_SECONDS: Final = 10.0
LINGER_SECONDS: Final = 1.0
_READ_BYTES: Final = 16 * 1024

Adopt = Callable[[bytes], None]
"""Takes over the connection, which asks for an upgrade after all, with the bytes of its request."""

Answer = Callable[[Request, Body], Awaitable[Response]]
"""What a request is answered with; may raise Refusal."""


async def serve_connection(
    incoming: Incoming,
    adopt: Adopt,
    answer: Answer,
    may_stay: Callable[[], bool],
    room: BodyRoom,
    turns: trio.CapacityLimiter,
) -> None:
    """Answer requests until the peer, an error or the time ends the connection.

    Requests may be pipelined: they are answered in order, and a head is looked for only behind the body before it. `may_stay`
    says whether a connection may be kept for another request, or for the rest of a body. Bodies have their place in `room`
    until they are answered. `turns` is shared by all connections: so many heads are looked at before other tasks
    have their turn.
    """
    async with incoming.stream:
        with suppress(trio.TooSlowError, trio.BrokenResourceError):
            try:
                await _serve_requests(incoming, adopt, answer, may_stay, room, turns)
            except Refusal as refusal:
                await _send_last(incoming.stream, refusal.response().render(), lingers=may_stay())


async def _serve_requests(
    incoming: Incoming,
    adopt: Adopt,
    answer: Answer,
    may_stay: Callable[[], bool],
    room: BodyRoom,
    turns: trio.CapacityLimiter,
) -> None:
    """Raises Refusal for a request after which nothing of the stream can be trusted."""
    while (head := await incoming.take_head()) is not None:
        async with turns:
            request = parse_head(head)
            if request.wants_membership:
                adopt(head + incoming.data)
                return
        body = Body(incoming, request, room, may_stay)
        try:
            response = await _respond(request, body, answer)
            stays = _keeps_alive(request) and may_stay() and await body.discard()
        finally:
            body.let_go()
        data = response.render(keeps_alive=stays, has_body=request.method != b"HEAD")
        if not stays:
            await _send_last(incoming.stream, data, lingers=may_stay())
            return
        with trio.fail_after(SEND_TIMEOUT_SECONDS):
            await incoming.stream.send_all(data)


async def _respond(request: Request, body: Body, answer: Answer) -> Response:
    try:
        return await answer(request, body)
    except Refusal as refusal:
        return refusal.response()


async def _send_last(stream: trio.abc.HalfCloseableStream, data: bytes, *, lingers: bool) -> None:
    """Answer, and when it `lingers` let the peer read that before the connection is reset for what it still sends."""
    with trio.fail_after(SEND_TIMEOUT_SECONDS):
        await stream.send_all(data)
        await stream.send_eof()
    with trio.move_on_after(LINGER_SECONDS if lingers else 0):
        while await stream.receive_some(_READ_BYTES):
            pass


def _keeps_alive(request: Request) -> bool:
    """Whether the client would send another request."""
    connection = request.headers.get(b"connection", b"").lower()
    if request.version == "1.1":
        return b"close" not in connection
    return b"keep-alive" in connection
