"""A channel's connections, one after the other: what is sent, what is heard, and whether another one follows."""

from typing import Final

import trio

from relay.client.address import Address
from relay.client.backoff import Backoff
from relay.client.dispatch import Listeners
from relay.client.events import CloseEvent, OpenEvent, event_of
from relay.client.send_queue import SendQueue
from relay.client.transport import ABNORMAL_CLOSURE, Closed, ConnectError, Transport, open_transport

PING_SECONDS: Final = 25.0
STAY_SECONDS: Final = 5.0
"""A connection that lasted so long has stayed: the delays begin anew."""
PASSING_REFUSALS: Final = frozenset({408, 425, 429})
"""Statuses of the 400s after which another attempt makes sense."""


class Conversation:
    """Runs in one trio task at a time. `failure` is why the last connection ended, unless this side ended it."""

    def __init__(self, address: Address, backoff: Backoff | None) -> None:
        self.listeners = Listeners()
        self.queue = SendQueue()
        self.failure: ConnectError | Closed | None = None
        self.ended: CloseEvent | None = None
        self._address = address
        self._backoff = backoff
        self._failures = 0

    @property
    def loss(self) -> ConnectError | Closed | None:
        """Why something has not been sent, or why there never was a connection that one attempt was to make."""
        has_lost = self.queue or (self._backoff is None and isinstance(self.failure, ConnectError))
        return self.failure if has_lost else None

    async def run(self) -> None:
        """Connect, and stay connected until the queue ends; without a backoff, for one connection at most."""
        self._failures = 0
        while True:
            await self._connect_once()
            if self._backoff is None or self.queue.is_ending or _is_final(self.failure):
                return
            is_time = await self._pause(self._backoff.delay_seconds(self._failures))
            if not is_time and not self.queue:
                return

    async def _connect_once(self) -> None:
        started = trio.current_time()
        try:
            ended = await self._converse()
        except ConnectError as exc:
            self.failure = exc
            ended = CloseEvent(code=ABNORMAL_CLOSURE, reason=str(exc))
        self.ended = ended
        stayed = trio.current_time() - started >= STAY_SECONDS
        self._failures = 1 if stayed else self._failures + 1
        self.listeners.run(ended)

    async def _pause(self, seconds: float) -> bool:
        """Until the time is over, which is true then, or the queue ends."""
        with trio.move_on_after(seconds) as limit:
            while not self.queue.is_ending:
                await self.queue.wait_changed()
        return limit.cancelled_caught

    async def _converse(self) -> CloseEvent:
        """One connection from its opening to its end. Raises ConnectError."""
        async with open_transport(
            self._address.url, headers=self._address.headers, ping=PING_SECONDS
        ) as transport:
            self.failure = None
            try:
                await self.queue.flush(transport)
            except Closed as exc:
                return self._ended_by(exc)
            self.listeners.run(OpenEvent())
            await self._exchange(transport)
            return self._ended_by(await _end_of(transport))

    async def _exchange(self, transport: Transport) -> None:
        """Send and hear until either side closes."""
        async with trio.open_nursery() as nursery:
            sending = trio.CancelScope()
            nursery.start_soon(self._hear, transport, sending)
            with sending:
                try:
                    await self.queue.send_to_the_end(transport)
                except Closed:
                    return  # what came before the close is still to be heard
                await transport.aclose()

    async def _hear(self, transport: Transport, sending: trio.CancelScope) -> None:
        """Run the listeners of all that arrives, up to the close; then nothing can be sent any more."""
        try:
            while True:
                event = event_of(await transport.receive())
                if event is not None:
                    self.listeners.run(event)
        except Closed:
            if not self.queue.is_ending:
                sending.cancel()

    def _ended_by(self, closed: Closed) -> CloseEvent:
        self.failure = None if self.queue.is_ending and not self.queue else closed
        return CloseEvent(code=closed.code, reason=closed.reason, was_clean=closed.was_clean)


async def _end_of(transport: Transport) -> Closed:
    """How a connection has ended that was heard to its end."""
    try:
        while True:
            await transport.receive()
    except Closed as exc:
        return exc


def _is_final(failure: ConnectError | Closed | None) -> bool:
    """Whether the server has said that the request itself is wrong, so that the next would be refused, too."""
    status = failure.status if isinstance(failure, ConnectError) else None
    return status is not None and 400 <= status < 500 and status not in PASSING_REFUSALS
