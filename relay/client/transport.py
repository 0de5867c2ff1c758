"""One WebSocket connection of a client, from its URL to its close code.

trio-websocket speaks the protocol. What it leaves open is added here: why a connection could not be made, a Host header that
is right for IPv6, a limit on every wait, and the detection of peers that are gone without a word.
"""

import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias, cast

import trio
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    wrap_client_stream,
)
from wsproto.utilities import ProtocolError

from relay.client.checks import NORMAL_CLOSURE, check_close, check_number, check_ssl_context
from relay.client.dial import ConnectError, ConnectTimeout, dial, is_refusal, refusal_of, timed_out
from relay.client.outbox import checked_message
from relay.client.target import Target, parse_target
from relay.client.watched import WatchedStream

CONNECT_TIMEOUT_SECONDS: Final = 4.0
CLOSE_TIMEOUT_SECONDS: Final = 1.0
MAX_MESSAGE_BYTES: Final = 2**30
ABNORMAL_CLOSURE: Final = 1006
_READ_BYTES: Final = 64 * 1024

Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]

__all__ = [
    "NORMAL_CLOSURE",
    "Closed",
    "ConnectError",
    "ConnectTimeout",
    "Headers",
    "Transport",
    "open_transport",
]


class Closed(Exception):  # noqa: N818 - an end is no error
    """The connection has ended: with the peer's close code, or with 1006 (`was_clean` False) when none came.

    1002, 1007 and 1009 may be ours: the peer has broken the protocol, or sent more than `max_message_bytes`.
    """

    def __init__(self, code: int, reason: str, was_clean: bool) -> None:
        super().__init__(f"closed with {code}{f': {reason}' if reason else ''}")
        self.code = code
        self.reason = reason
        self.was_clean = was_clean


class Transport:
    """An open connection. `send` may be called by many tasks, `receive` by one at a time."""

    def __init__(self, connection: WebSocketConnection, stream: WatchedStream) -> None:
        self._connection = connection
        self._stream = stream
        self._sending = trio.Lock()
        self._buffered_bytes = 0

    @property
    def subprotocol(self) -> str:
        """What the server has chosen of the subprotocols offered; empty when there is none."""
        return self._connection.subprotocol or ""

    @property
    def buffered_bytes(self) -> int:
        """Bytes of the messages that `send` has been given and the operating system not yet."""
        return self._buffered_bytes

    async def send(self, data: str | bytes) -> None:
        """Send one message, after those that others have begun to send. Raises Closed; TypeError, ValueError for no message.

        Cancelled in the middle of the message, it ends the connection, for the rest could not be sent any more.
        """
        data = checked_message(data)
        size = len(data.encode()) if isinstance(data, str) else len(data)
        self._buffered_bytes += size
        try:
            async with self._sending:
                await self._send_whole(data)
        finally:
            self._buffered_bytes -= size

    async def _send_whole(self, data: str | bytes) -> None:
        try:
            await self._connection.send_message(data)
        except ConnectionClosed:
            raise self._closed() from None
        except trio.Cancelled:
            await trio.aclose_forcefully(self._stream)
            raise

    async def receive(self) -> str | bytes:
        """The next message. Raises Closed when all that came before the close have been received."""
        try:
            return await self._connection.get_message()
        except ConnectionClosed:
            raise self._closed() from None

    async def aclose(self, code: int = NORMAL_CLOSURE, reason: str = "") -> None:
        """The closing handshake; the peer has CLOSE_TIMEOUT_SECONDS for its half, then the connection is cut.

        Cancellation does not shorten it. Messages not received yet are dropped. Raises TypeError and ValueError for what a
        client may not send.
        """
        check_close(code, reason)
        with trio.move_on_after(CLOSE_TIMEOUT_SECONDS, shield=True), suppress(ProtocolError):
            await self._connection.aclose(code, reason)
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(self._stream)

    def _closed(self) -> Closed:
        ended = self._connection.closed
        code = ended.code if ended else ABNORMAL_CLOSURE
        reason = ended.reason if ended and code != ABNORMAL_CLOSURE else None
        return Closed(int(code), reason or "", code != ABNORMAL_CLOSURE)


@asynccontextmanager
async def open_transport(
    url: str,
    *,
    subprotocols: Iterable[str] = (),
    headers: Headers = (),
    connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    ping: float | None = None,
    ssl_context: ssl.SSLContext | None = None,
) -> AsyncIterator[Transport]:
    """Connect to a ws:// or wss:// URL, and close with 1000 at the end of the block unless `aclose` was called in it.

    A peer silent for `ping` seconds is asked for a sign of life, and given up after as many again (None: never). Certificates
    are checked with the system's authorities unless `ssl_context` says otherwise. Raises ConnectError, which says why there
    is no connection, and ValueError for a bad argument.
    """
    check_number("connect_timeout_seconds", connect_timeout_seconds, 0.001)
    check_number("max_message_bytes", max_message_bytes, 1)
    if ping is not None:
        check_number("ping", ping, 0.001)
    check_ssl_context("ssl_context", ssl_context)
    target = parse_target(url, subprotocols, headers)
    run = _Run(target, max_message_bytes)
    error: BaseException | None = None
    async with trio.open_nursery() as nursery:
        try:
            with trio.move_on_after(connect_timeout_seconds) as limit:
                await run.open(nursery, ssl_context)
            transport = run.transport(connect_timeout_seconds, limit)
            if ping is not None:
                nursery.start_soon(run.keep_alive, nursery, ping)
            try:
                yield transport
            finally:
                await transport.aclose()
        except BaseException as exc:  # raised below as it is, and not in the nursery's group
            error = exc
        finally:
            await run.abort()
            nursery.cancel_scope.cancel()
    if error is not None:
        raise error


class _Run:
    """The tasks behind one transport: trio-websocket's reader, and the keepalive."""

    def __init__(self, target: Target, max_message_bytes: int) -> None:
        self._target = target
        self._max_message_bytes = max_message_bytes
        self._stream: WatchedStream | None = None
        self._connection: WebSocketConnection | None = None
        self._failure: Exception | None = None
        self._is_pinging = False
        self._reading = trio.CancelScope()

    async def open(self, nursery: trio.Nursery, ssl_context: ssl.SSLContext | None) -> None:
        """Until the opening handshake is done or has failed; `transport` says which."""
        try:
            self._stream = WatchedStream(await dial(self._target, ssl_context))
        except ConnectError as exc:
            self._failure = exc
        else:
            await nursery.start(self._read)
            # A block that is cancelled needs the reader for its closing handshake. Not before now: in `start`, a
            # shield would keep the task from the cancellation that `start` itself obeys.
            self._reading.shield = True

    async def _read(self, task_status: trio.TaskStatus[None]) -> None:
        try:
            with self._reading:
                async with trio.open_nursery() as nursery:
                    self._connection = await self._shake_hands(nursery)
                    task_status.started()
        except* (
            Exception
        ) as group:  # of any library below: wsproto's and h11's come through as they are
            self._failure = _first(group)
        if self._connection is None:
            task_status.started()
        elif self._stream is not None:
            await trio.aclose_forcefully(self._stream)

    async def _shake_hands(self, nursery: trio.Nursery) -> WebSocketConnection:
        assert self._stream is not None
        connection = await wrap_client_stream(
            nursery,
            cast(trio.SocketStream, self._stream),
            self._target.host_header,
            self._target.resource,
            subprotocols=self._target.subprotocols,
            extra_headers=list(self._target.headers),
            max_message_size=self._max_message_bytes,
            receive_buffer_size=_READ_BYTES,
        )
        self._stream.is_open = True
        return connection

    def transport(self, timeout_seconds: float, limit: trio.CancelScope) -> Transport:
        """Raises ConnectError when there is none."""
        if self._connection is not None and self._stream is not None:
            return Transport(self._connection, self._stream)
        first_bytes = self._stream.first_bytes if self._stream else b""
        if self._failure is None and limit.cancelled_caught and not is_refusal(first_bytes):
            raise timed_out(timeout_seconds)
        raise refusal_of(self._failure, first_bytes) from self._failure

    async def keep_alive(self, nursery: trio.Nursery, seconds: float) -> None:
        assert self._stream is not None
        while True:
            await trio.sleep(seconds)
            quiet = self._stream.quiet_seconds
            if quiet >= 2 * seconds:
                await trio.aclose_forcefully(self._stream)
                return
            if quiet >= seconds and not self._is_pinging:
                nursery.start_soon(self._ping)

    async def _ping(self) -> None:
        assert self._connection is not None
        self._is_pinging = True
        with suppress(ConnectionClosed, ProtocolError):
            await self._connection.ping()
        self._is_pinging = False

    async def abort(self) -> None:
        self._reading.cancel()
        if self._stream is not None:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(self._stream)


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    """The first error that is not a group itself."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return cast(Exception, error)
