"""The dashboard before an admin listener that lies or is broken: it shows text or a dash, and good answers again afterwards."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from browser.dashboard_page import DashboardPage
from support.admin_stand_in import FIRST_DATE, AdminStandIn, Growing, serve_stand_in, snapshot

NOTHING = "\N{EN DASH}"
MARKUP = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"
OBJECT = {"toString": 1, "valueOf": 1}
COUNTERS = ("messages", "deliveries", "admitted", "bytes_in", "busy_seconds", "cpu_seconds")
GAUGES = ("connections", "channels", "resident_bytes", "max_connections", "open_files", "file_limit")  # fmt: skip
ELEMENTS = "document.querySelectorAll('img, script, style, iframe, b').length"
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


def beginning(value: object) -> str:
    """A name of a case that is not too long."""
    return repr(value)[:12]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[AdminStandIn]:
    with serve_stand_in() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def tab(chromium) -> Iterator[DashboardPage]:
    """Each case opens the page anew in it."""
    tab = DashboardPage(chromium).hurry()
    yield tab
    tab.close()


@pytest.fixture
def dashboard(tab, stand_in) -> Iterator[DashboardPage]:
    """Open on good answers. Markup that came to life, or a script that failed, fails the test."""
    answer_well(stand_in)
    tab.open(stand_in.url)
    tab.wait_for_figure("messages", "7/s")
    elements = tab.evaluate(ELEMENTS)
    yield tab
    answer_well(stand_in)
    tab.wait_for_state("live")
    tab.wait_for_figure("messages", "7/s")
    assert tab.evaluate("window.hacked === undefined")
    assert tab.evaluate(ELEMENTS) == elements
    assert tab.evaluate(FITS)
    assert tab.take_complaints() == []


def answer_well(stand_in: AdminStandIn) -> None:
    stand_in.missing_bytes = 0
    stand_in.answer = Growing({"messages": 7}, worker={"gauges": {"connections": 5}})


def worker_of(value: Any) -> dict[str, Any]:
    return {
        "counters": dict.fromkeys((*COUNTERS, "refused_origin", "closed_1006"), value),
        "gauges": dict.fromkeys(GAUGES, value),
        "backlogs": [value, value],
        "headroom": {"processor": value, "memory": value},
        "histograms": {"turn_seconds": {"bounds": [value], "counts": [value, value]}},
    }


@pytest.mark.parametrize(
    "value",
    ["many", "7", MARKUP, None, True, [], [5], {}, OBJECT, -1, -1e308, 1e308, 2**64 + 2**12, float("nan")],
    ids=beginning,
)  # fmt: skip
def test_what_is_no_number_is_a_dash(dashboard, stand_in, value):
    """NaN is no JSON: such an answer is not understood."""
    stand_in.answer = lambda: (200, snapshot(workers=[worker_of(value)]))
    dashboard.wait_for_figure("connections", NOTHING)
    dashboard.wait_for_figure("headroom", NOTHING)
    assert dashboard.texts(".headroom tbody th, .refusals tbody th, .ranks li") == []


def test_the_largest_numbers_are_figures(dashboard, stand_in):
    stand_in.answer = lambda: (200, snapshot(workers=[worker_of(2**63)]))
    dashboard.wait_for_figure("memory", "8,388,608TiB")
    assert dashboard.evaluate(FITS)


@pytest.mark.parametrize("share", [-0.001, 1.001, "0.5", None, [0.5], 1e308])
def test_a_share_that_is_none_is_left_out(dashboard, stand_in, share):
    worker = {"headroom": {"memory": share, "processor": 0.5, "constructor": 1, "open_files": 0}}
    stand_in.answer = lambda: (200, snapshot(workers=[worker]))
    dashboard.wait_for_figure("headroom", "0%")
    assert dashboard.texts(".headroom tbody th") == ["open files", "processor", "constructor"]


@pytest.mark.parametrize("text", [MARKUP, "x" * 5000, OBJECT, [MARKUP], 7, None, "constructor"], ids=beginning)  # fmt: skip
def test_texts_are_texts(dashboard, stand_in, text):
    name = text if isinstance(text, str) else "__proto__"
    worker = {
        "pid": text,
        "counters": {f"refused_{name}": 1, f"closed_{name}": 1},
        "gauges": {"channels": 41},
        "headroom": {name: 0.5},
    }
    stand_in.answer = lambda: (
        200,
        snapshot(version=text, limits=text, started=text, draining=text, workers=[worker]),
    )
    dashboard.wait_for_figure("channels", "41")
    assert dashboard.evaluate("document.body.dataset.state") == "live"
    assert dashboard.text("#version") == (text[:200] if isinstance(text, str) else "")
    assert dashboard.texts(".closes tbody th") == [name]
    assert dashboard.text(".headroom .value") == "50%"
    assert dashboard.evaluate(FITS)


@pytest.mark.parametrize("error", [MARKUP, OBJECT, [MARKUP], None, "x" * 5000], ids=beginning)  # fmt: skip
@pytest.mark.parametrize("status", [404, 500])
def test_errors_are_texts(dashboard, stand_in, status, error):
    stand_in.answer = lambda: (status, {"error": error})
    told = error[:200] if isinstance(error, str) else "without a reason"
    assert dashboard.wait_for_state("odd").endswith(f": it answers {status}, {told}")
    dashboard.wait_for_figure("connections", NOTHING)
    assert dashboard.evaluate(FITS)


WHOLE = json.dumps(snapshot()).encode()


@pytest.mark.parametrize(
    "body",
    [b"", WHOLE[:-1], WHOLE[:40], b"[]", b"7", b"null", b'"text"', b"{}", MARKUP.encode(), b"\xff\xfe", b"[" * 100_000]
    + [
        json.dumps({**snapshot(), **fields}).encode()
        for fields in (
            {"workers": []}, {"workers": None}, {"workers": "two"}, {"workers": {"0": {}}},
            {"date": None}, {"date": MARKUP}, {"date": 1e308}, {"date": -1},
        )
    ],
    ids=lambda body: repr(body[-24:]),
)  # fmt: skip
def test_what_is_no_answer_is_not_understood(dashboard, stand_in, body):
    stand_in.answer = lambda: (200, body)
    assert dashboard.wait_for_state("odd").startswith("Not understood since ")
    dashboard.wait_for_figure("connections", NOTHING)
    dashboard.wait_for_figure("headroom", NOTHING)


@pytest.mark.parametrize(
    "worker", [None, {}, [], 7, "one", {"counters": MARKUP, "gauges": [1], "histograms": 1}]
)
def test_workers_that_tell_nothing(dashboard, stand_in, worker):
    stand_in.answer = lambda: (
        200,
        {"date": FIRST_DATE, "workers": [worker, worker]},
    )
    dashboard.wait_for_figure("connections", NOTHING)
    assert dashboard.evaluate("document.body.dataset.state") == "live"


def test_two_thousand_workers(dashboard, stand_in):
    """All count; lines there are of some."""
    stand_in.answer = lambda: (
        200,
        snapshot(workers=[{"worker": i, "gauges": {"connections": 2}} for i in range(2000)]),
    )
    dashboard.wait_for_figure("connections", "4,000")
    assert len(dashboard.texts(".connections .legend .name")) == 33


def test_names_that_always_change(dashboard, stand_in):
    """The table has a row for some of them, and there are colours for the first and one for the rest."""
    count = itertools.count()

    def answer():
        i = next(count)
        counters = {f"refused_{name}": 5 for name in range(60 * i, 60 * i + 60)}
        return 200, snapshot(workers=[{"counters": counters, "gauges": {"channels": i}}])

    stand_in.answer = answer
    dashboard.wait_for_figure("channels", "5")
    assert len(dashboard.texts(".refusals tbody tr")) == 50
    swatches = "[...document.querySelectorAll('.refusals tbody .swatch')].map(node => node.style.backgroundColor)"
    colours = dashboard.evaluate(swatches)
    assert len(set(colours)) == 6
    assert len(set(colours[5:])) == 1


def test_connections_that_end_before_the_answer(dashboard, stand_in):
    stand_in.missing_bytes = 1
    assert dashboard.wait_for_state("silent").startswith("No answer since ")
    dashboard.wait_for_figure("connections", NOTHING)


def test_an_answer_that_does_not_come(dashboard, stand_in):
    may_end = threading.Event()
    stand_in.answer = lambda: (may_end.wait(60), (200, snapshot()))[1]
    try:
        assert dashboard.wait_for_state("silent").startswith("No answer since ")
        dashboard.wait_for_figure("connections", NOTHING)
    finally:
        may_end.set()


def test_a_token_that_is_asked_for_without_need(dashboard, stand_in):
    stand_in.answer = lambda: (401, MARKUP.encode())
    dashboard.wait_for_state("token")
    answer_well(stand_in)
    dashboard.evaluate("document.getElementById('token').focus()")
    dashboard.enter("open-sesame-0123456789")
