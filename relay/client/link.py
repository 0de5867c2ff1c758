"""One attempt to connect, and the connection that it becomes: what is sent on it, and how it ends."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import trio

from relay.client.home import Home
from relay.client.outbox import Message, amount
from relay.client.transport import Closed, Transport

CLOSE_FLUSH_SECONDS: Final = 5.0


class Link:
    """Its socket calls `push` and `end`, from any thread, under its lock; the rest runs in `home`."""

    def __init__(self, home: Home) -> None:
        self.scope = trio.CancelScope()
        self.transport: Transport | None = None
        self._home = home
        self._outgoing: deque[Message] = deque()
        self._ending: tuple[int, str] | None = None
        self._wake = trio.Event()
        self._is_woken = False
        self._delivery = trio.CancelScope()
        self._sending = trio.CancelScope()

    @property
    def is_busy(self) -> bool:
        """Whether the peer is still to get something: messages, or the close frame."""
        if self.transport is None:
            return False
        return bool(self._outgoing or self._ending or self.transport.buffered_bytes)

    @property
    def amount(self) -> int:
        """What has not been handed to the operating system."""
        inner = self.transport.buffered_bytes if self.transport else 0
        return amount(tuple(self._outgoing)) + inner

    def push(self, *messages: Message) -> None:
        """Send after what was pushed before; never blocks."""
        self._outgoing.extend(messages)
        self._wake_up()

    def end(self, code: int, reason: str) -> None:
        """Close after what was pushed before; an attempt is given up at once."""
        self._ending = (code, reason)
        if self.transport is None:
            self._home.call(self.scope.cancel)
            return
        self._home.call(self._hurry)
        self._wake_up()

    def take_unsent(self) -> Iterable[Message]:
        """What was pushed and never begun to be sent."""
        unsent = list(self._outgoing)
        self._outgoing.clear()
        return unsent

    async def run(
        self, transport: Transport, deliver: Callable[[str | bytes], Awaitable[object]]
    ) -> Closed | None:
        """Send and receive until the connection is closed; None when `end` has closed it."""
        closed: Closed | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._send_all, transport, nursery.cancel_scope)
            closed = await self._receive_all(transport, deliver)
            nursery.cancel_scope.cancel()
        return None if self._ending else closed

    async def _receive_all(
        self, transport: Transport, deliver: Callable[[str | bytes], Awaitable[object]]
    ) -> Closed:
        try:
            while True:
                data = await transport.receive()
                if self._ending is None:
                    with trio.CancelScope() as self._delivery:
                        await deliver(data)
        except Closed as closed:
            return closed

    async def _send_all(self, transport: Transport, run: trio.CancelScope) -> None:
        """Until `end`, and CLOSE_FLUSH_SECONDS more at most: a peer that does not read must not keep us from closing."""
        try:
            with self._sending:
                while self._ending is None:
                    await self._send_outgoing(transport)
                await self._send_outgoing(transport)
        except Closed:
            return
        if self._ending is not None:
            await transport.aclose(*self._ending)
            run.cancel()

    def _hurry(self) -> None:
        self._delivery.cancel()
        self._sending.deadline = trio.current_time() + CLOSE_FLUSH_SECONDS

    async def _send_outgoing(self, transport: Transport) -> None:
        """What there is, and then wait for more unless the end is near."""
        self._is_woken, self._wake = False, trio.Event()
        while self._outgoing:
            await transport.send(self._outgoing.popleft())
        if self._ending is None:
            await self._wake.wait()

    def _wake_up(self) -> None:
        """Once for all that comes before the sender has looked: it clears the flag before it does."""
        if not self._is_woken:
            self._is_woken = True
            self._home.call(self._set_wake)

    def _set_wake(self) -> None:
        self._wake.set()
