"""The attempts of a reconnecting socket: when there is another, what each tells, and what counts as an end.

The lock guards the state, and is never held while a listener, a provider or a predicate runs. A `Link` is one attempt
and its connection. Whatever a link reports counts only while it is the current one: so nothing comes from an old
connection once it has been let go, whichever thread did that.
"""

import logging
import threading
from enum import IntEnum
from typing import Final, Literal, TypeAlias, cast

import trio

from relay.client import background
from relay.client.faults import faults, log_error
from relay.client.home import BackgroundHome, Home
from relay.client.inbox import Inbox
from relay.client.link import Link
from relay.client.listeners import Handler, Listeners
from relay.client.outbox import Outbox
from relay.client.policy import Policy, SocketOptions
from relay.client.providers import ProtocolsProvider, ProviderError, UrlProvider, resolve
from relay.client.socket_events import (
    EVENT_TYPES,
    CloseEvent,
    Data,
    ErrorEvent,
    Event,
    MessageEvent,
    OpenEvent,
)
from relay.client.transport import (
    NORMAL_CLOSURE,
    Closed,
    ConnectError,
    ConnectTimeout,
    Transport,
)
from relay.client.unsent import report_unsent

BinaryType: TypeAlias = Literal["bytes", "bytearray", "memoryview"]
BINARY_TYPES: Final = {"bytes": bytes, "bytearray": bytearray, "memoryview": memoryview}
_FLUSH_CHECK_SECONDS: Final = 0.01

_logger: Final = logging.getLogger("relay.client")


class ReadyState(IntEnum):
    """As the browsers number them. CLOSED is also the state between a connection and the next attempt."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class Attempts:
    """The state that all threads share, and the tasks that change it."""

    onopen = Handler[OpenEvent]()
    onmessage = Handler[MessageEvent]()
    onclose = Handler[CloseEvent]()
    onerror = Handler[ErrorEvent]()

    def __init__(
        self, url: UrlProvider, protocols: ProtocolsProvider, options: SocketOptions
    ) -> None:
        self._policy = Policy.of(options)
        self._url_provider: UrlProvider = url
        self._protocols_provider: ProtocolsProvider = protocols
        self._listeners: Listeners[Event] = Listeners(EVENT_TYPES)
        self._binary_type: BinaryType = "bytes"
        self._url = self._protocol = ""
        self._lock = threading.RLock()
        self._outbox = Outbox()
        report_unsent(self, self._outbox.__len__)
        self._inbox: Inbox | None = None
        self._home: Home = BackgroundHome()
        self._link: Link | None = None
        self._links: set[Link] = set()
        self._has_stopped = threading.Event()
        self._is_started = False
        self._retries = -1
        self._calls = 0  # of close and reconnect: tells that one came while the lock was not held
        self._should_reconnect = not self._policy.start_closed
        self._has_socket = self._was_closed = self._has_warned = False
        self._ready_state = (
            ReadyState.CLOSED if self._policy.start_closed else ReadyState.CONNECTING
        )

    def _dispatch(self, event: Event) -> None:
        self._debug(f"{event.type} event")
        first = getattr(self, f"on{event.type}")
        self._listeners.run(event.type, event, first)

    def _attempt_again(self) -> None:
        """Begin the next attempt, if there is to be one. The lock is held."""
        self._is_started = True
        if not self._should_reconnect or self._retries >= self._policy.max_retries:
            self._stop()
            return
        link = Link(self._home)
        self._home.start(self._attempt, link, self._policy.delay(self._retries + 1))
        self._retries += 1
        self._link = link
        self._links.add(link)
        self._has_stopped.clear()
        if self._inbox is not None:
            self._inbox.begin()
        else:
            background.flush_at_exit(self._flush)

    async def _attempt(self, link: Link, delay: float) -> None:
        try:
            with link.scope:
                self._debug(f"connect in {delay:g} s, retry {max(self._retries, 0)}")
                await trio.sleep(delay)
                await self._connect(link)
        finally:
            with self._lock:
                self._links.discard(link)
                if not self._links:
                    background.forget_flush(self._flush)

    async def _connect(self, link: Link) -> None:
        try:
            url, protocols = await resolve(self._url_provider, self._protocols_provider)
            if self._begin_socket(link, url):
                await self._run(link, url, protocols)
        except ProviderError as exc:
            self._fail(link, str(exc), exc.cause or exc)
        except (TypeError, ValueError) as exc:  # of a URL or protocols that cannot be asked for
            with self._lock:
                self._has_socket = self._has_socket and self._link is not link
            self._fail(link, str(exc), exc)
        except ConnectTimeout as exc:
            self._fail(link, "TIMEOUT", exc, "timeout")
        except ConnectError as exc:
            self._fail(link, str(exc), exc)

    def _begin_socket(self, link: Link, url: str) -> bool:
        with self._lock:
            if self._link is not link:
                return False
            self._url, self._protocol = url, ""
            self._has_socket = True
            self._ready_state = ReadyState.CONNECTING
            return True

    async def _run(self, link: Link, url: str, protocols: tuple[str, ...]) -> None:
        policy = self._policy
        async with policy.transport(
            url,
            subprotocols=protocols,
            headers=policy.headers,
            connect_timeout_seconds=policy.connection_timeout,
            max_message_bytes=policy.max_message_bytes,
            ping=policy.ping,
            ssl_context=policy.ssl_context,
        ) as transport:
            if not self._open(link, transport):
                return
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._accept_uptime, link)
                self._dispatch(OpenEvent())
                closed = await link.run(transport, self._deliver)
                nursery.cancel_scope.cancel()
        if closed is not None:
            self._lose(link, closed)

    def _open(self, link: Link, transport: Transport) -> bool:
        with self._lock:
            if self._link is not link:
                return False
            link.transport = transport
            link.push(*self._outbox.drain())
            self._protocol = transport.subprotocol
            self._ready_state = ReadyState.OPEN
            return True

    async def _accept_uptime(self, link: Link) -> None:
        await trio.sleep(self._policy.min_uptime)
        with self._lock:
            if self._link is link:
                self._retries = 0

    async def _deliver(self, data: str | bytes) -> None:
        message = data if isinstance(data, str) else BINARY_TYPES[self._binary_type](data)
        event = MessageEvent(cast(Data, message))
        self._dispatch(event)
        has_listener = self.onmessage is not None or self._listeners.has("message")
        if self._inbox is not None and (self._inbox.is_used or not has_listener):
            await self._inbox.put(event.data)

    def _lose(self, link: Link, closed: Closed) -> None:
        """The peer, or the network, has ended an open connection."""
        with self._lock:
            self._outbox.put_back(link.take_unsent())
        self._end_link(link, CloseEvent(closed.code, closed.reason, closed.was_clean))

    def _fail(self, link: Link, message: str, error: Exception, reason: str = "") -> None:
        """An attempt has come to nothing. Without a socket, only an error tells of it."""
        close = CloseEvent(NORMAL_CLOSURE, reason, True) if self._has_socket else None
        if self._end_link(link, close):
            self._dispatch(ErrorEvent(message, error))

    def _end_link(self, link: Link, close: CloseEvent | None) -> bool:
        """Decide whether to connect again, then tell of the end; whether the link was the current one."""
        with self._lock:
            if self._link is not link:
                return False
            self._link, self._has_socket = None, False
            if close is not None:
                self._ready_state = ReadyState.CLOSED
            calls = self._calls
        wants_another = close is None or self._asks_predicate(close)
        with self._lock:
            if self._calls == calls:
                self._should_reconnect = self._should_reconnect and wants_another
                self._attempt_again()
        if close is not None:
            self._dispatch(close)
        return True

    def _asks_predicate(self, close: CloseEvent) -> bool:
        predicate = self._policy.should_reconnect_on_close
        try:
            return predicate is None or bool(predicate(close))
        except faults() as exc:
            log_error(exc, "should_reconnect_on_close")
            return True

    def _let_go(self, code: int, reason: str) -> None:
        """End the current link, of which nothing more is heard. The lock is held."""
        link, self._link = self._link, None
        if self._has_socket or self._was_closed:
            self._ready_state = ReadyState.CLOSED
        self._has_socket = False
        if link is not None:
            link.end(code, reason)

    def _stop(self) -> None:
        """Nothing more will come. The lock is held."""
        self._has_stopped.set()
        if self._inbox is not None:
            self._home.call(self._inbox.end)

    async def _flush(self) -> None:
        """Until what was sent or queued is on its way, or nobody tries any more."""
        while self._has_unsent():  # noqa: ASYNC110 - asked only when the interpreter exits
            await trio.sleep(_FLUSH_CHECK_SECONDS)

    def _has_unsent(self) -> bool:
        with self._lock:
            is_queued = bool(self._outbox) and self._link is not None
            return is_queued or any(link.is_busy for link in self._links)

    def _debug(self, text: str) -> None:
        if self._policy.debug:
            (self._policy.debug_logger or _logger.debug)(f"ReconnectingWebSocket: {text}")
