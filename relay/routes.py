"""Which handler answers a method at a path, and what browsers of other origins are told beforehand. No I/O."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NoReturn

from relay import __version__
from relay.admission import PUSH_PATH, find_target
from relay.incoming import Exchange
from relay.keys import JOIN_KEY_HEADER, SEND_KEY_HEADER
from relay.pages import PAGE_PATH, VARY, ChannelPage, wants_page
from relay.requests import Refusal, Response
from relay.static import StaticFile

Handler = Callable[[Exchange], Awaitable[Response]]
"""Answers a request; may raise Refusal."""

Methods = Mapping[bytes, Handler]

PREFLIGHT_SECONDS: Final = 86_400
"""How long a browser may remember what a path allows; some remember it for less."""


class Routes:
    """The handlers of one listener: `publish` answers what is posted to a channel or a party room."""

    def __init__(self, publish: Handler) -> None:
        page = ChannelPage()
        self._channel: Methods = {**_readable(_page_or(page, _connect)), b"POST": publish}
        self._legacy: Methods = {**_readable(_connect), b"POST": publish}
        self._party: Methods = {**_readable(_upgrade), b"POST": publish}
        self._push: Methods = {b"POST": publish}
        line = _text(f"relay {__version__}: connect a WebSocket to /c/<channel>\n", VARY)
        self._fixed: Mapping[bytes, Methods] = {
            b"/": _readable(_page_or(page, line)),
            b"/version": _readable(_text(__version__)),
            b"/health": _readable(_text("ok")),
            **{path: _readable(_give(part)) for path, part in page.parts.items()},
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
        if isinstance(key, tuple):
            return self._party
        return self._channel if path.startswith(PAGE_PATH) else self._legacy


def _readable(handler: Handler) -> Methods:
    return {b"GET": handler, b"HEAD": handler}


def _text(text: str, *headers: bytes) -> Handler:
    response = Response(200, b"text/plain; charset=utf-8", text.encode(), headers)

    async def give(exchange: Exchange) -> Response:
        return response

    return give


def _give(file: StaticFile) -> Handler:
    async def give(exchange: Exchange) -> Response:
        return file.answer(exchange.request)

    return give


def _page_or(page: ChannelPage, otherwise: Handler) -> Handler:
    """The page for a browser; programs get what they always got there."""

    async def give(exchange: Exchange) -> Response:
        if wants_page(exchange.request):
            return page.answer(exchange.request)
        return await otherwise(exchange)

    return give


async def _connect(exchange: Exchange) -> NoReturn:
    raise Refusal(
        426,
        "this is a channel: connect to it with a WebSocket, ask for its events with Accept: text/event-stream,"
        " or publish with POST",
        b"Upgrade: websocket",
        VARY,
    )


async def _upgrade(exchange: Exchange) -> NoReturn:
    text = "this is a party room: connect to it with a WebSocket, or publish with POST"
    raise Refusal(426, text, b"Upgrade: websocket")


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
