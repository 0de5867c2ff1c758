"""Relay: realtime WebSocket channels, started with one command."""

from relay._version import __version__

__all__ = ["__version__"]
