"""Pages that chat, come and go."""

from __future__ import annotations

import signal

import pytest
from clients.hosts import websocket_url


@pytest.fixture
def page(open_page):
    return open_page()


@pytest.fixture
def witness(node_host, channel_url):
    """A Node client that hears who comes and goes."""
    host = node_host("ws")
    witness = host.connect(channel_url).on("join", "leave")
    witness.hears("join")
    yield witness
    host.close_clients()


def chat(one, other):
    for client in (one, other):
        client.on("message").joins()
    for turn in range(5):
        one.send({"turn": turn})
        assert other.hears("message")["message"] == {"turn": turn}
        other.send({"turn": turn, "reply": "👋"})
        assert one.hears("message")["message"] == {"turn": turn, "reply": "👋"}


def test_two_pages_chat(open_page, channel_url):
    chat(open_page().connect(channel_url), open_page().connect(channel_url))


@pytest.mark.parametrize("flavour", ["ws", "native"])
def test_page_and_node_chat(page, node_host, flavour, channel_url):
    chat(page.connect(channel_url), node_host(flavour).connect(channel_url))


def test_page_and_old_client_chat(page, node_host, relay, channel, channel_url):
    old_url = websocket_url(relay, f"/r/{channel}")
    chat(page.connect(channel_url), node_host("ws").connect(old_url, legacy=True))


def test_two_browsers_exchange_direct_messages(start_chromium, open_page, node_host, channel_url):
    bystander = node_host("ws").connect(channel_url).on("message")
    bystander.joins()
    one, other = (
        open_page(browser).connect(channel_url, {"echo": True, "as": name}).on("message")
        for browser, name in ((start_chromium(), "one"), (start_chromium(), "other"))
    )
    one_uid, other_uid = one.joins()["uid"], other.joins()["uid"]
    for turn in range(5):
        one.send(["to other", turn], other_uid)
        received = other.hears("message")
        assert (received["message"], received["uid"]) == (["to other", turn], one_uid)
        assert received["alias"] == "one"
        other.send(["to one", turn], received["uid"])
        received = one.hears("message")
        assert (received["message"], received["uid"]) == (["to one", turn], other_uid)
    one.send("for all")
    for client in (one, other, bystander):
        assert client.hears("message")["message"] == "for all"


def test_reload_is_a_leave_and_a_new_page_can_join(page, witness, channel_url):
    first_uid = page.connect(channel_url).joins()["uid"]
    assert witness.hears("join")["total"] == 2
    page.reload()
    assert witness.hears("leave")["total"] == 1
    assert page.connect(channel_url).joins()["uid"] != first_uid
    assert witness.hears("join")["total"] == 2


def test_page_that_closes_when_hidden_leaves_when_it_is_navigated_away(
    page, page_url, witness, channel_url
):
    """Without `pagehide` Chromium keeps the page, and its connection, in the back/forward cache."""
    client = page.connect(channel_url)
    client.chain(("open",), ("closeOnPagehide",)).joins()
    assert witness.hears("join")["total"] == 2
    page.visit(page_url + "?elsewhere")
    assert witness.hears("leave")["total"] == 1


def test_closing_the_tab_is_a_leave(chromium, page_url, witness, channel_url):
    page = chromium.new_page().visit(page_url)
    for total in (2, 3):
        page.connect(channel_url).joins()
        assert witness.hears("join")["total"] == total
    page.close()
    assert [witness.hears("leave")["total"] for _ in range(2)] == [2, 1]


def test_shutdown_closes_pages_with_1001(open_page, start_relay):
    relay = start_relay()
    url = websocket_url(relay, "/c/a")
    clients = [open_page().connect(url).on("close") for _ in range(2)]
    for client in clients:
        client.joins()
    assert relay.stop(signal.SIGTERM) == 0
    for client in clients:
        client.hears("close")
        end = client.closed()
        assert (end["code"], end["wasClean"]) == (1001, True)


def test_page_returns_to_a_relay_that_comes_back_elsewhere(open_page, start_relay):
    """What an application does after 1001: a new connection, here to the relay that took over."""
    page = open_page()
    relay = start_relay()
    page.connect(websocket_url(relay, "/c/a")).joins()
    relay.stop()
    assert page.connect(websocket_url(start_relay(), "/c/a")).joins()["total"] == 1
