"""`open_channel`: a channel for programs that run trio. It has no task of its own besides the connection's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from relay.client.address import Address
from relay.client.conversation import PING_SECONDS
from relay.client.dispatch import Listener, Listeners, Predicate
from relay.client.events import CloseEvent, Event, event_of
from relay.client.payload import encode_message
from relay.client.transport import NORMAL_CLOSURE, Closed, Transport, open_transport


@asynccontextmanager
async def open_channel(
    channel: str,
    *,
    alias: str | None = None,
    as_: str | None = None,
    announce: bool = False,
    echo: bool = False,
    list_: bool = False,
    join_key: str | None = None,
    send_key: str | None = None,
    base_url: str | None = None,
) -> "AsyncIterator[TrioChannel]":
    """An open channel, closed at the end of the block. The arguments are those of `connect`.

    Raises ConnectError, which says why there is no connection; TypeError and ValueError, which name the argument. To reconnect,
    open another one.
    """
    address = Address.of_channel(
        channel,
        base_url=base_url,
        alias=alias,
        as_=as_,
        announce=announce,
        echo=echo,
        list_=list_,
        join_key=join_key,
        send_key=send_key,
    )
    async with open_transport(address.url, headers=address.headers, ping=PING_SECONDS) as transport:
        yield TrioChannel(transport)


class TrioChannel:
    """What `open_channel` gives. `async for event in channel` ends with a normal close, and raises Closed after any other.

    Nothing is read ahead: who does not receive makes the relay keep what is for them, up to its backlog limit, and answers no
    pings. Those who only send, or only have listeners, run `wait` in a nursery.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._listeners = Listeners()
        self._ended: Closed | None = None
        self._is_closing = False

    def on(self, when: str | Predicate, listener: Listener) -> Self:
        """As in `connect`: the listener runs when the event is received, before it is returned. Raises TypeError."""
        self._listeners.add(when, listener)
        return self

    def remove(self, when: str | Predicate, listener: Listener) -> Self:
        """Undo one `on`. Raises TypeError."""
        self._listeners.remove(when, listener)
        return self

    async def send(self, message: Any, uid: str | None = None) -> None:
        """Send to everyone else, or to `uid` alone; returns when the operating system has it.

        Raises Closed, TypeError for what JSON cannot hold, bytes among it, and ValueError for a `uid` that is none.
        """
        await self._transport.send(encode_message(message, uid))

    async def push(self, message: Any, uid: str | None = None) -> None:
        """`send`, then `aclose`."""
        await self.send(message, uid)
        await self.aclose()

    async def receive(self) -> Event:
        """The next event, after its listeners have run. Raises Closed."""
        while True:
            event = event_of(await self._receive_frame())
            if event is not None:
                self._listeners.run(event)
                return event

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        try:
            return await self.receive()
        except Closed as exc:
            if self._is_closing or exc.code == NORMAL_CLOSURE:
                raise StopAsyncIteration from None
            raise

    async def wait(self) -> None:
        """Receive for the listeners' sake until the channel is closed. Raises Closed unless the close was normal."""
        async for _ in self:
            pass

    async def aclose(self, code: int = NORMAL_CLOSURE, reason: str = "") -> None:
        """Close; what has not been received is dropped. An iteration in another task ends."""
        self._is_closing = True
        await self._transport.aclose(code, reason)

    async def _receive_frame(self) -> str | bytes:
        try:
            return await self._transport.receive()
        except Closed as exc:
            self._end(exc)
            raise

    def _end(self, closed: Closed) -> None:
        """Run the listeners of the close, once."""
        if self._ended is None:
            self._ended = closed
            self._listeners.run(
                CloseEvent(code=closed.code, reason=closed.reason, was_clean=closed.was_clean)
            )
