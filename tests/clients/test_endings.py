"""How connections end when it is not the client that closes them."""

from __future__ import annotations

import signal

import pytest
from clients.hosts import websocket_url


@pytest.fixture
def url(relay, channel):
    return websocket_url(relay, f"/c/{channel}")


def test_shutdown_closes_clients_with_1001(host, start_relay):
    relay = start_relay()
    clients = [host.connect(websocket_url(relay, path)) for path in ("/c/a", "/c/a", "/c/b")]
    for client in clients:
        client.chain(("on", "open"), ("on", "close")).hears("open")
    assert relay.stop(signal.SIGTERM) == 0
    for client in clients:
        client.hears("close")
        end = client.closed()
        assert (end["code"], end["wasClean"]) == (1001, True)


def test_client_survives_a_relay_that_is_gone(node_host, start_relay):
    """The connection is refused; the client hears `close` and can try again.

    Only with `ws`: the WebSocket of Node 20 fires no close event when it is refused.
    """
    relay = start_relay()
    client = node_host("ws").connect(websocket_url(relay, "/c/a")).on("join", "close")
    client.hears("join")
    relay.stop()
    client.hears("close")
    client.closed()
    for _ in range(2):
        client.open().hears("close")
        assert client.closed() == {"code": 1006, "reason": "", "wasClean": False}


@pytest.mark.parametrize("flavour", ["ws", "native"])
def test_process_that_dies_leaves_its_channels(start_node, host, url, flavour):
    witness = host.connect(url).on("join", "leave")
    witness.hears("join")
    with start_node(flavour) as mortal:
        for total in (2, 3):
            mortal.connect(url).joins()
            assert witness.hears("join")["total"] == total
        mortal.kill()
        assert [witness.hears("leave")["total"] for _ in range(2)] == [2, 1]
