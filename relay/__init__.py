"""Relay: realtime WebSocket channels, started with one command."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from relay._version import __version__

if TYPE_CHECKING:
    from relay.client.party import PartySocket
    from relay.client.reconnecting import ReconnectingWebSocket

__all__ = ["PartySocket", "ReconnectingWebSocket", "__version__"]

# Loaded when asked for: the server needs none of them.
_CLIENTS = {
    "PartySocket": "relay.client.party",
    "ReconnectingWebSocket": "relay.client.reconnecting",
}


def __getattr__(name: str) -> Any:
    if name not in _CLIENTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_CLIENTS[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_CLIENTS})
