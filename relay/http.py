"""The HTTP side of a listener: every request that is no upgrade, one task per connection."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple

import trio

from relay.bodies import BodyRoom
from relay.incoming import Body, Incoming
from relay.requests import Refusal, Request, Response, json_response, parse_head

SEND_TIMEOUT_SECONDS: Final = 10.0
LINGER_SECONDS: Final = 1.0
_READ_BYTES: Final = 16 * 1024

Adopt = Callable[[bytes], None]
"""Takes over the connection, which asks for an upgrade after all, with the bytes of its request."""

Answer = Callable[[Request, Body], Awaitable[Response]]
"""What a request is answered with; may raise Refusal."""


class Service(NamedTuple):
    """What the connections of one listener share.

    `may_stay` says whether a connection may be kept for another request, or for the rest of a body. Bodies have their place in
    `room` until they are answered. So many heads as `turns` has tokens are looked at before other tasks have their turn. All
    responses have the headers `common`. `note_fault` is told of an answer that failed.
    """

    may_stay: Callable[[], bool]
    room: BodyRoom
    turns: trio.CapacityLimiter
    common: tuple[bytes, ...]
    note_fault: Callable[[Exception], None]


async def serve_connection(
    incoming: Incoming, adopt: Adopt, answer: Answer, service: Service
) -> None:
    """Answer requests until the peer, an error or the time ends the connection.

    Requests may be pipelined: they are answered in order, and a head is looked for only behind the body before it. An answer
    that fails is a response with 500. `adopt` may raise Refusal.
    """
    async with incoming.stream:
        with suppress(trio.TooSlowError, trio.BrokenResourceError):
            try:
                await _serve_requests(incoming, adopt, answer, service)
            except Refusal as refusal:
                data = refusal.response().render(service.common)
                await _send_last(incoming.stream, data, lingers=service.may_stay())


async def _serve_requests(
    incoming: Incoming, adopt: Adopt, answer: Answer, service: Service
) -> None:
    """Raises Refusal for a request after which nothing of the stream can be trusted."""
    may_stay = service.may_stay
    while (head := await incoming.take_head()) is not None:
        async with service.turns:
            request = parse_head(head)
            if request.wants_membership:
                adopt(head + incoming.data)
                return
        body = Body(incoming, request, service.room, may_stay)
        try:
            response = await _respond(request, body, answer, service)
            stays = _keeps_alive(request) and may_stay() and await body.discard()
        finally:
            body.let_go()
        has_body = request.method != b"HEAD"
        data = response.render(service.common, keeps_alive=stays, has_body=has_body)
        if not stays:
            await _send_last(incoming.stream, data, lingers=may_stay())
            return
        with trio.fail_after(SEND_TIMEOUT_SECONDS):
            await incoming.stream.send_all(data)


async def _respond(request: Request, body: Body, answer: Answer, service: Service) -> Response:
    """Raises what says that the connection is broken, or too slow."""
    try:
        return await answer(request, body)
    except Refusal as refusal:
        return refusal.response()
    except (trio.TooSlowError, trio.BrokenResourceError):
        raise
    except Exception as exc:
        service.note_fault(exc)
        return json_response({"error": "internal error"}, status=500)


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
