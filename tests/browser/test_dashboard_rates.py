"""The sums of the dashboard, in the browser: rates by the table that `relay top` is tested with, gaps, and scales."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.dashboard_page import DashboardPage
from support.admin_stand_in import serve_stand_in, snapshot

CASES = json.loads((Path(__file__).parents[1] / "monitoring/rate_cases.json").read_text())

SUMS = """
(async (before, after) => {
  const { figuresOf, hasRestarted, quantile, readSnapshot } = await import('/assets/dashboard-rates.js')
  const [former, latter] = [before && readSnapshot(before), readSnapshot(after)]
  const { total } = figuresOf(former, latter)
  return {
    rates: total.rates,
    gauges: total.gauges,
    headroom: total.headroom,
    p50: quantile(total.turns, 0.5),
    p99: quantile(total.turns, 0.99),
    restarted: Boolean(former && hasRestarted(former, latter))
  }
})(%s, %s)
"""


@pytest.fixture(scope="module")
def page(chromium) -> Iterator[DashboardPage]:
    with serve_stand_in() as stand_in:
        page = DashboardPage(chromium).open(stand_in.url)
        yield page
        assert page.close() == []


def sums(page: DashboardPage, before: dict[str, Any] | None, after: dict[str, Any]) -> Any:
    def whole(fields):
        return json.dumps(fields and snapshot(**{"started": 0, **fields}))

    return page.evaluate(SUMS % (whole(before), whole(after)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_cases(page, case):
    found = sums(page, case["before"], case["after"])
    for name in ("rates", "gauges", "restarted"):
        assert found[name] == case[name], name
    assert found["headroom"] == pytest.approx(case.get("headroom", {}))
    assert [found["p50"], found["p99"]] == pytest.approx([case["p50"], case["p99"]])


@pytest.mark.parametrize(("seconds", "is_known"), [(9.999, True), (10, True), (10.001, False)])
def test_a_step_that_is_too_long_is_no_rate(page, seconds, is_known):
    answers = [
        {"date": date, "workers": [{"counters": {"turns": 5}}]} for date in (0, 1000 * seconds)
    ]
    assert (sums(page, *answers)["rates"] is not None) is is_known


def chart(page: DashboardPage, expression: str) -> Any:
    """`at` makes a history of samples at these times, those below 0 without an answer."""
    return page.evaluate(
        "import('/assets/dashboard-chart.js').then(({ History, gapsOf, piecesOf }) => {"
        "const at = (...times) => times.map(time => ({ time: Math.abs(time), figures: time < 0 ? null : { value: time } }));"
        "const read = ({ value }) => value === 7000 ? null : value;"
        f"return {expression} }})"
    )


@pytest.mark.parametrize(
    ("times", "pieces"),
    [
        ("1000, 2000, 4500", 1),
        ("1000, 2000, 4501", 2),
        ("1000, -2000, 3000", 2),
        ("6000, 7000, 8000", 2),
        ("-1000", 0),
        ("", 0),
    ],
)
def test_lines_end_at_a_gap(page, times, pieces):
    assert chart(page, f"piecesOf(at({times}), read).length") == pieces


@pytest.mark.parametrize(
    ("times", "end", "gaps"),
    [
        ("1000, 2000", 3000, []),
        ("1000, 2000", 4500, []),
        ("1000, 2000", 4501, [[2000, 4501]]),
        ("1000, -2000, 3000", 3500, [[1000, 3000]]),
        ("1000, 2000, -3000", 3200, [[2000, 3200]]),
        ("-1000, 2000", 3000, []),
    ],
)
def test_gaps_are_times_without_an_answer(page, times, end, gaps):
    assert chart(page, f"gapsOf(at({times}), {end})") == gaps


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        ("1000, 2000, 3000, 4000", [2000, 3000, 4000]),
        (
            "1000, 2000, 3000, 1500",
            [1000, 1500],
        ),  # a clock that was set back takes what is later with it
    ],
)
def test_a_history_keeps_its_span(page, times, kept):
    expression = f"at({times}).reduce((history, sample) => (history.add(sample), history), new History(2000))"
    assert chart(page, f"{expression}.samples.map(({{ time }}) => time)") == kept


@pytest.mark.parametrize(
    ("samples", "marks", "kept"),
    [
        ("1000, 2000, 3000, 4000", "1000, 1999, 2000, 4000", [2000, 4000]),
        ("1000, 2000, 1500", "1000, 1800, 2000", [1000]),  # the clock was set back
        ("", "1000", []),
    ],
)
def test_marks_are_kept_as_long_as_samples(page, samples, marks, kept):
    """A page that stays open for weeks does not gather restarts."""
    expression = f"at({samples}).reduce((history, sample) => (history.add(sample), history), new History(2000))"
    assert chart(page, f"{expression}.within([{marks}])") == kept


def test_an_answer_of_many_names_is_cut(page):
    names = {f"refused_{i}": i + 1 for i in range(3000)}
    worker = {"counters": names, "gauges": names, "backlogs": [1] * 3000}
    read = "import('/assets/dashboard-rates.js').then(({ readSnapshot }) => readSnapshot(%s).workers[0])"
    found = page.evaluate(read % json.dumps(snapshot(workers=[worker])))
    assert [len(found[name]) for name in ("counters", "gauges", "backlogs")] == [500, 500, 100]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("joined(rate(0.03))", "0.03/s"),
        ("joined(count(1234567))", "1.23 M"),
        ("joined(bytes(1023))", "1,023 B"),
        ("joined(byteRate(1024))", "1.0 KiB/s"),
        ("joined(share(0.125))", "12.5 %"),
        ("joined(seconds(0.00005))", "50 µs"),
        ("joined(seconds(null))", "\N{EN DASH}"),
        ("span(90061)", "1 d 1 h"),
        ("span(0)", "0 s"),
        ("ceiling(0, 10)", 10),
        ("ceiling(10.1, 10)", 15),
        ("ceiling(0.3, 0.1)", pytest.approx(0.3)),
        ("ceiling(1025, 1024, true)", 2048),
    ],
)
def test_quantities(page, call, text):
    found = page.evaluate(
        "import('/assets/dashboard-units.js')"
        f".then(({{ bytes, byteRate, ceiling, count, joined, rate, seconds, share, span }}) => {call})"
    )
    assert found == text
