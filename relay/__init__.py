"""Relay: realtime WebSocket channels, started with one command; and clients of them, loaded when they are asked for."""

import atexit
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from relay._version import __version__

if TYPE_CHECKING:
    from relay.client.backoff import Backoff
    from relay.client.channel import Channel, connect
    from relay.client.events import (
        CloseEvent,
        ErrorEvent,
        Event,
        GapEvent,
        JoinEvent,
        LeaveEvent,
        MessageEvent,
        OpenEvent,
        OtherEvent,
    )
    from relay.client.party import PartySocket
    from relay.client.reconnecting import ReconnectingWebSocket
    from relay.client.transport import Closed, ConnectError
    from relay.client.trio_channel import TrioChannel, open_channel

_EXPORTS = {
    "backoff": ("Backoff",),
    "channel": ("Channel", "connect"),
    "events": (
        *("CloseEvent", "ErrorEvent", "Event", "GapEvent", "JoinEvent", "LeaveEvent"),
        *("MessageEvent", "OpenEvent", "OtherEvent"),
    ),
    "party": ("PartySocket",),
    "reconnecting": ("ReconnectingWebSocket",),
    "transport": ("Closed", "ConnectError"),
    "trio_channel": ("TrioChannel", "open_channel"),
}
_MODULES = {name: f"relay.client.{module}" for module in _EXPORTS for name in _EXPORTS[module]}

__all__ = [
    "Backoff",
    "Channel",
    "CloseEvent",
    "Closed",
    "ConnectError",
    "ErrorEvent",
    "Event",
    "GapEvent",
    "JoinEvent",
    "LeaveEvent",
    "MessageEvent",
    "OpenEvent",
    "OtherEvent",
    "PartySocket",
    "ReconnectingWebSocket",
    "TrioChannel",
    "__version__",
    "connect",
    "open_channel",
]


def __getattr__(name: str) -> Any:
    """Import a client when it is first used: the server needs none, and they need no compiled core."""
    if name not in _MODULES:
        raise AttributeError(f"module 'relay' has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def _finish_clients() -> None:
    """Registered now, and not with the clients: one that is first used in another handler would come too late for that."""
    if background := sys.modules.get("relay.client.background"):
        background.finish()


atexit.register(_finish_clients)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
