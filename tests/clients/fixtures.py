"""Fixtures with Node processes; a directory's conftest imports the ones it uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import TypeAlias

import pytest
from clients.hosts import NodeHost, websocket_url
from clients.tools import find_node, has_native_websocket
from support.process import RelayProcess

StartNode: TypeAlias = Callable[[str], NodeHost]


@pytest.fixture(scope="package")
def start_node() -> StartNode:
    """Starts a Node process of a flavour; the caller enters its context."""
    node = find_node()

    def start_node(flavour: str) -> NodeHost:
        if flavour == "native" and not has_native_websocket(node):
            pytest.skip("this Node has no WebSocket of its own")
        return NodeHost(node, flavour)

    return start_node


@pytest.fixture(scope="package")
def node_host(start_node: StartNode) -> Iterator[StartNode]:
    """Gives the running Node process of a flavour, and starts it when it is the first to ask."""
    with ExitStack() as stack:
        yield cache(lambda flavour: stack.enter_context(start_node(flavour)))


@pytest.fixture
def channel_url(relay: RelayProcess, channel: str) -> str:
    """An empty channel; a suffix makes another one."""
    return websocket_url(relay, f"/c/{channel}")
