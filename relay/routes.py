"""Which handler answers a method at a path, and what browsers of other origins are told beforehand. No I/O."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NoReturn

from relay import __version__
from relay.admission import PUSH_PATH, find_target
from relay.incoming import Exchange
from relay.keys import JOIN_KEY_HEADER, SEND_KEY_HEADER
from relay.requests import Refusal, Response

Handler = Callable[[Exchange], Awaitable[Response]]
"""Answers a request; may raise Refusal."""

Methods = Mapping[bytes, Handler]

PREFLIGHT_SECONDS: Final = 86_400
"""How long a browser may remember what a path allows; some remember it for less."""


class Routes:
    """The handlers of one listener: `publish` answers what is posted to a channel or a party room."""

    def __init__(self, publish: Handler) -> None:
        self._channel: Methods = {**_readable(_connect), b"POST": publish}
        self._party: Methods = {**_readable(_upgrade), b"POST": publish}
        self._push: Methods = {b"POST": publish}
        self._fixed: Mapping[bytes, Methods] = {
            b"/": _text(f"relay {__version__}: connect a WebSocket to /c/<channel>\n"),
            b"/version": _text(__version__),
            b"/health": _text("ok"),
        }

    async def answer(self, exchange: Exchange) -> Response:
        """Raises Refusal 404, 405 and 414, and what the handler raises."""
        path, _ = exchange.request.path_and_query
        methods = self._find(path)
        if exchange.request.method == b"OPTIONS":
            return _preflight(methods)
        handler = methods.get(exchange.request.method)
        if handler is None:
            allowed = _allowed(methods)
            raise Refusal(
                405, f"expected one of {allowed.decode()} at this path", b"Allow: " + allowed
            )
        return await handler(exchange)

    def _find(self, path: bytes) -> Methods:
        methods = self._fixed.get(path)
        if methods is not None:
            return methods
        key = find_target(path)
        if path.startswith(PUSH_PATH):
            return self._push
        return self._party if isinstance(key, tuple) else self._channel


def _readable(handler: Handler) -> Methods:
    return {b"GET": handler, b"HEAD": handler}


def _text(text: str) -> Methods:
    response = Response(200, b"text/plain; charset=utf-8", text.encode())

    async def give(exchange: Exchange) -> Response:
        return response

    return _readable(give)


async def _connect(exchange: Exchange) -> NoReturn:
    raise Refusal(
        426,
        "this is a channel: connect to it with a WebSocket, ask for its events with Accept: text/event-stream,"
        " or publish with POST",
        b"Upgrade: websocket",
    )


async def _upgrade(exchange: Exchange) -> NoReturn:
    raise Refusal(
        426, "this is a party room: connect to it with a WebSocket", b"Upgrade: websocket"
    )


def _preflight(methods: Methods) -> Response:
    """What a browser asks before a page of another origin may do more than a form could (Fetch standard, section 3.2.2)."""
    headers = b", ".join((b"content-type", b"last-event-id", JOIN_KEY_HEADER, SEND_KEY_HEADER))
    return Response(
        204,
        headers=(
            b"Allow: " + _allowed(methods),
            b"Access-Control-Allow-Methods: " + _allowed(methods),
            b"Access-Control-Allow-Headers: " + headers,
            b"Access-Control-Max-Age: %d" % PREFLIGHT_SECONDS,
        ),
    )


def _allowed(methods: Methods) -> bytes:
    return b", ".join([*methods, b"OPTIONS"])
