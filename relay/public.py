"""What the public listener answers besides WebSockets and event streams: plain HTTP, a task per connection, so many at most."""

import contextlib
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import trio

from relay import _core, http
from relay.bodies import BodyRoom
from relay.faults import FaultLog
from relay.incoming import Body, Exchange, Incoming
from relay.requests import ANY_ORIGIN, Refusal, Request, Response
from relay.routes import Routes

MAX_CONNECTIONS: Final = 1000
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
REQUESTS_AT_ONCE: Final = 4


class Origin(NamedTuple):
    """Where a connection came from: the packed address of its peer, and what a PROXY protocol header named, if any."""

    peer: bytes
    source: bytes


class PublicSide:
    """The plain requests of the public listener. `publish` answers what is posted, and raises Refusal; refusals are counted in
    `refusals` by reason; `is_ending` says whether the server closes down."""

    def __init__(
        self,
        max_connections: int,
        publish: Callable[[Exchange], Awaitable[Response]],
        refusals: Counter[str],
        note_fault: Callable[[BaseException], None],
        is_ending: Callable[[], bool],
    ) -> None:
        self.max_connections = max_connections
        self.connection_count = 0
        self._routes = Routes(publish)
        self._refusals = refusals
        self._note_fault = note_fault
        self._is_ending = is_ending
        self._service = http.Service(
            self._may_stay,
            BodyRoom(MAX_BODY_BYTES),
            trio.CapacityLimiter(REQUESTS_AT_ONCE),
            ANY_ORIGIN,
            FaultLog("a request failed and is answered with 500").note,
        )

    def take(
        self,
        fileno: int,
        data: bytes,
        origin: Origin,
        nursery: trio.Nursery,
        reactor: _core.Reactor,
        timeout_seconds: float,
    ) -> None:
        """Serve a connection, of which `data` has been read, in a task of `nursery`; it goes back to the reactor when it asks to
        become a member. Heads and bodies have `timeout_seconds`."""
        sock = socket.socket(fileno=fileno)
        if self.connection_count >= self.max_connections:
            self._turn_away(sock)
            return
        self.connection_count += 1
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        incoming = Incoming(stream, data, timeout_seconds)
        nursery.start_soon(self._serve, stream, incoming, origin, reactor)

    def _turn_away(self, sock: socket.socket) -> None:
        self._refusals["http_busy"] += 1
        refusal = Refusal(503, "too many requests at once, try again", b"Retry-After: 1")
        with sock, contextlib.suppress(OSError):
            sock.send(refusal.response().render(ANY_ORIGIN))

    async def _serve(
        self, stream: trio.SocketStream, incoming: Incoming, origin: Origin, reactor: _core.Reactor
    ) -> None:
        def adopt(data: bytes) -> None:
            """It asks for membership after all: back to the reactor."""
            reactor.adopt(stream.socket.detach(), data, origin.peer, origin.source)

        async def answer(request: Request, body: Body) -> Response:
            return await self._answer(Exchange(request, body, origin.peer, origin.source))

        try:
            await http.serve_connection(incoming, adopt, answer, self._service)
        except Exception as exc:
            self._note_fault(exc)
        finally:
            self.connection_count -= 1

    async def _answer(self, exchange: Exchange) -> Response:
        try:
            return await self._routes.answer(exchange)
        except Refusal as refusal:
            self._refusals[refusal.reason] += 1
            raise

    def _may_stay(self) -> bool:
        """Whether connections may idle: not when they would keep others out, nor while the server ends."""
        return self.connection_count * 2 <= self.max_connections and not self._is_ending()
