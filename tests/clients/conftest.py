"""The running relay, and where the clients under test live."""

from collections.abc import Iterator

import pytest
from clients.fixtures import StartNode, channel_url, node_host, start_node
from clients.hosts import Host
from support.fixtures import channel, relay, start_relay

__all__ = ["channel", "channel_url", "node_host", "relay", "start_node", "start_relay"]


@pytest.fixture(params=["ws", "native"])
def host(request: pytest.FixtureRequest, node_host: StartNode) -> Iterator[Host]:
    host = node_host(request.param)
    yield host
    host.close_clients()
