"""The operator's listener: connections are accepted by trio and served as the plain requests of the public one are.

It has places of its own, so that neither a full house nor a flood on the public side keeps the operator out.
"""

import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Final

import trio

from relay import http
from relay.admin.orders import MAX_BODY_BYTES
from relay.admin.routes import OWN_SITE, refuse_upgrade
from relay.bodies import BodyRoom
from relay.faults import FaultLog
from relay.incoming import Body, Exchange, Incoming
from relay.requests import Refusal, Request, Response

FAREWELL_SECONDS: Final = 1.0

Answer = Callable[[Exchange], Awaitable[Response]]


class AdminListener:
    """Serves the sockets it is given until it is cancelled. Refusals are counted in `refusals`, by reason.

    `timeout_seconds` says what new connections have for a head. Of `max_connections` at once half may idle.
    """

    def __init__(
        self,
        answer: Answer,
        refusals: Counter[str],
        timeout_seconds: Callable[[], float],
        max_connections: int,
    ) -> None:
        self._answer = answer
        self._refusals = refusals
        self._timeout_seconds = timeout_seconds
        self._max_connections = max_connections
        self._connections = 0
        self._busy: set[Incoming] = set()
        self._has_news = trio.Event()
        self._faults = FaultLog("a connection of an operator failed and is closed")
        self._service = http.Service(
            lambda: self._connections * 2 <= max_connections,
            BodyRoom(max_connections * MAX_BODY_BYTES),
            trio.CapacityLimiter(1),
            OWN_SITE,
            FaultLog("a request of an operator failed and is answered with 500").note,
        )

    async def serve(self, sockets: Sequence[socket.socket]) -> None:
        """Never returns. The sockets are listening; they are closed at the end."""
        listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(each)) for each in sockets]
        await trio.serve_listeners(self._serve_connection, listeners)

    async def finish(self) -> None:
        """Let the answers that are under way get out: one may be that to the order to end."""
        with trio.move_on_after(FAREWELL_SECONDS):
            while self._busy:
                self._has_news = trio.Event()
                await self._has_news.wait()

    async def _serve_connection(self, stream: trio.SocketStream) -> None:
        self._connections += 1
        try:
            if self._connections > self._max_connections:
                await self._turn_away(stream)
            else:
                await self._serve_requests(stream)
        except Exception as exc:
            self._faults.note(exc)
        finally:
            self._connections -= 1

    async def _turn_away(self, stream: trio.SocketStream) -> None:
        self._refusals["admin_busy"] += 1
        refusal = Refusal(503, "too many connections at once, try again", b"Retry-After: 1")
        async with stream:
            with suppress(trio.BrokenResourceError), trio.move_on_after(FAREWELL_SECONDS):
                await stream.send_all(refusal.response().render(OWN_SITE))

    async def _serve_requests(self, stream: trio.SocketStream) -> None:
        peer = _packed_peer(stream)

        async def answer(request: Request, body: Body) -> Response:
            try:
                return await self._answer(Exchange(request, body, peer, b""))
            except Refusal as refusal:
                self._refusals[refusal.reason] += 1
                raise

        incoming = _Watched(stream, self._timeout_seconds(), self._note)
        try:
            await http.serve_connection(incoming, refuse_upgrade, answer, self._service)
        finally:
            self._note(incoming, is_busy=False)

    def _note(self, incoming: Incoming, *, is_busy: bool) -> None:
        if is_busy:
            self._busy.add(incoming)
        else:
            self._busy.discard(incoming)
            self._has_news.set()


class _Watched(Incoming):
    """Tells whether a request of it is being answered: from its head to where the next one is waited for."""

    def __init__(
        self, stream: trio.SocketStream, timeout_seconds: float, note: Callable[..., None]
    ) -> None:
        super().__init__(stream, b"", timeout_seconds)
        self._note = note

    async def take_head(self) -> bytes | None:
        self._note(self, is_busy=False)
        head = await super().take_head()
        self._note(self, is_busy=True)
        return head


def _packed_peer(stream: trio.SocketStream) -> bytes:
    """Its address; none for a peer that is gone again."""
    try:
        host = stream.socket.getpeername()[0]
    except OSError:
        return b""
    return ip_address(host.partition("%")[0]).packed
