"""How a reconnecting socket behaves: its options, checked, and the delays that follow from them. Pure."""

import random
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, fields
from math import inf
from typing import Final, Self, TypeAlias, TypedDict

from relay.client.checks import check_flag, check_function, check_number, check_ssl_context
from relay.client.socket_events import CloseEvent
from relay.client.target import header_pairs
from relay.client.transport import MAX_MESSAGE_BYTES, Headers, Transport, open_transport

OpenTransport: TypeAlias = Callable[..., AbstractAsyncContextManager[Transport]]


class SocketOptions(TypedDict, total=False):
    """The keywords that a reconnecting socket takes; see Policy for what they mean."""

    max_reconnection_delay: float
    min_reconnection_delay: float
    reconnection_delay_grow_factor: float
    jitter: float
    min_uptime: float
    connection_timeout: float
    max_retries: float
    max_enqueued_messages: float
    start_closed: bool
    should_reconnect_on_close: Callable[[CloseEvent], bool] | None
    ping: float | None
    headers: Headers
    ssl_context: ssl.SSLContext | None
    max_message_bytes: int
    transport: OpenTransport
    debug: bool
    debug_logger: Callable[[str], object] | None


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Times are in seconds. `jitter` is the share of a delay that chance may take off it: 0 none, 1 all of it.

    `transport` is what opens a connection: called as `open_transport` is, it returns the like.
    """

    max_reconnection_delay: float = 10.0
    min_reconnection_delay: float = 3.0
    reconnection_delay_grow_factor: float = 1.3
    jitter: float = 0.0
    min_uptime: float = 5.0
    connection_timeout: float = 4.0
    max_retries: float = inf
    max_enqueued_messages: float = inf
    start_closed: bool = False
    should_reconnect_on_close: Callable[[CloseEvent], bool] | None = None
    ping: float | None = None
    headers: Headers = ()
    ssl_context: ssl.SSLContext | None = None
    max_message_bytes: int = MAX_MESSAGE_BYTES
    transport: OpenTransport = open_transport
    debug: bool = False
    debug_logger: Callable[[str], object] | None = None

    @classmethod
    def of(cls, options: SocketOptions) -> Self:
        """Raises TypeError for an unknown option or one of the wrong type, ValueError for one out of its range."""
        unknown = set(options) - {field.name for field in fields(cls)}
        if unknown:
            raise TypeError(f"{min(unknown)}: there is no such option")
        return cls(**options)

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            check_number(name, getattr(self, name), low, high)
        if self.ping is not None:
            check_number("ping", self.ping, 0.001)
        for name in ("start_closed", "debug"):
            check_flag(name, getattr(self, name))
        for name in ("should_reconnect_on_close", "debug_logger"):
            if getattr(self, name) is not None:
                check_function(name, getattr(self, name))
        check_function("transport", self.transport)
        check_ssl_context("ssl_context", self.ssl_context)
        object.__setattr__(self, "headers", header_pairs(self.headers))

    def delay(self, retry_count: int) -> float:
        """Seconds before an attempt, the one numbered 0 being the first."""
        if retry_count == 0:
            return 0.0
        try:
            grown = self.reconnection_delay_grow_factor ** (retry_count - 1)
        except OverflowError:
            grown = inf
        delay = min(self.min_reconnection_delay * grown, self.max_reconnection_delay)
        return delay * (1 - self.jitter * random.random())


_RANGES: Final[dict[str, tuple[float, float]]] = {
    "max_reconnection_delay": (0, 1e6),
    "min_reconnection_delay": (0, 1e6),
    "reconnection_delay_grow_factor": (0, 1e6),
    "jitter": (0, 1),
    "min_uptime": (0, inf),
    "connection_timeout": (0.001, inf),
    "max_retries": (0, inf),
    "max_enqueued_messages": (0, inf),
    "max_message_bytes": (1, inf),
}
