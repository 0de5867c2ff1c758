"""Which handler of the operator's side answers a method at a path, and what must be shown for it."""

import time
from collections.abc import Mapping
from typing import Final, NoReturn

from relay import __version__
from relay.admin.access import Access
from relay.admin.api import Api
from relay.incoming import Exchange
from relay.requests import Refusal, Response
from relay.routes import Handler, Methods
from relay.static import StaticFile

OWN_SITE: Final = (b"Cross-Origin-Resource-Policy: same-origin",)
"""The headers of every response of this listener: pages of other origins may neither read it nor embed it (Fetch standard)."""


class AdminRoutes:
    """Probes are open to all, pages to every browser that calls this listener by its own name, all else to who has the token."""

    def __init__(self, access: Access, api: Api, pages: Mapping[bytes, StaticFile]) -> None:
        self._access = access
        self._probes: Mapping[bytes, Methods] = {
            b"/ready": _readable(api.ready),
            b"/health": _readable(_text("ok")),
            b"/version": _readable(_text(__version__)),
        }
        self._pages: Mapping[bytes, Methods] = {
            path: _readable(_give(file)) for path, file in pages.items()
        }
        self._guarded: Mapping[bytes, Methods] = {
            b"/metrics": _readable(api.metrics),
            b"/api/stats": _readable(api.stats),
            b"/api/channels": _readable(api.channels),
            b"/api/blocks": _readable(api.blocks),
            b"/api/kick": {b"POST": api.kick},
            b"/api/block": {b"POST": api.block},
            b"/api/unblock": {b"POST": api.unblock},
            b"/api/drain": {b"POST": api.drain},
        }

    async def answer(self, exchange: Exchange) -> Response:
        """Raises Refusal 401, 403, 404, 405, 429, and what the handler raises."""
        path, _ = exchange.request.path_and_query
        methods = self._probes.get(path)
        if methods is None:
            self._access.check_site(exchange.request)
            methods = self._pages.get(path)
        if methods is None:
            self._access.check_token(exchange.request, exchange.peer, time.monotonic())
            methods = self._guarded.get(path)
        if methods is None:
            raise Refusal(404, "there is nothing at this path", reason="admin_request")
        return await _choose(methods, exchange.request.method)(exchange)


def refuse_upgrade(data: bytes) -> NoReturn:
    """What becomes of a request for an upgrade here."""
    text = "no WebSocket is spoken here: members connect to the public address"
    raise Refusal(400, text, reason="admin_request")


def _choose(methods: Methods, method: bytes) -> Handler:
    handler = methods.get(method)
    if handler is None:
        allowed = b", ".join(methods)
        choice = "one of " if len(methods) > 1 else ""
        text = f"expected {choice}{allowed.decode()} at this path"
        raise Refusal(405, text, b"Allow: " + allowed, reason="admin_request")
    return handler


def _readable(handler: Handler) -> Methods:
    return {b"GET": handler, b"HEAD": handler}


def _text(text: str) -> Handler:
    response = Response(200, b"text/plain; charset=utf-8", text.encode())

    async def give(exchange: Exchange) -> Response:
        return response

    return give


def _give(file: StaticFile) -> Handler:
    async def give(exchange: Exchange) -> Response:
        return file.answer(exchange.request)

    return give
