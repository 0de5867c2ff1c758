"""The page of a channel: who is there, what is said, to everyone and to one."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest
from support.member import Visitors

NAMES = [
    "a/b",
    "a:b@c,d",
    "watching//",
    "/",
    "日本",
    "two words",
    "100%",
    "%zz",
    "%41",
    "what?#&=+",
    'it\'s "so"',
    "back\\slash",
    "a/../b",
    "../..",
    "./x",
    "..%2f",
    "👋🏽",
    "",
]


def uid_of(tab):
    return tab.text("#own-uid")


def test_two_pages_chat(enter):
    ann, bob = enter("Ann"), enter("Bob")
    ann.say("Good morning")
    bob.hears("Good morning")
    bob.say('{"celsius":11.4,"big":12345678901234567890}', mode="json")
    for tab in (ann, bob):
        tab.hears('{"celsius": 11.4, "big": 12345678901234567890}')
        assert tab.messages()[0] == "Good morning"
    assert ann.texts(".message .who") == ["Ann", "Bob"]
    assert ann.texts(".message .head .uid") == [uid_of(ann), uid_of(bob)]
    assert bob.texts(".own .who") == ["Bob"]


def test_text_is_text_however_it_looks(enter, visit: Visitors, channel):
    tab, member = enter(), visit.join(channel)
    tab.wait_for_text(".note", "joined")
    for text in ('{"a":1}', "null", "@@all@@hi", '"quoted"', "line one\nline two"):
        tab.say(text)
        assert member.receive_message() == text
        tab.hears(text)


def test_json_goes_out_as_it_is_written(enter, visit: Visitors, channel):
    tab, member = enter(), visit.join(channel)
    tab.wait_for_text(".note", "joined")
    tab.say('  {"b" : 1e400, "2": 0.10 , "1":"\\u00e9"} ', mode="json")
    assert b'"message":{"b" : 1e400, "2": 0.10 , "1":"\\u00e9"}}' in member.receive_text()
    tab.hears('{"b": 1e400, "2": 0.10, "1": "\\u00e9"}')


@pytest.mark.parametrize("text", ["{", "undefined", "{'a': 1}", "1 2", '"a', "[1,]"])
def test_what_is_no_json_is_not_sent(enter, visit: Visitors, channel, text):
    tab, member = enter(), visit.join(channel)
    tab.wait_for_text(".note", "joined")
    tab.say(text, mode="json")
    tab.wait_for_text("#trouble", "This is not JSON, so it was not sent.")
    assert tab.evaluate("document.getElementById('text').value") == text
    assert tab.evaluate("document.getElementById('text').ariaInvalid") == "true"
    tab.fill("#text", '"mended"')
    assert tab.text("#trouble") == ""
    tab.press("Enter")
    assert member.receive_message() == "mended"


def test_what_is_published_over_http_cannot_be_answered(enter, open_tab, home, channel):
    tab = enter("Ann")
    for query, name in (("", "No name"), ("?as=Sensor", "Sensor")):
        posted = f"fetch('/c/{channel}{query}', {{ method: 'POST', body: '\"by {name}\"' }})"
        assert tab.evaluate(f"{posted}.then(found => found.status)") == 200
        tab.hears(f"by {name}")
    assert tab.texts(".message .who") == ["No name", "Sensor"]
    assert tab.texts(".message .head .uid") == ["over HTTP", "over HTTP"]
    assert tab.texts(".message .head button") == []
    assert tab.texts(".follows") == []  # there is no telling whether it is the same sender


def test_a_direct_message_is_seen_by_two_alone(enter):
    ann, bob, eve = enter("Ann"), enter("Bob"), enter("Eve")
    ann.say("only for you", to="Bob")
    bob.hears("only for you")
    ann.hears("only for you")
    assert ann.texts(".direct .tag") == ["only to Bob"]
    ann.choose_recipient("Ann")  # oneself: back to everyone
    ann.say("for all")
    eve.hears("for all")
    bob.hears("for all")
    assert eve.messages() == ["for all"]
    assert bob.messages() == ["only for you", "for all"]


def test_a_message_for_who_has_left_goes_to_nobody(enter):
    ann, bob, eve = enter("Ann"), enter("Bob"), enter("Eve")
    ann.choose_recipient("Bob")
    bob.click("#leave")
    ann.wait_for_text("#recipient option:checked", "Bob (left)")
    ann.fill("#text", "a secret")
    ann.press("Enter")
    ann.wait_for_text("#trouble", "Bob has left.")
    ann.evaluate("document.getElementById('recipient').value = ''")
    ann.evaluate(
        "document.getElementById('recipient').dispatchEvent(new Event('change', {bubbles: true}))"
    )
    ann.fill("#text", "in the open")
    ann.press("Enter")
    eve.hears("in the open")
    assert eve.messages() == ["in the open"]


def test_who_is_here(enter, visit: Visitors, channel):
    ann = enter("Ann")
    ann.wait_for_texts("#members .name", ["Ann"])
    bob = enter("Bob")
    ann.wait_for_text("#members", "Bob")
    bob.wait_for_texts("#members .name", ["Bob", "Ann"])  # oneself first
    unnamed = visit.join(channel)
    ann.wait_for_text("#unnamed", "1 not announced")
    ann.wait_for_texts("#count", ["3"])
    nameless = enter()
    ann.wait_for_text("#members", uid_of(nameless))
    bob.click("#leave")
    ann.wait_for_text(".note", "Bob left")
    unnamed.leave()
    ann.wait_for_text(".note", "without a name left")
    ann.wait_for("document.getElementById('count').textContent === '2'")
    ann.wait_for_texts("#members .name", ["Ann", uid_of(nameless)])
    ann.wait_for_texts("#unnamed", [""])


def test_comings_without_a_name_are_one_note(enter, visit: Visitors, channel):
    tab = enter("Ann")
    for _ in range(3):
        visit.join(channel).leave()
    tab.wait_for_text(".note", "3 without a name joined, 3 without a name left · 1 here")
    assert len(tab.texts(".note")) == 2


@pytest.mark.parametrize("name", NAMES)
def test_names_of_channels(open_tab, home, visit: Visitors, name):
    """A page that is given a name and a program that joins by it meet; and so does who opens the page's address."""
    tab = open_tab().show(home)
    tab.fill("#channel", name)
    tab.click("#open .primary")
    tab.wait_until_joined()
    assert tab.text("#channel-name") == (name or "(no name)")
    member = visit.join(name)
    tab.wait_for_text(".note", "1 without a name joined · 2 here")
    other = open_tab().enter(tab.evaluate("location.href"))
    assert other.text("#channel-name") == (name or "(no name)")
    tab.say("met")
    other.hears("met")
    assert member.receive_through(lambda event: event.get("message") == "met")


def test_a_name_that_is_no_utf8_is_kept_as_it_is(open_tab, home, visit: Visitors):
    tab = open_tab().enter(f"{home}c/%ff%fe-{'x' * 9}")
    member = visit.enter(f"/c/%FF%FE-{'x' * 9}")
    assert member.joined["total"] == 2
    tab.wait_for_text(".note", "2 here")


@pytest.mark.parametrize("name", [".", ".."])
def test_names_that_browsers_take_for_directions(open_tab, home, name):
    tab = open_tab().show(home)
    tab.fill("#channel", name)
    tab.press("Enter")
    tab.wait_for_text("#channel-trouble", "cannot open a channel of that name")
    assert tab.evaluate("location.pathname") == "/"


@pytest.mark.parametrize(("size", "opens"), [(511, True), (512, True), (513, False)])
def test_long_names(open_tab, home, size, opens):
    tab = open_tab().show(home)
    tab.fill("#channel", "ä" * (size // 2) + "x" * (size % 2))
    tab.press("Enter")
    if opens:
        tab.wait_until_joined()
    else:
        tab.wait_for_text("#channel-trouble", "at most 512 bytes")


def test_back_and_forward(open_tab, home, channel):
    tab = open_tab().show(home)
    for name in (channel, f"{channel}/b"):
        tab.fill("#channel", name)
        tab.press("Enter")
        tab.wait_until_joined()
        tab.click("#home")
        tab.wait_for("document.body.dataset.view === 'start'")
    tab.evaluate("history.back()")
    tab.wait_for_text("#channel-name", f"{channel}/b")
    tab.wait_until_joined()
    tab.wait_for_texts("#count", ["1"])
    tab.evaluate("history.go(-2)")
    tab.wait_for(f"document.getElementById('channel-name').textContent === {json.dumps(channel)}")
    tab.wait_until_joined()
    tab.evaluate("history.forward()")
    tab.wait_for("document.body.dataset.view === 'start'")
    assert unquote(tab.evaluate("location.pathname")) == "/"


def test_what_is_remembered(open_tab, home, channel):
    tab = open_tab().show(home)
    tab.fill("#channel", channel)
    tab.fill("#name", "Ann")
    tab.press("Enter")
    tab.wait_until_joined()
    tab.show(home)
    assert tab.evaluate("document.getElementById('channel').value") == channel
    assert tab.evaluate("document.getElementById('name').value") == "Ann"


def test_names_are_suggested(open_tab, home):
    tab = open_tab().show(home)
    first = tab.evaluate("document.getElementById('channel').value")
    assert tab.wait_for("/^[a-z]+-[a-z2-9]{6}$/.test(document.getElementById('channel').value)")
    tab.click("#suggest")
    tab.wait_for(f"document.getElementById('channel').value !== {json.dumps(first)}")


def test_another_name(enter):
    ann, bob = enter("Ann"), enter("Bob")
    bob.fill("#own-name", "Robert")
    bob.press("Enter")
    ann.wait_for_text(".note", "Robert joined")
    bob.wait_until_joined()
    ann.wait_for_texts("#members .name", ["Ann", "Robert"])
    assert "as=" not in bob.evaluate("location.href")


def test_no_request_to_others(enter, home):
    tab = enter("Ann")
    assert {url.split("/c/")[0] + "/" for url in tab.requests if "/c/" in url} == {home}
    assert all(url.startswith(home) for url in tab.requests)


@pytest.mark.parametrize("others", [199, 200, 5000])
def test_oneself_is_first_among_many(open_tab, home, channel, others):
    tab = open_tab().tap().enter(f"{home}c/{channel}")
    users = [{"uid": f"u{number}", "alias": f"n{number}"} for number in range(others)]
    users.append({"uid": "me", "alias": "Ann", "self": True})
    total = len(users)
    tab.receive(
        {"type": "join", "self": True, "uid": "me", "users": users, "total": total, "date": 1}
    )
    tab.wait_for_text("#count", f"{total:,}")
    assert tab.texts("#members .name")[:2] == ["Ann", "n0"]
    assert len(tab.texts("#members .name")) == 200
