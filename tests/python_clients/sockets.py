"""Reconnecting sockets on networks made up."""

from __future__ import annotations

from typing import Any

import trio

from python_clients.fake_network import FakeNetwork
from relay.client.reconnecting import ReconnectingWebSocket

URL = "ws://relay.test/room"


def socket_on(network: FakeNetwork, url: Any = URL, **options: Any) -> ReconnectingWebSocket:
    protocols = options.pop("protocols", None)
    return ReconnectingWebSocket(url, protocols, transport=network.open, **options)


async def to_the_end(socket: ReconnectingWebSocket) -> list[Any]:
    """Every message until the socket is closed for good."""
    with trio.fail_after(1000):
        return [message async for message in socket]
