"""The dashboard before an admin listener whose figures the test decides: states, rates, workers, gaps, hostile texts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browser.dashboard_page import DashboardPage
from support.admin_stand_in import AdminStandIn, Growing, serve_stand_in, snapshot

NOTHING = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
HOSTILE = "<img src=x onerror=violations.push('ran')><b>\u202eup"
WORKERS = [
    {"messages": 250, "deliveries": 5000, "bytes_in": 2048, "busy_seconds": 0.25},
    {"messages": 50, "deliveries": 1000, "bytes_in": 1024, "busy_seconds": 0.75},
]


@pytest.fixture
def stand_in() -> Iterator[AdminStandIn]:
    with serve_stand_in() as stand_in:
        yield stand_in


@pytest.fixture
def dashboard(chromium, stand_in) -> Iterator[DashboardPage]:
    """A tab that is not open on it yet; a script that failed, or was kept from something, fails the test."""
    page = DashboardPage(chromium).hurry()
    yield page
    assert page.close() == []


def test_rates_are_those_of_the_counters(dashboard, stand_in):
    stand_in.answer = Growing(
        {
            "messages": 250,
            "published": 6,
            "deliveries": 6000.5,
            "admitted": 3,
            "bytes_in": 3 * 2**20,
            "bytes_out": 1536,
            "busy_seconds": 0.125,
            "cpu_seconds": 1.5,
            "kicked": 2,
            "blocks": 1,
        },
        worker={
            "gauges": {
                "connections": 1204,
                "channels": 17,
                "streams": 4,
                "resident_bytes": 2**26,
                "max_connections": 19_000,
            }
        },
    )
    dashboard.open(stand_in.url)
    for card, figure in {
        "connections": "1,204",
        "channels": "17",
        "streams": "4",
        "messages": "256/s",
        "deliveries": "6,001/s",
        "joins": "3/s",
        "bytes-in": "3.0MiB/s",
        "bytes-out": "1.5KiB/s",
        "loop": "12.5%",
        "cpu": "150%",
        "memory": "64.0MiB",
        "kicks": "2/s",
        "blocks": "1/s",
        "refusals": "0/s",
    }.items():
        dashboard.wait_for_figure(card, figure)
    assert dashboard.text(".connections .note") == "room for 19,000"
    assert dashboard.text(".refusals .note") == "Nothing was refused."
    assert dashboard.text("#version") == "1.2.3"
    assert dashboard.wait_for_state("live") == "Live"


def test_refusals_and_close_codes_are_told_apart(dashboard, stand_in):
    stand_in.answer = Growing(
        {"refused_origin": 1, "refused_join_key": 3, "closed_1001": 5, "closed_1006": 1}
    )
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("refusals", "4/s")
    dashboard.wait_for_figure("closes", "6/s")
    assert dashboard.texts(".refusals tbody th") == ["join key", "origin"]
    assert dashboard.texts(".closes tbody th") == ["1001 going away", "1006 no close frame"]
    assert dashboard.texts(".closes tbody td:nth-of-type(1)") == ["5", "1"]


def test_turn_times_come_from_what_was_counted_in_between(dashboard, stand_in):
    """Nothing of what was counted before the page was opened."""
    counts = iter(range(1, 1000))
    grow = Growing({"turns": 20})

    def answer():
        status, value = grow()
        done = 10 * next(counts)
        value["workers"][0]["histograms"] = {
            "turn_seconds": {"bounds": [0.001, 0.002], "counts": [done, 5000, done], "sum": 1}
        }
        return status, value

    stand_in.answer = answer
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("turns", "2ms")
    assert dashboard.texts(".turns .amount") == ["2 ms", "1 ms"]
    assert dashboard.text(".turns .note") == "20 turns/s"


def test_the_worst_readers_are_ranked(dashboard, stand_in):
    stand_in.answer = Growing(
        {}, {}, worker={"backlogs": [4096, 1024], "gauges": {"backlogged": 3}}
    )
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("backlog", "4.0KiB")
    assert dashboard.texts(".ranks .amount") == ["4.0 KiB", "4.0 KiB", "1.0 KiB", "1.0 KiB"]
    assert dashboard.evaluate("document.querySelectorAll('.ranks .bar')[2].style.width") == "25%"
    assert dashboard.text(".backlog .note") == "members who read too slowly 6"


def test_several_workers_and_all_together(dashboard, stand_in):
    stand_in.answer = Growing(*WORKERS)
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("messages", "300/s")
    assert dashboard.texts(".messages .legend .name") == ["all", "worker 0", "worker 1"]
    assert dashboard.texts(".messages .legend .amount") == ["300/s", "250/s", "50/s"]
    assert dashboard.texts(".loop .legend .amount") == ["50 %", "25 %", "75 %"]


def test_what_ends_first_and_how_much_is_left(dashboard, stand_in):
    left = {"processor": 0.75, "memory": 0.995, "connections": 1, "open_files": 0.5}
    stand_in.answer = Growing({}, worker={"headroom": left})
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("headroom", "50%")
    assert dashboard.text(".headroom .note") == "open files end first"
    assert dashboard.texts(".headroom thead th") == ["Resource", "left", "load may grow to"]
    assert dashboard.texts(".headroom tbody th") == [
        "open files",
        "processor",
        "memory",
        "connections",
    ]
    assert dashboard.texts(".headroom tbody td") == [
        *("50 %", f"2.0 {TIMES}"),
        *("75 %", f"4.0 {TIMES}"),
        *("99.5 %", f"100 {TIMES}"),
        *("100 %", NOTHING),
    ]
    dashboard.focus(".headroom .plot")
    spoken = dashboard.evaluate(
        "document.querySelector('.headroom .plot').getAttribute('aria-valuetext')"
    )
    assert spoken == "50 % now"


def test_of_several_workers_the_least_headroom_counts(dashboard, stand_in):
    stand_in.answer = lambda: (
        200,
        snapshot(
            workers=[
                {"worker": 0, "headroom": {"processor": 0.75, "memory": 0.5}},
                {"worker": 1, "headroom": {"processor": 0.125, "memory": 0.625}},
            ]
        ),
    )
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("headroom", "12.5%")
    assert dashboard.text(".headroom .note") == "processor ends first"
    assert dashboard.texts(".headroom .legend .name") == ["least", "worker 0", "worker 1"]
    assert dashboard.texts(".headroom .legend .amount") == ["12.5 %", "50 %", "12.5 %"]


@pytest.mark.parametrize("headroom", [None, {}, [], {"memory": "much"}, {HOSTILE: 0.5}])
def test_headroom_that_is_not_told_or_odd(dashboard, stand_in, headroom):
    stand_in.answer = Growing({"messages": 3}, worker={"headroom": headroom})
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("messages", "3/s")
    is_told = headroom == {HOSTILE: 0.5}
    dashboard.wait_for_figure("headroom", "50%" if is_told else NOTHING)
    assert dashboard.texts(".headroom tbody th") == ([HOSTILE] if is_told else [])
    assert dashboard.evaluate("document.querySelector('.headroom table').hidden") is not is_told


def test_one_worker_needs_no_legend(dashboard, stand_in):
    stand_in.answer = Growing(WORKERS[0])
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("messages", "250/s")
    assert dashboard.evaluate("document.querySelector('.messages .legend').hidden")


def test_counters_that_begin_again_are_no_negative_rates(dashboard, stand_in):
    stand_in.answer = Growing({"messages": 5000}, started=1)
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("messages", "5,000/s")
    stand_in.answer = Growing({"messages": 40}, started=2)
    dashboard.wait_for_figure("messages", NOTHING)
    dashboard.wait_for_figure("messages", "40/s")
    assert not [
        text
        for text in dashboard.evaluate("[...seen]")
        if re.search("[-\N{MINUS SIGN}] ?[0-9]", text)
    ]


def test_a_relay_that_is_away_and_comes_back(dashboard, stand_in):
    stand_in.answer = Growing({"messages": 7}, worker={"gauges": {"connections": 5}})
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("messages", "7/s")
    stand_in.answer = lambda: (500, b"")
    assert re.fullmatch(
        r"Not understood since \d\d:\d\d:\d\d: it answers 500, without JSON",
        dashboard.wait_for_state("odd"),
    )
    dashboard.wait_for_figure("connections", NOTHING)
    stand_in.answer = Growing({"messages": 8})
    dashboard.wait_for_state("live")
    dashboard.wait_for_figure("messages", "8/s")


@pytest.mark.parametrize(
    "answer", [b"ok", b"[]", b'{"workers":[]}', b"null", b'{"date":1,"workers":[null]}']
)
def test_answers_that_make_no_sense(dashboard, stand_in, answer):
    stand_in.answer = lambda: (200, answer)
    dashboard.open(stand_in.url)
    if b"null]" in answer:
        dashboard.wait_for_state("live")
        dashboard.wait_for_figure("connections", NOTHING)
    else:
        dashboard.wait_for_state("odd")


def test_draining(dashboard, stand_in):
    stand_in.answer = Growing({}, draining=True)
    dashboard.open(stand_in.url)
    assert dashboard.wait_for_state("draining") == "Draining: everyone is being closed"
    assert dashboard.text("#announcement") == dashboard.text("#state-text")


def test_what_the_relay_says_is_never_markup(dashboard, stand_in):
    stand_in.answer = Growing(
        {f"refused_{HOSTILE}": 1, f"closed_{HOSTILE}": 1}, version=HOSTILE, limits=HOSTILE
    )
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("refusals", "1/s")
    assert dashboard.text("#version") == HOSTILE
    assert dashboard.texts(".closes tbody th") == [HOSTILE]
    stand_in.answer = lambda: (503, {"error": HOSTILE})
    assert dashboard.wait_for_state("odd").endswith(HOSTILE)
    assert (
        dashboard.evaluate(
            "document.querySelectorAll('main img, header img:not([alt=\"\"]), b').length"
        )
        == 0
    )


def test_a_token_is_asked_for_and_kept_for_the_tab_only(dashboard, stand_in):
    stand_in.token = "open-sesame-0123456789"
    stand_in.answer = Growing({"messages": 3})
    dashboard.open(stand_in.url)
    dashboard.wait_for_state("token")
    assert dashboard.evaluate("document.activeElement.id") == "token"
    dashboard.enter("tökens")
    dashboard.wait_for_text("#token-note", "A token is made of printable ASCII, without spaces.")
    dashboard.evaluate("document.getElementById('token').value = ''")
    dashboard.enter("not-it")
    dashboard.wait_for_text("#token-note", "This token is not the one.")
    asked = stand_in.asked
    dashboard.enter(stand_in.token)
    dashboard.wait_for_state("live")
    assert stand_in.asked > asked
    assert dashboard.evaluate("document.getElementById('token-form').hidden")
    assert dashboard.evaluate(
        "[localStorage.length, document.cookie, location.href.includes('sesame')]"
    ) == [0, "", False]
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("messages", "3/s")
    assert dashboard.evaluate("document.getElementById('token-form').hidden")


def test_nothing_is_asked_while_it_is_hidden(dashboard, stand_in):
    """A time that is a gap afterwards."""
    stand_in.answer = Growing({"messages": 3})
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("messages", "3/s")
    cover = dashboard.hide()
    told = "answers.length"
    # timers of the page that were set before these run before these; an answer may be on its way when the tab is covered
    before = dashboard.evaluate(f"new Promise(done => setTimeout(() => done({told}), 1000))")
    after = dashboard.evaluate(f"new Promise(done => setTimeout(() => done({told}), 2000))")
    assert before == after
    dashboard.show()
    dashboard.wait(f"{told} > {after}")
    cover.close()


def test_the_keyboard_goes_back_in_time(dashboard, stand_in):
    numbers = iter(range(1, 10_000))
    stand_in.answer = lambda: (200, snapshot(workers=[{"gauges": {"connections": next(numbers)}}]))
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("connections", "4")
    dashboard.focus(".connections .plot")
    dashboard.press("Home")
    dashboard.wait_for_figure("connections", "1")
    assert dashboard.text("#moment").endswith(" ago")
    dashboard.press("ArrowRight")
    dashboard.wait_for_figure("connections", "2")
    spoken = dashboard.evaluate(
        "document.querySelector('.connections .plot').getAttribute('aria-valuetext')"
    )
    assert re.fullmatch(r"2  at \d\d:\d\d:\d\d", spoken)
    dashboard.press("Escape")
    dashboard.wait("Number(document.querySelector('.connections .number').textContent) > 4")


def test_the_pointer_goes_back_in_time_on_all_charts(dashboard, stand_in):
    numbers = iter(range(1, 10_000))
    stand_in.answer = lambda: (
        200,
        snapshot(workers=[{"gauges": {"connections": next(numbers), "channels": 9}}]),
    )
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("connections", "3")
    dashboard.move_pointer(".channels .plot", 0.99)
    dashboard.wait("document.body.classList.contains('looking-back')")
    dashboard.move_pointer(".channels .plot", 0.02)
    dashboard.wait_for_text("#moment", "no answer then")
    assert dashboard.text(".connections .number") == NOTHING
    dashboard.move_pointer("h1", 0.5)
    dashboard.wait("!document.body.classList.contains('looking-back')")
    dashboard.move_pointer(".channels .plot", 0.99)
    dashboard.focus(".channels .plot")
    dashboard.press("Home")
    dashboard.wait_for_figure("connections", "1")
    dashboard.move_pointer("h1", 0.5)  # leaves alone what the keys have chosen
    assert dashboard.text(".connections .number") == "1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_it_fits_and_can_be_read(dashboard, stand_in, scheme, width):
    """No sideways scrolling, and the colours of texts have the contrast that WCAG 2.2 asks for (1.4.3)."""
    stand_in.answer = Growing(*WORKERS, worker={"backlogs": [9]})
    dashboard.set_size(width, 900)
    dashboard.emulate(prefers_color_scheme=scheme)
    dashboard.open(stand_in.url)
    dashboard.wait_for_figure("messages", "300/s")
    assert dashboard.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    assert dashboard.evaluate(CONTRASTS) == []


CONTRASTS = """
(() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number)
  const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
  const ground = node => {
    const colour = getComputedStyle(node).backgroundColor
    return colour === 'rgba(0, 0, 0, 0)' && node.parentElement ? ground(node.parentElement) : colour
  }
  const poor = []
  for (const node of document.querySelectorAll('h1, h2, h3, .note, .unit, .number, .name, .amount, dt, dd, #moment, button')) {
    if (!node.textContent || !node.offsetParent) continue
    const [one, other] = [getComputedStyle(node).color, ground(node)].map(parse).map(light)
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    if (contrast < 4.5) poor.push(`${node.className || node.tagName} ${node.textContent} ${contrast.toFixed(2)}`)
  }
  return poor
})()
"""


def test_without_motion(dashboard, stand_in):
    stand_in.answer = lambda: (500, b"")
    dashboard.emulate(prefers_reduced_motion="reduce")
    dashboard.open(stand_in.url)
    dashboard.wait_for_state("odd")
    assert dashboard.evaluate("document.getAnimations().length") == 0
