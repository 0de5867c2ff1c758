"""The page with a keyboard alone, with a screen reader, on a phone, in the dark."""

from __future__ import annotations

import pytest

CONTRAST = """(() => {
  const parse = color => (color.match(/[\\d.]+/g) ?? []).map(Number)
  const light = ([r, g, b]) => [r, g, b].map(n => n / 255)
    .map(n => n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4)
    .reduce((sum, n, at) => sum + n * [0.2126, 0.7152, 0.0722][at], 0)
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = parse(getComputedStyle(at).backgroundColor)
      if (alpha === 1) return [r, g, b]
    }
  }
  const ratio = element => {
    const [one, other] = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a)
    return (one + 0.05) / (other + 0.05)
  }
  const hasText = element => element.checkVisibility() && ['INPUT', 'TEXTAREA', 'SELECT'].includes(element.tagName)
    || [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())
  return [...document.querySelectorAll('body *')]
    .filter(element => element.checkVisibility() && !element.ariaHidden && hasText(element))
    .map(element => [ratio(element), element.tagName + '.' + element.className + ' ' + element.textContent.slice(0, 30)])
})()"""

INTERACTIVE = {"button", "textbox", "combobox", "radio", "link", "tab", "dialog", "log"}
FEW_PIXELS = [(320, 568), (375, 667), (430, 932), (667, 375)]


@pytest.fixture
def busy_tab(open_tab, home, channel):
    """A channel's page with everything in it that there can be."""
    tab = open_tab().tap().enter(f"{home}c/{channel}?as=Ann")
    tab.receive(
        {"type": "join", "uid": "b" * 12, "alias": "W" * 64, "total": 3, "date": 0},
        {"type": "join", "total": 4, "date": 0},
        {"uid": "b" * 12, "alias": "W" * 64, "date": 1, "message": "x" * 3000},
        {
            "uid": "c" * 12,
            "alias": "two words",
            "date": 1,
            "message": {"key": "y" * 400, "n": [1] * 50},
        },
        {"uid": "c" * 12, "alias": "two words", "date": 1, "message": "words " * 40},
        {"type": "error", "message": "z" * 300, "date": 1},
        {"type": "gap", "missed": 3, "date": 1},
    )
    tab.wait_for_text("#members", "W" * 64)
    tab.say("direct", to="W" * 64)
    tab.wait_for_text(".direct", "direct")
    tab.say("{", mode="json")
    tab.wait_for_text("#trouble", "not JSON")
    tab.evaluate("document.getElementById('banner').hidden = false")
    tab.evaluate(
        "document.getElementById('banner-text').textContent = 'The relay is away. '.repeat(8)"
    )
    tab.complaints.clear()  # the relay knows no such recipient
    return tab


def test_a_visit_by_keyboard(open_tab, home, enter, channel):
    bob = enter("Bob")
    tab = open_tab().show(home)
    assert tab.evaluate("document.activeElement.id") == "channel"
    tab.evaluate("document.activeElement.select()")
    tab.type(channel)
    tab.press("Tab")
    tab.press("Tab")
    tab.type("Ann")
    tab.press("Enter")
    tab.wait_until_joined()
    assert tab.evaluate("document.activeElement.id") == "text"
    tab.type("one")
    tab.press("Enter", shift=True)
    tab.type("two")
    tab.press("Enter")
    bob.hears("one\ntwo")
    tab.press("ArrowUp")
    assert tab.evaluate("document.getElementById('text').value") == "one\ntwo"
    tab.fill("#text", "")
    tab.press("Tab", shift=True)
    tab.press("ArrowRight")
    assert tab.evaluate("document.querySelector('[value=json]').checked")
    tab.press("Tab")
    tab.type('{"by":"keys"}')
    tab.press("Enter")
    bob.hears('{"by": "keys"}')


def test_a_recipient_by_keyboard(enter):
    ann, bob, eve = enter("Ann"), enter("Bob"), enter("Eve")
    ann.wait_for_texts("#members .name", ["Ann", "Bob", "Eve"])
    for _ in range(3):  # the button, oneself, Bob
        ann.press("Tab")
    assert "Bob" in ann.evaluate("document.activeElement.textContent")
    ann.press("Enter")
    assert ann.evaluate("document.activeElement.id") == "text"
    ann.type("psst")
    ann.press("Enter")
    bob.hears("psst")
    bob.say("done")
    eve.hears("done")
    assert eve.messages() == ["done"]


def test_the_programs_by_keyboard(enter):
    tab = enter("Ann")
    tab.evaluate("document.getElementById('show-code').focus()")
    tab.press("Enter")
    tab.wait_for("document.getElementById('code').open")
    shown = "document.querySelector('[role=tabpanel]:not([hidden])').id"
    for key, panel in [
        ("ArrowRight", "node"),
        ("End", "curl"),
        ("ArrowRight", "browser"),
        ("ArrowLeft", "curl"),
        ("Home", "browser"),
        ("ArrowRight", "node"),
    ]:
        tab.press(key)
        assert tab.evaluate(shown) == f"panel-{panel}"
        assert tab.evaluate("document.activeElement.id") == f"tab-{panel}"
    tab.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Copy"
    tab.press("Escape")
    tab.wait_for("!document.getElementById('code').open")
    assert tab.evaluate("document.activeElement.id") == "show-code"


def test_the_link_to_the_message_field(open_tab, home, channel):
    """It moves the focus, and neither leaves the channel nor joins it anew."""
    tab = open_tab().tap().enter(f"{home}c/{channel}")
    tab.evaluate("document.querySelector('.skip').focus()")
    tab.press("Enter")
    tab.wait_for("location.hash === '#text' && document.activeElement.id === 'text'")
    tab.say("still here")
    tab.hears("still here")
    assert tab.evaluate("sockets.length") == 1


def test_focus_can_be_seen(enter):
    tab = enter("Ann")
    seen = "document.activeElement.matches(':focus-visible') && parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
    stops = []
    for _ in range(20):
        tab.press("Tab")
        stops.append(
            tab.evaluate("document.activeElement.id || document.activeElement.textContent")
        )
        if tab.evaluate(
            "document.activeElement === document.body || document.activeElement.name === 'mode'"
        ):
            continue
        assert tab.evaluate(seen) >= 2, stops
    assert {"home", "show-code", "log", "recipient", "text", "send", "leave"} <= set(stops)


def test_everything_has_a_name(busy_tab):
    busy_tab.evaluate(
        "document.querySelectorAll('details').forEach(found => { found.open = true })"
    )
    busy_tab.click("#show-code")
    for _ in range(2):
        tree = busy_tab.call("Accessibility.getFullAXTree")["nodes"]
        nodes = [
            node
            for node in tree
            if node.get("role", {}).get("value") in INTERACTIVE and not node["ignored"]
        ]
        assert len(nodes) > 5
        assert [node for node in nodes if not node.get("name", {}).get("value", "").strip()] == []
        busy_tab.press("Escape")
    roles = {node["role"]["value"] for node in tree if not node["ignored"]}
    assert {"banner", "main", "complementary", "log", "status", "heading"} <= roles


def test_what_a_screen_reader_is_told(enter):
    tab = enter("Ann")
    live = (
        "(id => { const found = document.getElementById(id); return [found.role, found.ariaLive] })"
    )
    assert tab.evaluate(f"{live}('log')") == ["log", "polite"]
    assert tab.evaluate("document.getElementById('status').closest('[role=status]') !== null")
    assert tab.evaluate(f"{live}('trouble')[0]") == "alert"
    assert tab.evaluate("document.documentElement.lang") == "en"
    assert (
        tab.evaluate(
            "[...document.querySelectorAll('h1')].filter(found => found.checkVisibility()).length"
        )
        == 1
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", ["start", "channel", "programs"])
def test_contrast(open_tab, busy_tab, home, scheme, place):
    """WCAG 2.2, 1.4.3, level AA."""
    tab = open_tab().show(home) if place == "start" else busy_tab
    tab.prefer(prefers_color_scheme=scheme)
    if place == "programs":
        tab.click("#show-code")
    ratios = tab.evaluate(CONTRAST)
    assert len(ratios) > 8
    assert [found for found in ratios if found[0] < 4.5] == []


def test_the_dark_is_dark(open_tab, home):
    tab = open_tab().show(home)
    shades = {}
    for scheme in ("light", "dark"):
        tab.prefer(prefers_color_scheme=scheme)
        shades[scheme] = tab.evaluate(
            "Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"
        )
    assert shades["dark"] < 40 < 220 < shades["light"]


@pytest.mark.parametrize(("width", "height"), FEW_PIXELS)
def test_a_phone(open_tab, busy_tab, home, width, height):
    """Nothing is wider than the screen, and what is pressed is large enough to be (WCAG 2.2, 2.5.8)."""
    for tab in (busy_tab, open_tab().show(home)):
        tab.resize(width, height, is_phone=True)
        assert_it_fits(tab, width)
        tab.evaluate("document.getElementById('show-code').click()")
        assert_it_fits(tab, width)
        tab.press("Escape")
    busy_tab.click("#show-members")
    assert_it_fits(busy_tab, width)
    assert busy_tab.evaluate("document.getElementById('show-members').ariaExpanded") == "true"
    busy_tab.click("#members li:nth-child(2) button")
    assert not busy_tab.evaluate("document.getElementById('side').checkVisibility()")


def assert_it_fits(tab, width):
    assert tab.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]
    assert tab.evaluate("document.documentElement.scrollHeight - innerHeight") == 0
    # A bdi may be longer than what cuts it off.
    assert found_in(tab, "!found.matches('.unseen *, bdi') && box.right > innerWidth + 0.5") == []
    pressed = "found.matches('button, select, input:not([type=radio])')"
    assert found_in(tab, f"{pressed} && box.height < 24") == []


def found_in(tab, condition):
    """The visible elements for which this holds."""
    return tab.evaluate(
        "[...document.querySelectorAll('body *')]"
        f".filter((found, at, all, box = found.getBoundingClientRect()) => found.checkVisibility() && {condition})"
        ".map(found => found.outerHTML)"
    )


def test_nothing_moves_for_who_wants_that(open_tab, home, channel):
    tab = open_tab().prefer(prefers_reduced_motion="reduce").enter(f"{home}c/{channel}")
    tab.evaluate("document.getElementById('lamp').dataset.state = 'waiting'")
    lamp = "getComputedStyle(document.getElementById('lamp')).animationName"
    assert tab.evaluate(lamp) == "none"
    tab.prefer(prefers_reduced_motion="no-preference")
    assert tab.evaluate(lamp) == "breathe"


@pytest.mark.parametrize("path", ["", "c/x"])
def test_the_layout_does_not_shift(open_tab, home, path):
    """By the measure of Cumulative Layout Shift, of which less than 0.1 counts as good."""
    tab = open_tab().prepare(
        "window.shift = 0; new PerformanceObserver(list => { for (const entry of list.getEntries()) shift += entry.value })"
        ".observe({ type: 'layout-shift', buffered: true })"
    )
    tab.show(home + path)
    tab.screenshot()
    assert tab.evaluate("shift") < 0.01
