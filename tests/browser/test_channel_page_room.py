"""What there is room for: long lines in the message field, long names and many members beside the log."""

from __future__ import annotations

import pytest

MANY = 300
IN_SIGHT = "(box => box.height > 0 && box.bottom <= innerHeight)(document.querySelector({!r}).getBoundingClientRect())"
ROWS = "document.getElementById('text').rows"
FITS = "(field => field.scrollHeight <= field.clientHeight)(document.getElementById('text'))"


@pytest.fixture
def tab(open_tab, home, channel):
    return open_tab().tap().enter(f"{home}c/{channel}?as=Ann")


def joins(count):
    return [
        {
            "type": "join",
            "uid": f"uid-{n:08}",
            "alias": f"Member number {n}",
            "total": n + 2,
            "date": 1,
        }
        for n in range(count)
    ]


def test_the_message_field_grows_with_a_long_line(tab):
    assert tab.evaluate(ROWS) == 1
    tab.fill("#text", "words " * 60)
    tab.wait_for(f"{ROWS} > 1 && {ROWS} < 8 && {FITS}")
    rows = tab.evaluate(ROWS)
    tab.resize(700, 800)
    tab.wait_for(f"{ROWS} > {rows} && {FITS}")
    tab.fill("#text", "words " * 2000)
    tab.wait_for(f"{ROWS} === 8")
    tab.press("Enter")
    tab.wait_for(f"{ROWS} === 1")


@pytest.mark.parametrize("mode", ["text", "json"])
def test_an_empty_field_is_one_row_on_a_small_phone(tab, mode):
    tab.resize(320, 640)
    tab.click(f".mode label:has([value={mode}])")
    assert tab.evaluate(ROWS) == 1
    assert tab.evaluate(FITS)


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (360, 720)])
def test_a_long_list_hides_nothing_below_it(tab, width, height):
    tab.resize(width, height)
    tab.receive(*joins(MANY))
    tab.wait_for_text("#count", f"{MANY + 1}")
    if width < 800:
        tab.click("#show-members")
    tab.wait_for(IN_SIGHT.format("#leave"))
    tab.evaluate("document.querySelector('#members li:last-child button').focus()")
    tab.wait_for(IN_SIGHT.format("#members li:last-child"))
    assert tab.evaluate(IN_SIGHT.format("#leave"))


def test_a_low_window_scrolls_all_of_the_side(tab):
    tab.resize(1280, 500)
    tab.receive(*joins(MANY))
    tab.wait_for_text("#count", f"{MANY + 1}")
    tab.evaluate("document.getElementById('leave').focus()")
    tab.wait_for(IN_SIGHT.format("#leave"))


def test_a_uid_gives_way_to_a_name(tab):
    tab.receive(*joins(MANY))
    tab.wait_for_text("#members", "Member number 111")
    assert not tab.evaluate(
        "[...document.querySelectorAll('#members .name')].some(name => name.scrollWidth > name.clientWidth)"
    )
    title = tab.evaluate("document.querySelector('#members li:last-child button').title")
    assert title == "Send to Member number 198 only (uid-00000198)"
