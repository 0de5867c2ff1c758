"""The buttons that copy a line, in browsers that let a page copy and in those that do not; and keys, which are in no line."""

from __future__ import annotations

import pytest

NO_CLIPBOARD = "delete Navigator.prototype.clipboard"
NO_COPYING = NO_CLIPBOARD + "; document.execCommand = () => false"
COPIED = "document.addEventListener('copy', () => { window.copied = String(getSelection()) })"


@pytest.fixture
def open_lines(open_tab, home, channel):
    """Opens the lines of a channel's page on which a script ran first."""

    def open_lines(script=""):
        tab = open_tab().prepare(script).enter(f"{home}c/{channel}?as=Ann")
        tab.click("#show-code")
        return tab

    return open_lines


def test_it_is_in_the_clipboard(open_lines, home):
    tab = open_lines()
    tab.call(
        "Browser.setPermission",
        permission={"name": "clipboard-read"},
        setting="granted",
        origin=home.rstrip("/"),
    )
    tab.click("#panel-browser .copy")
    tab.wait_for_texts("#copied", ["Copied."])
    assert tab.text("#panel-browser .copy") == "Copied"
    [line, _] = tab.texts("#panel-browser code")
    assert tab.evaluate("navigator.clipboard.readText()") == line
    tab.wait_for_texts("#panel-browser .copy", ["Copy", "Copy"])


def test_a_page_without_a_clipboard(open_lines):
    tab = open_lines(NO_CLIPBOARD + ";" + COPIED)
    tab.evaluate("document.querySelector('#panel-browser .copy').focus()")
    tab.press("Enter")
    tab.wait_for_texts("#copied", ["Copied."])
    assert tab.evaluate("copied") == tab.texts("#panel-browser code")[0]
    assert tab.evaluate("document.activeElement.textContent") == "Copied"
    assert tab.evaluate("document.querySelectorAll('#code textarea').length") == 0


def test_a_browser_that_lets_no_page_copy(open_lines):
    tab = open_lines(NO_COPYING)
    tab.click("#panel-browser .copy")
    tab.wait_for_text("#copied", "The line is selected")
    assert tab.evaluate("String(getSelection())") == tab.texts("#panel-browser code")[0]
    assert tab.text("#panel-browser .copy") == "Copy"


def test_keys_are_placeholders(open_tab, home, channel):
    tab = open_tab().show(home)
    tab.fill("#channel", channel)
    tab.click("details summary")
    tab.fill("#join-key", "correct horse")
    tab.fill("#send-key", "battery staple")
    tab.click("#show-code")
    lines = tab.texts("#code code")
    assert all("JOIN_KEY" in line for line in lines)
    assert (
        sum("SEND_KEY" in line for line in lines) == len(lines) - 1
    )  # who only listens needs none
    assert not [line for line in lines if "correct" in line or "staple" in line]
    tab.press("Escape")
    tab.click("#open .primary")
    tab.wait_until_joined()
    assert "orrect" not in tab.evaluate("location.href")


def test_without_keys_there_are_none(open_lines):
    assert not [line for line in open_lines().texts("#code code") if "_KEY" in line]
