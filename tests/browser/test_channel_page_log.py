"""The log: how much of it there is, what of a long message is shown, and when it moves."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def tab(open_tab, home, channel):
    return open_tab().tap().enter(f"{home}c/{channel}")


def messages(count, text="message"):
    return [{"uid": "u", "date": n, "message": f"{text} {n}"} for n in range(count)]


@pytest.mark.parametrize(("count", "entries"), [(498, 499), (499, 500), (500, 500), (1300, 500)])
def test_it_is_bounded(tab, count, entries):
    """One entry is one's own join."""
    tab.receive(*messages(count))
    tab.hears(f"message {count - 1}")
    assert tab.evaluate("document.getElementById('log').childElementCount") == entries


def test_it_stays_where_one_reads(tab):
    log = "document.getElementById('log')"
    at_end = f"{log}.scrollHeight - {log}.scrollTop - {log}.clientHeight < 2"
    tab.receive(*messages(100))
    tab.hears("message 99")
    assert tab.evaluate(at_end)
    assert tab.evaluate("document.getElementById('newer').hidden")
    tab.evaluate(f"{log}.scrollTop = 40")
    tab.receive(*messages(1, "late"))
    tab.wait_for("!document.getElementById('newer').hidden")
    assert tab.evaluate(f"{log}.scrollTop") == 40
    tab.click("#newer")
    tab.wait_for(at_end)
    assert tab.evaluate("document.getElementById('newer').hidden")


def test_it_follows_a_window_that_gets_smaller(tab):
    log = "document.getElementById('log')"
    tab.receive(*messages(100))
    tab.wait_for(f"{log}.scrollTop > 0")
    tab.resize(1200, 500)
    tab.wait_for(f"{log}.scrollHeight - {log}.scrollTop - {log}.clientHeight < 2")


@pytest.mark.parametrize(("size", "is_cut"), [(1499, False), (1500, False), (1501, True)])
def test_long_text_is_cut(tab, size, is_cut):
    whole = "x" * size
    tab.receive({"uid": "u", "date": 1, "message": whole})
    tab.wait_for("document.querySelector('.message')")
    [shown] = tab.messages()
    assert (shown == whole) is not is_cut
    assert len(shown) <= 1501
    if is_cut:
        assert tab.texts(".more") == ["Show all 1,501 characters"]
        tab.click(".more")
        tab.hears(whole)
        assert tab.texts(".more") == []


@pytest.mark.parametrize(("lines", "is_cut"), [(23, False), (24, False), (25, True)])
def test_many_lines_are_cut(tab, lines, is_cut):
    tab.receive({"uid": "u", "date": 1, "message": "\n".join(["x"] * lines)})
    tab.wait_for("document.querySelector('.message')")
    assert tab.evaluate("document.querySelectorAll('.more').length") == is_cut


def test_a_pair_of_surrogates_is_not_cut_in_two(tab):
    tab.receive({"uid": "u", "date": 1, "message": "x" * 1499 + "👋" * 10})
    tab.wait_for("document.querySelector('.message')")
    assert tab.messages() == ["x" * 1499 + "…"]


def test_who_goes_on_is_not_named_again(tab):
    first, second = {"uid": "a", "alias": "Ann"}, {"uid": "b", "alias": "Bob"}
    tab.receive(
        {**first, "date": 0, "message": 1},
        {**first, "date": 60_000, "message": 2},
        {**second, "date": 60_001, "message": 3},
        {**first, "date": 60_002, "message": 4},
        {**first, "date": 180_002, "message": 5},
    )
    tab.hears("5")
    follows = "[...document.querySelectorAll('.message')].map(found => found.classList.contains('follows'))"
    assert tab.evaluate(follows) == [False, True, False, False, False]


JSON = {
    "{}": "{}",
    "[ ]": "[]",
    '{"a":[1,2],"b":null}': '{"a": [1, 2], "b": null}',
    '"a\\"b{[,:]}"': None,
    "[1e400,-0,1.10]": "[1e400, -0, 1.10]",
    '{"a":1,"a":2}': '{"a": 1, "a": 2}',
    json.dumps({"long": "x" * 70, "list": [1, 2], "none": []}): (
        '{\n  "long": "' + "x" * 70 + '",\n  "list": [1, 2],\n  "none": []\n}'
    ),
    json.dumps(["{[" * 30, ":,]" * 30]): ('[\n  "' + "{[" * 30 + '",\n  "' + ":,]" * 30 + '"\n]'),
    "[" * 900 + "]" * 900: None,
}


@pytest.mark.parametrize("payload", JSON, ids=range(len(JSON)))
def test_json_is_shown_as_it_was_sent(tab, payload):
    tab.evaluate(
        f'sockets.at(-1).onmessage({{ data: \'{{"uid":"u","date":1,"message":\' + {json.dumps(payload)} + \'}}\' }})'
    )
    tab.wait_for("document.querySelector('.message')")
    for more in tab.texts(".more"):
        assert more.startswith("Show all")
        tab.click(".more")
    [shown] = tab.messages()
    assert JSON[payload] in (None, shown)
    if not payload.startswith('"'):
        assert "".join(shown.split()) == "".join(payload.split())


def test_deep_messages_are_kept_as_they_came(tab):
    """Indented, each of these has more than two million characters."""
    deep = "[" * 32_000 + "]" * 32_000
    envelope = f'{{"uid":"u","date":1,"message":{deep}}}'
    for _ in range(60):
        tab.evaluate(f"sockets.at(-1).onmessage({{ data: {json.dumps(envelope)} }})")
    tab.wait_for("document.querySelectorAll('.message').length === 60")
    tab.call("HeapProfiler.collectGarbage")
    assert tab.call("Runtime.getHeapUsage")["usedSize"] < 60e6
    tab.evaluate("document.querySelector('.more').click()")
    assert len(tab.messages()[0]) > 2_000_000
    assert "".join(tab.messages()[0].split()) == deep
