"""What two answers say together. The table of cases is the dashboard's, too (tests/browser/test_dashboard_rates.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.admin_stand_in import snapshot

from relay.commands.rates import Histogram, has_restarted, moment_of, quantile, read_snapshot

CASES = json.loads(Path(__file__).with_name("rate_cases.json").read_text())


def encoded(fields: dict[str, Any]) -> bytes:
    return json.dumps(snapshot(**{"started": 0, **fields})).encode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_cases(case: dict[str, Any]) -> None:
    before = read_snapshot(encoded(case["before"])) if case["before"] else None
    after = read_snapshot(encoded(case["after"]))
    total = moment_of(before, after).total
    assert total.rates == (None if case["rates"] is None else pytest.approx(case["rates"]))
    assert total.gauges == case["gauges"]
    assert total.headroom == pytest.approx(case.get("headroom", {}))
    assert [quantile(total.turns, q) for q in (0.5, 0.99)] == pytest.approx(
        [case["p50"], case["p99"]]
    )
    assert (before is not None and has_restarted(before, after)) is case["restarted"]


def test_each_worker_has_its_figures() -> None:
    workers = [
        {"worker": i, "pid": i, "counters": {"turns": 10 * i}, "backlogs": [i, 1]} for i in (1, 2)
    ]
    before = read_snapshot(
        encoded({"date": 0, "workers": [{**worker, "counters": {}} for worker in workers]})
    )
    moment = moment_of(before, read_snapshot(encoded({"date": 1000, "workers": workers})))
    assert {number: figures.rates for number, figures in moment.workers.items()} == {
        1: {"turns": 10},
        2: {"turns": 20},
    }
    assert moment.total.worker_count == 2
    assert moment.total.backlogs == [2, 1, 1, 1]


def test_of_several_workers_the_one_counts_that_has_least_left() -> None:
    left = [{"processor": 0.5, "memory": 0.25}, {"processor": 0.125, "memory": 0.75}, {}]
    workers = [{"worker": i, "headroom": each} for i, each in enumerate(left)]
    moment = moment_of(None, read_snapshot(encoded({"workers": workers})))
    assert moment.total.headroom == {"processor": 0.125, "memory": 0.25}
    assert [moment.workers[i].headroom for i in range(3)] == left


def test_a_share_that_is_none_is_left_out() -> None:
    shares = {"a": -0.001, "b": 0.0, "c": 1.0, "d": 1.001}
    moment = moment_of(None, read_snapshot(encoded({"workers": [{"headroom": shares}]})))
    assert moment.total.headroom == {"b": 0.0, "c": 1.0}


@pytest.mark.parametrize(
    "histogram",
    [None, Histogram([], []), Histogram([1.0], [0, 0]), Histogram([], [0])],
)
def test_quantile_of_nothing(histogram: Histogram | None) -> None:
    assert quantile(histogram, 0.5) is None


def test_histograms_that_are_cut_differently_are_not_compared() -> None:
    def answer(counts: list[int], date: int) -> bytes:
        return encoded({"date": date, "workers": [{"turns": counts}]})

    before, after = read_snapshot(answer([1, 1, 1], 0)), read_snapshot(answer([2, 2], 1000))
    assert moment_of(before, after).total.turns is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok\n",
        b"[]",
        b"{}",
        b'"\xff"',
        b"[" * 100_000,
        json.dumps(snapshot(workers=[])).encode(),
        json.dumps(snapshot(date=1e300)).encode(),
        json.dumps(snapshot(date=-1)).encode(),
        json.dumps(snapshot(started=-1e300)).encode(),
        json.dumps({**snapshot(), "date": "now"}).encode(),
        encoded({"workers": [{"counters": {"messages": "many"}}]}),
    ],
)
def test_what_is_no_answer_of_a_relay(body: bytes) -> None:
    with pytest.raises(ValueError, match="expected the figures of a relay"):
        read_snapshot(body)
