"""Nothing that others send can become markup in the page, run, load anything, or turn the text around it."""

from __future__ import annotations

import json

import pytest
from support.member import Visitors

HOSTILE = {
    "image": "<img src=x onerror=alert(1)>",
    "script": "</script><script>alert(2)</script>",
    "closing": '"></bdi></div><svg/onload=alert(3)>',
    "attribute": "' autofocus onfocus='alert(4)",
    "url": "javascript:alert(5)//",
    "entity": "&lt;b&gt;&#x3c;i>",
    "template": "${alert(6)} {{alert(7)}} <%=8%>",
    "link": '<a href="https://example.org/" ping="https://example.org/">x</a>',
    "styled": "<style>*{display:none}</style><link rel=stylesheet href=//example.org/x>",
    "turned": "\u202eabc\u2066\u2067def",
    "marks": "e" + "\u0301" * 40,
    "wide": "\ufdfd\u2028\u2029\ufeff",
}
ALLOWED = {"ARTICLE", "BDI", "BUTTON", "DIV", "LI", "OPTION", "P", "PRE", "SPAN", "TIME"}

EVERYWHERE = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


def assert_it_is_text(tab):
    """Whatever stands where foreign text goes is an element of the page's own making."""
    for place in (
        "#log",
        "#members",
        "#recipient",
        "#place bdi",
        "#room-title",
        "#banner-text",
        "#trouble",
    ):
        found = tab.evaluate(
            f"[...new Set([...document.querySelectorAll({json.dumps(place + ' *')})].map(found => found.tagName))]"
        )
        assert set(found) <= ALLOWED
    assert tab.evaluate("document.scripts.length") == 1
    assert tab.evaluate("document.styleSheets.length") == 1
    assert tab.dialogs == []


@EVERYWHERE
def test_an_alias(enter, visit: Visitors, channel, text):
    tab = enter("Ann")
    alias = visit.join(channel, as_=text, announce="true").joined["alias"]
    assert len(alias) > 1
    tab.wait_for_texts("#members .name", ["Ann", alias])
    tab.wait_for_text(".note bdi", alias)
    assert_it_is_text(tab)


@EVERYWHERE
def test_a_message(enter, visit: Visitors, channel, text):
    tab, member = enter("Ann"), visit.join(channel, as_=text)
    member.send_text(json.dumps(text), json.dumps({text: [text]}), json.dumps([text] * 30))
    tab.hears(text)
    tab.wait_for("document.querySelectorAll('.message').length === 3")
    assert json.loads(tab.messages()[1]) == {text: [text]}
    assert_it_is_text(tab)


@EVERYWHERE
def test_a_channel(open_tab, home, text):
    tab = open_tab().show(home)
    tab.fill("#channel", text)
    tab.click("#open .primary")
    tab.wait_until_joined()
    assert tab.evaluate("document.getElementById('channel-name').textContent") == text
    assert_it_is_text(tab)


@EVERYWHERE
def test_one_s_own_name(open_tab, home, channel, text):
    tab = open_tab().show(home)
    tab.fill("#channel", channel)
    tab.fill("#name", text)
    tab.click("#open .primary")
    tab.wait_until_joined()
    tab.say(text)
    tab.hears(text)
    assert_it_is_text(tab)


@EVERYWHERE
def test_an_error(enter, text):
    """Of an unknown recipient, which the relay's error repeats."""
    tab = enter("Ann")
    tab.evaluate(
        f"""(select => {{
          const option = document.createElement('option')
          option.value = {json.dumps(text)}
          select.append(option)
          select.value = option.value
          select.dispatchEvent(new Event('change', {{ bubbles: true }}))
        }})(document.getElementById('recipient'))"""
    )
    tab.fill("#text", "hello")
    tab.press("Enter")
    tab.wait_for_text(".problem", text)
    assert_it_is_text(tab)


@EVERYWHERE
def test_what_only_a_hostile_relay_sends(open_tab, home, channel, text):
    tab = open_tab().tap().enter(f"{home}c/{channel}")
    who = {"uid": text, "alias": text}
    tab.receive(
        {"type": "join", **who, "total": 2, "date": 1},
        {"id": text, **who, "date": text, "message": text},
        {"type": "leave", "uid": text, "total": 1, "date": None},
        {"type": "error", "message": text, "date": 1},
        {"type": text, "message": text},
        {"type": "toString"},
        {"type": "gap", "missed": 3, "date": 1},
    )
    tab.wait_for_text(".problem", "3 messages were left out")
    assert_it_is_text(tab)


@EVERYWHERE
def test_its_direction_ends_with_it(enter, visit: Visitors, channel, text):
    tab, member = enter("Ann"), visit.join(channel, as_=text)
    member.send_text(json.dumps(text), json.dumps([text]))
    tab.wait_for("document.querySelectorAll('.message').length === 2")
    for selector in ("#channel-name", ".who bdi", ".message .text > div", ".message .json pre"):
        style = f"getComputedStyle(document.querySelector({json.dumps(selector)}))"
        assert tab.evaluate(f"{style}.unicodeBidi") in ("isolate", "plaintext")


def test_a_script_cannot_make_markup_of_text(open_tab, home):
    """Were there a mistake in the page, its policy would still hold: no markup from strings, no inline script, no other host."""
    tab = open_tab().show(home)
    markup = "document.body.innerHTML = '<b>bold</b>'"
    assert (
        tab.evaluate(f"(() => {{ try {{ {markup} }} catch (error) {{ return error.name }} }})()")
        == "TypeError"
    )
    inline = "(script => { script.append('window.ran = true'); document.body.append(script) })(document.createElement('script'))"
    tab.evaluate(f"(() => {{ try {{ {inline} }} catch {{ }} }})()")
    assert tab.evaluate("window.ran") is None
    assert (
        tab.evaluate("fetch('https://example.invalid/').catch(error => error.name)") == "TypeError"
    )
    assert "Content Security Policy" in " ".join(tab.complaints)
    tab.complaints.clear()
