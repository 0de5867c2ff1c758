"""A WebSocket that connects again: what PartySocket's ReconnectingWebSocket does, for threads and for trio.

Outside trio its tasks and callbacks run in the background thread; only the close event of `close` and `reconnect` runs in the
thread that calls them, before they return. `async with` runs everything in the nursery, and thread, of the block.
"""

import logging
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Final, Self, Unpack

import trio

from relay.client.attempts import BINARY_TYPES, Attempts, BinaryType, ReadyState
from relay.client.checks import check_close, check_flag, checked_timeout
from relay.client.home import NurseryHome
from relay.client.inbox import Inbox
from relay.client.listeners import Listener
from relay.client.outbox import Message, checked_message
from relay.client.policy import SocketOptions
from relay.client.providers import ProtocolsProvider, UrlProvider
from relay.client.socket_events import CloseEvent, Data, EventType
from relay.client.target import parse_place
from relay.client.transport import NORMAL_CLOSURE

__all__ = ["ReadyState", "ReconnectingWebSocket"]

_logger: Final = logging.getLogger("relay.client")


class ReconnectingWebSocket(Attempts):
    """Connects at once, and again whenever the connection is lost. All methods may be called from any thread.

    `url` is a string, or a function (async ones run on trio) that is asked before every attempt; so are `protocols`.
    The keywords are those of `Policy`. Made inside trio, it is started by `async with`.
    Raises TypeError or ValueError for a bad option, and for a string that is no URL to connect to. What a function
    returns is told by error events, and so is what is neither a string nor a function.
    """

    def __init__(
        self,
        url: UrlProvider,
        protocols: ProtocolsProvider = None,
        **options: Unpack[SocketOptions],
    ) -> None:
        if isinstance(url, str):
            parse_place(url)
        super().__init__(url, protocols, options)
        self._nursery_manager: AbstractAsyncContextManager[trio.Nursery, bool | None] | None = None
        if self._home.is_here() or not trio.lowlevel.in_trio_run():
            with self._lock:
                self._attempt_again()

    @property
    def ready_state(self) -> ReadyState:
        return self._ready_state

    @property
    def retry_count(self) -> int:
        """Attempts since the last connection that lived for `min_uptime`, the first not counted."""
        return max(self._retries, 0)

    @property
    def should_reconnect(self) -> bool:
        """False when closed by `close`, by `should_reconnect_on_close`, or from the start."""
        return self._should_reconnect

    @property
    def buffered_amount(self) -> int:
        """What is not sent yet: bytes, and of strings UTF-16 code units until the connection has taken them."""
        with self._lock:
            return self._outbox.amount + sum(link.amount for link in self._links)

    @property
    def url(self) -> str:
        """Of the latest attempt; empty before there was one."""
        return self._url

    @property
    def protocol(self) -> str:
        """The subprotocol that the server has chosen; empty for none."""
        return self._protocol

    @property
    def extensions(self) -> str:
        """Always empty: no extension is offered."""
        return ""

    @property
    def binary_type(self) -> BinaryType:
        """What binary messages are delivered as: "bytes", "bytearray" or "memoryview"."""
        return self._binary_type

    @binary_type.setter
    def binary_type(self, value: BinaryType) -> None:
        if not isinstance(value, str) or value not in BINARY_TYPES:
            raise ValueError(
                f"binary_type: expected one of {', '.join(BINARY_TYPES)}, not {value!r}"
            )
        self._binary_type = value

    def add_event_listener(
        self, event_type: EventType, listener: Listener[Any], *, once: bool = False
    ) -> None:
        """A function of the event, or an object with `handle_event`; it stays across reconnects. Raises ValueError, TypeError."""
        check_flag("once", once)
        self._listeners.add(event_type, listener, once=once)

    def remove_event_listener(self, event_type: EventType, listener: Listener[Any]) -> None:
        """Does nothing when it does not listen. Raises ValueError for an unknown type."""
        self._listeners.remove(event_type, listener)

    def send(self, data: Message | bytearray | memoryview) -> bool:
        """Send now, and return True; or queue, and return False, when the connection is not open.

        A queue of `max_enqueued_messages` takes no more: the message is dropped. Raises TypeError or ValueError for
        what is no message.
        """
        message = checked_message(data)
        with self._lock:
            if self._ready_state is ReadyState.OPEN and self._link is not None:
                self._link.push(message)
                return True
            warns = self._was_closed and not self._has_warned
            self._has_warned = self._has_warned or warns
            self._outbox.add(message, self._policy.max_enqueued_messages)
        if warns:
            _logger.warning(
                "send() after close(): the message is queued, and is delivered only if reconnect() is called"
            )
        return False

    def drain_queued_messages(self) -> list[Message]:
        """What was queued and not sent, which is then no longer queued."""
        with self._lock:
            return self._outbox.drain()

    def close(self, code: int = NORMAL_CLOSURE, reason: str = "") -> None:
        """Close for good: `reconnect` may revive it. The close event has run when this returns.

        What was sent before is still sent. Raises ValueError for a code or reason that a client may not send.
        """
        check_close(code, reason)
        with self._lock:
            self._calls += 1
            was_closed = self._ready_state is ReadyState.CLOSED
            self._was_closed, self._should_reconnect = True, False
            self._let_go(code, reason)
            self._stop()
        if not was_closed:
            self._dispatch(CloseEvent(code, reason, True))

    def reconnect(self, code: int = NORMAL_CLOSURE, reason: str = "") -> None:
        """Close, if it is open, and connect anew at once, the retries being counted from the start.

        Raises ValueError as `close` does, and RuntimeError when the block that ran it has ended.
        """
        check_close(code, reason)
        with self._lock:
            self._calls += 1
            had_socket = self._has_socket
            self._was_closed = self._has_warned = False
            self._should_reconnect, self._retries = True, -1
            self._let_go(code, reason)
        if had_socket:
            self._dispatch(CloseEvent(code, reason, True))
        with self._lock:
            if self._link is None:
                self._attempt_again()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until it is closed for good, and whether it is.

        That is: by `close`, by `should_reconnect_on_close`, or after `max_retries`. Raises RuntimeError where waiting would
        block the callbacks, and when it was made inside trio and nothing has started it.
        """
        limit = checked_timeout("timeout_seconds", timeout_seconds)
        if not self._is_started and not self._has_stopped.is_set():
            raise RuntimeError(
                "this socket has not been started: inside trio `async with` does that"
            )
        if self._home.is_here() and not self._has_stopped.is_set():
            raise RuntimeError("wait() would block the thread that the callbacks run in")
        return self._has_stopped.wait(limit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        """Start here. Raises RuntimeError when it runs already: entered before, or made outside trio."""
        if self._nursery_manager is not None or self._links:
            raise RuntimeError("this socket runs already; make it in the `async with` statement")
        manager = self._nursery_manager = trio.open_nursery()
        nursery = await manager.__aenter__()
        with self._lock:
            self._home, self._inbox = NurseryHome(nursery), Inbox()
            self._attempt_again()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, and wait until nothing is left. An error of the block stays as it is, in no group."""
        assert self._nursery_manager is not None
        assert isinstance(self._home, NurseryHome)
        self.close()
        self._home.has_ended = True
        await self._nursery_manager.__aexit__(None, None, None)

    def __aiter__(self) -> Self:
        if self._inbox is None:
            raise RuntimeError("`async for` needs `async with` around it")
        self._inbox.is_used = True
        return self

    async def __anext__(self) -> Data:
        """The next message, across reconnects, until the socket is closed for good.

        A socket without message listeners keeps its messages for this, and reads no further meanwhile.
        """
        if self._inbox is None:
            raise RuntimeError("`async for` needs `async with` around it")
        return await self._inbox.get()
