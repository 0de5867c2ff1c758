"""How the page tells of its connection: why it ended, when it comes back, what a key has to do with it."""

from __future__ import annotations

import pytest
from support.member import Visitors


@pytest.fixture
def enter_at(start_relay, open_tab):
    """Opens a tab, tapped, with a channel's page on another relay, which ends after the tab does."""
    return lambda relay: open_tab().tap().enter(address_of(relay) + "c/room?as=Ann")


def address_of(relay):
    host, port = relay.address
    return f"http://{host}:{port}/"


def test_a_relay_that_restarts(enter_at, start_relay):
    relay = start_relay()
    tab = enter_at(relay)
    _, port = relay.address
    relay.stop()
    tab.wait_for_text("#banner-text", "The relay")
    tab.wait_for_texts("#status", ["Not connected"])
    tab.wait_for_text("#banner-text", "The relay cannot be reached.")
    tab.fill("#text", "meanwhile")
    tab.press("Enter")
    tab.wait_for_text("#trouble", "Not connected: the message stays here")
    back = start_relay("--port", str(port))
    assert back.address == relay.address
    tab.click("#retry")
    tab.wait_until_joined()
    tab.wait_for_text(".note", "Connected again; nobody else is here yet.")
    assert tab.evaluate("document.getElementById('banner').hidden")
    tab.click("#send")
    tab.hears("meanwhile")
    tab.complaints.clear()  # a browser logs every connection that fails


def test_it_comes_back_by_itself(enter_at, start_relay):
    """Here after a message too large: the message is told of, and what is written next goes out."""
    tab = enter_at(start_relay("--max-message", "1KiB"))
    tab.say("x" * 2000)
    tab.wait_for_text("#banner-text", "A message was larger than this relay accepts")
    tab.wait_for_text(".note", "Connected again")
    tab.say("short")
    tab.hears("short")


def test_a_recipient_does_not_survive_it(enter_at, start_relay):
    """Who is back has another uid: what is for the old one must not go to all."""
    relay = start_relay("--max-message", "1KiB")
    ann, bob = enter_at(relay), enter_at(relay)
    bob.fill("#own-name", "Bob")
    bob.press("Enter")
    ann.wait_for_text("#members", "Bob")
    bob.wait_until_joined()
    ann.choose_recipient("Bob")
    bob.say("x" * 2000)
    ann.wait_for_text("#recipient option:checked", "Bob (left)")
    ann.say("x" * 2000)
    ann.wait_for_text("#trouble", "Bob has left")
    assert ann.evaluate("sockets.length") == 1


def test_a_kick_is_final(enter_at, start_relay):
    flags = ("--message-rate", "1", "--message-burst", "1", "--kick-after", "1")
    tab = enter_at(start_relay(*flags))
    tab.evaluate(
        "window.flood = setInterval(() => sockets.at(-1).readyState === WebSocket.OPEN && sockets.at(-1).send('1'), 10)"
    )
    tab.wait_for_text(".problem", "rate limit exceeded")
    tab.wait_for_text("#banner-text", "The relay closed this connection: ")
    tab.evaluate("clearInterval(flood)")
    assert tab.text("#status") == "Closed"
    assert tab.evaluate("sockets.length") == 1
    tab.click("#retry")
    tab.wait_until_joined()


def test_a_join_key(enter, open_tab, home, visit: Visitors, channel):
    visit.join(channel, joinKey="correct horse")
    tab = open_tab().show(f"{home}c/{channel}")
    tab.wait_for_text("#banner-text", "The channel may need a join key")
    assert tab.evaluate("document.getElementById('own-keys').open")
    tab.fill("#own-join-key", "correct horse")
    tab.press("Enter")
    tab.wait_until_joined()
    assert "correct" not in tab.evaluate(
        "location.href + document.body.innerText + JSON.stringify(localStorage)"
    )
    assert "correct" not in tab.evaluate(
        "JSON.stringify(sessionStorage) + JSON.stringify(history.state)"
    )
    tab.complaints.clear()  # the refused connection


def test_a_send_key(open_tab, home, visit: Visitors, channel):
    member = visit.join(channel, sendKey="battery staple")
    tab = open_tab().show(home)
    tab.fill("#channel", channel)
    tab.press("Enter")
    tab.wait_until_joined()
    tab.say("mute")
    tab.wait_for_text(".problem", "send key")
    tab.wait_for_text("#unnamed", "1 not announced")  # it moves what is below it
    tab.click("#own-keys summary")
    tab.fill("#own-send-key", "battery staple")
    tab.press("Enter")
    tab.wait_for("document.querySelectorAll('.note').length > 1")
    tab.wait_until_joined()
    tab.say("spoken")
    tab.hears("spoken")
    assert "mute" not in [event.get("message") for event in member.settle()]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (1001, "shutting down or restarting"),
        (1011, "failed inside"),
        (1013, "too slow to keep up"),
        (4321, "(code 4321)"),
    ],
)
def test_codes_in_words(open_tab, home, channel, code, text):
    tab = open_tab().tap().enter(f"{home}c/{channel}")
    tab.evaluate(f"sockets.at(-1).onclose({{ code: {code}, reason: '' }})")
    tab.wait_for_text("#banner-text", text)
    tab.wait_for_text(".note", "Connected again")


def test_a_page_that_is_left_is_no_member(open_tab, home, visit: Visitors, channel):
    member = visit.join(channel)
    tab = open_tab().enter(f"{home}c/{channel}?as=Ann")
    member.receive_total(2)
    tab.show(home)
    member.receive_total(1)
    tab.evaluate("history.back()")
    member.receive_total(2)
    tab.wait_until_joined()


@pytest.mark.parametrize(
    ("missed", "text"),
    [(1234, "1,234 messages were left out"), (None, "Some messages may have been left out.")],
)
def test_gaps(open_tab, home, channel, missed, text):
    tab = open_tab().tap().enter(f"{home}c/{channel}")
    tab.receive({"type": "gap", "missed": missed, "date": 1})
    tab.wait_for_text(".problem", text)
