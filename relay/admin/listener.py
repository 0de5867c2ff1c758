"""The operator's listener: connections are accepted by trio and served as the plain requests of the public one are.

It has places of its own, so that neither a full house nor a flood on the public side keeps the operator out. Nor does a flood
here: when all places are taken, a newcomer gets that of the connection which has not been answered for the longest time. To turn
newcomers away instead would leave the places to whoever took them first, and took them again whenever they were cut for idling.
"""

import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
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

    `timeout_seconds` says what new connections have for a head. There are `max_connections` at once, which may all idle.
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
        self._places: dict[Place, None] = {}  # the one that was answered last is the last
        self._busy: set[Incoming] = set()
        self._has_news = trio.Event()
        self._faults = FaultLog("a connection of an operator failed and is closed")
        self._service = http.Service(
            lambda: True,  # who idles, or is slow, is in nobody's way
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
        try:
            if len(self._places) < self._max_connections or self._make_room():
                await self._serve_requests(stream)
            else:
                await self._turn_away(stream)
        except Exception as exc:
            self._faults.note(exc)

    def _make_room(self) -> bool:
        """Cut the connection that can best be spared. An answer under way, such as to an order, is none of these."""
        place = next((place for place in self._places if not place.is_answering), None)
        if place is None:
            return False
        self._refusals["admin_crowded_out"] += 1
        del self._places[place]
        place.scope.cancel()
        return True

    async def _turn_away(self, stream: trio.SocketStream) -> None:
        self._refusals["admin_busy"] += 1
        refusal = Refusal(503, "too many connections at once, try again", b"Retry-After: 1")
        async with stream:
            with suppress(trio.BrokenResourceError), trio.move_on_after(FAREWELL_SECONDS):
                await stream.send_all(refusal.response().render(OWN_SITE))

    async def _serve_requests(self, stream: trio.SocketStream) -> None:
        peer = _packed_peer(stream)
        place = Place()

        async def answer(request: Request, body: Body) -> Response:
            await trio.lowlevel.checkpoint_if_cancelled()  # it may have lost its place just now
            with self._answering(place):
                return await self._answer(Exchange(request, body, peer, b""))

        incoming = _Watched(stream, self._timeout_seconds(), self._note)
        self._places[place] = None
        try:
            with place.scope:
                await http.serve_connection(incoming, refuse_upgrade, answer, self._service)
        finally:
            self._places.pop(place, None)
            self._note(incoming, is_busy=False)

    @contextmanager
    def _answering(self, place: "Place") -> Iterator[None]:
        """Counts a refusal. Another answer makes the connection the last one to be spared."""
        place.is_answering = True
        try:
            yield
            if self._places.pop(place, place) is None:
                self._places[place] = None
        except Refusal as refusal:
            self._refusals[refusal.reason] += 1
            raise
        finally:
            place.is_answering = False

    def _note(self, incoming: Incoming, *, is_busy: bool) -> None:
        if is_busy:
            self._busy.add(incoming)
        else:
            self._busy.discard(incoming)
            self._has_news.set()


class Place:
    """What a connection has: `scope` cuts it, unless a request of it is being answered."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.is_answering = False


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
