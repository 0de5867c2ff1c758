"""The figures of a report, and the same as text: what follows from what was counted."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from relay._load import CloseReport, Interval, Latency, StalledReport
from relay.bench.figures import curve, figures_of
from relay.bench.measured import MeasuredOpening
from relay.bench.page import page_of
from relay.bench.text import amount, ms, text_of

from .results import NOTHING, RESULT, result_with

# What programs that read the report rely on: a name that goes, or changes its meaning, needs another `schema`.
NAMES = {
    *("schema", "relay_version", "started_at", "machine.hardware", "machine.system"),
    *(
        f"plan.{name}"
        for name in ("url", "protocol", "channels", "members", "senders", "connections")
    ),
    *("plan.loop", "plan.rate_per_second", "plan.in_flight_per_channel", "plan.payload_bytes"),
    *("plan.seconds", "plan.warm_up_seconds", "plan.churn_per_second", "plan.slow_readers"),
    *("plan.source_addresses", "verdict.is_valid", "verdict.text", "verdict.notes"),
    *(f"connecting.{name}" for name in ("opened", "seconds", "per_second", "server_cpu_us_each")),
    *(f"messages.{name}" for name in ("offered", "sent", "unsent", "sent_per_second", "seconds")),
    *(f"deliveries.{name}" for name in ("expected", "delivered", "per_second", "ratio", "lost")),
    *(f"deliveries.{name}" for name in ("duplicated", "reordered", "stale", "unexpected")),
    *(f"deliveries.{name}" for name in ("echoed", "of_other_channels", "fragments")),
    "deliveries.reserved_bits",
    *("deliveries.received_bytes", "latency_ms.worst_receiver_number", "latency_ms.curve"),
    *(f"events.{name}" for name in ("joins", "leaves", "errors", "rate_limited", "other", "pings")),
    *(f"connections.{name}" for name in ("ended_by_server", "close_codes", "close_codes_at_end")),
    "connections.failed_by_generator",
    *("churn", "slow_readers", "server.pid", "server.cpu_share", "server.waited_share"),
    *("server.cpu_us_per_delivery", "server.resident_bytes_per_connection"),
    *("generator.cpu_share", "generator.waited_share", "generator.reads", "generator.writes"),
    *(
        f"{where}.{name}"
        for where in (
            "connecting.latency_ms",
            "latency_ms.all",
            "latency_ms.worst_receiver",
            "generator.lateness_ms",
        )
        for name in ("samples", "p50", "p90", "p99", "p99_9", "max")
    ),
    *("time_line", "receivers_ms"),
}


def names_in(figures: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in figures.items():
        if (
            isinstance(value, Mapping)
            and "close_codes" not in name
            and name != "failed_by_generator"
        ):
            yield from names_in(value, f"{before}{name}.")
        else:
            yield before + name


def test_the_names_are_those_that_programs_rely_on() -> None:
    figures = json.loads(json.dumps(figures_of(RESULT)))
    assert set(names_in(figures)) == NAMES
    assert figures["schema"] == 1
    for each in figures["time_line"]:
        assert set(each) == {
            *(
                "at_seconds",
                "sent_per_second",
                "deliveries_per_second",
                "p50_ms",
                "p99_ms",
                "max_ms",
            )
        }
    assert set(figures["receivers_ms"][0]) == {
        "number",
        "samples",
        "p50",
        "p90",
        "p99",
        "p99_9",
        "max",
    }


def test_figures_that_are_computed() -> None:
    figures = figures_of(RESULT)
    assert figures["messages"]["sent_per_second"] == 20
    assert figures["deliveries"]["per_second"] == 200
    assert figures["deliveries"]["ratio"] == 1
    assert figures["server"]["cpu_us_per_delivery"] == pytest.approx(2000)
    assert figures["server"]["cpu_share"] == pytest.approx(0.4)
    assert figures["server"]["resident_bytes_per_connection"] == 1000
    assert figures["connecting"]["server_cpu_us_each"] == pytest.approx(40)
    assert figures["generator"]["cpu_share"] == pytest.approx(0.2)


def test_the_worst_receiver_has_the_highest_p99() -> None:
    latency = figures_of(RESULT)["latency_ms"]
    assert latency["worst_receiver_number"] == 2
    assert latency["worst_receiver"]["p99"] == 5
    nobody = figures_of(result_with(receivers=(NOTHING, NOTHING)))["latency_ms"]
    assert nobody["worst_receiver"] is None


def test_receivers_are_in_the_order_of_their_p99() -> None:
    assert [each["number"] for each in figures_of(RESULT)["receivers_ms"]] == [1, 3, 2]


def test_waiting_for_what_is_lost_does_not_lower_the_rate() -> None:
    silent = (Interval(7.0, 2.0, 0, 0, 0.0, 0.0, 0.0),)
    intervals = RESULT.run.report.intervals + silent  # type: ignore[union-attr]
    figures = figures_of(result_with(seconds=7.0, intervals=intervals, lost=1))
    assert figures["deliveries"]["per_second"] == 200
    assert figures["messages"]["sent_per_second"] == 20


def test_close_codes_while_it_ran_and_at_the_end() -> None:
    result = replace(
        result_with(close_codes={1008: 2}, dropped=2),
        closing=CloseReport({1000: 498, 1008: 2, 1006: 1}, StalledReport(0, {}, 0), {}),
    )
    connections = figures_of(result)["connections"]
    assert connections["ended_by_server"] == 2
    assert connections["close_codes"] == {"1008": 2}
    assert connections["close_codes_at_end"] == {"1000": 498, "1006": 1}


def test_churn_and_slow_readers_are_told_when_there_were_any() -> None:
    plan = replace(RESULT.plan, churn=10.0, stalled=3)
    result = replace(
        result_with(plan=plan, left=50, returned=48, not_returned=1, late_visits=1),
        closing=CloseReport({1000: 500}, StalledReport(3, {1013: 2}, 1), {}),
    )
    figures = figures_of(result)
    assert figures["churn"]["returned_per_second"] == pytest.approx(9.6)
    assert figures["slow_readers"] == {
        "connections": 3,
        "told_of_gap": 1,
        "closed_by_server": 2,
        "close_codes": {"1013": 2},
    }
    text = text_of(figures)
    assert "50 left, 48 returned, 1 refused, 1 late" in text
    assert "3; closed by the server 2 (2 with 1013), told of a gap 1" in text


def test_nothing_is_made_up_of_what_was_not_looked_at() -> None:
    opening = replace(RESULT.opening, server=None, held_bytes=None)
    figures = figures_of(replace(result_with(server=None), opening=opening))
    assert figures["server"] is None
    assert figures["connecting"]["server_cpu_us_each"] is None
    assert "\nserver" not in text_of(figures)


def test_why_visitors_were_refused() -> None:
    refusals = {"with HTTP 429": 2, "closed by the server before it had answered": 1}
    plan = replace(RESULT.plan, churn=10.0)
    figures = figures_of(result_with(plan=plan, not_returned=3, refusals=refusals))
    assert figures["churn"]["refusals"] == {
        "HTTP 429": 2,
        "closed by the server before it had answered": 1,
    }
    told = "3 refused (2 HTTP 429, 1 closed by the server before it had answered), 0 late"
    assert told in text_of(figures)


def test_every_report_shows_the_query_and_none_its_keys() -> None:
    path = "/c/x-{channel}?as=Ann&joinKey=open-sesame&sendKey=open-sesame"
    plan = replace(RESULT.plan, target=replace(RESULT.plan.target, path=path))
    figures = figures_of(replace(RESULT, plan=plan))
    shown = "/c/x-{channel}?as=Ann&joinKey=***&sendKey=***"
    assert figures["plan"]["url"].endswith(shown)
    for report in (json.dumps(figures), text_of(figures), unescape(page_of(figures))):
        assert shown in report
        assert "sesame" not in report


def test_one_of_a_thing_is_told_as_one() -> None:
    plan = replace(RESULT.plan, channels=1, members=1, senders=1, rate=1.0, payload_bytes=1)
    result = result_with(plan=plan, joins=1, leaves=1, errors=1, pings=1)
    opening = replace(RESULT.opening, held_bytes=500)
    text = text_of(figures_of(replace(result, opening=opening, message_bytes=1)))
    assert "1 x 1 member, 1 of each sends; open loop, 1 message/s; 1 byte; itty" in text
    assert "events        1 join, 1 leave, 1 error, 1 ping\n" in text
    assert "1 byte per connection" in text


def test_only_connections() -> None:
    plan = replace(RESULT.plan, seconds=0.0)
    figures = json.loads(json.dumps(figures_of(replace(RESULT, plan=plan, run=None))))
    assert figures["messages"] is figures["latency_ms"] is figures["generator"] is None
    assert figures["plan"]["loop"] == "none"
    text = text_of(figures)
    assert "no messages" in text
    assert "500 opened, 5,000/s" in text


def test_the_text() -> None:
    lines = text_of(figures_of(RESULT)).splitlines()
    assert lines[0] == "ws://127.0.0.1:8787/c/bench-{channel}, 2026-11-21T00:00:00+00:00"
    assert (
        "load          10 x 50 members, 50 of each send; open loop, 1,000 messages/s; 64 bytes; itty"
        in lines
    )
    assert "latency       p50 1 ms, p90 2 ms, p99 4 ms, p99.9 8 ms, max 10 ms" in lines
    assert "  worst of all p50 1 ms, p90 2 ms, p99 5 ms, p99.9 8 ms, max 10 ms" in lines
    assert "deliveries    1,000, 200/s; ratio 1.000000; 0 lost, 0 duplicated, 0 reordered" in lines
    assert "close codes   while it ran none; at the end 500 with 1000" in lines
    assert "server        40% of a core, 2,000 µs per delivery, 1,000 bytes per connection" in lines
    assert lines[-1] == "valid: the generator was not the limit"


def test_what_was_never_delivered_has_no_latency() -> None:
    silent = (Interval(5.0, 5.0, 100, 0, 0.0, 0.0, 0.0),)
    nobody = {"latency": NOTHING, "lateness": NOTHING, "receivers": (), "distribution": ()}
    result = result_with(delivered=0, lost=1000, intervals=silent, **nobody)
    figures = json.loads(
        json.dumps(figures_of(replace(result, plan=replace(RESULT.plan, churn=1))))
    )
    latencies = (
        figures["latency_ms"]["all"],
        figures["generator"]["lateness_ms"],
        figures["churn"]["connect_ms"],
    )
    for latency in latencies:
        assert latency == {"samples": 0, **dict.fromkeys(("p50", "p90", "p99", "p99_9", "max"))}
    [interval] = figures["time_line"]
    assert interval["p50_ms"] is interval["p99_ms"] is interval["max_ms"] is None
    lines = text_of(figures).splitlines()
    assert "latency       -" in lines
    assert any(line.endswith("late p50 -, p99 -, max -") for line in lines)
    assert any(line.endswith("connecting p50 -, p99 -") for line in lines)
    page = page_of(figures)
    assert "<dd>-<small>p90 -</small></dd>" in page
    assert "0 ms" not in page


def test_a_server_that_had_the_memory_already() -> None:
    opening = MeasuredOpening(RESULT.opening.report, RESULT.opening.own, RESULT.opening.server, 0)
    assert "no more memory than before" in text_of(figures_of(replace(RESULT, opening=opening)))


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"),
        (0.000999, "999 ns"),
        (0.001, "1 µs"),
        (0.9994, "999 µs"),
        (1, "1 ms"),
        (12.34, "12.3 ms"),
        (999.4, "999 ms"),
        (1000, "1 s"),
        (61_000, "61 s"),
    ],
)
def test_times(milliseconds: float, text: str) -> None:
    assert ms(milliseconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5"), (99.94, "99.9"), (100, "100"), (1234567.8, "1,234,568")]
)
def test_amounts(value: float, text: str) -> None:
    assert amount(value) == text


def test_the_curve_is_the_latency_at_each_percentile() -> None:
    distribution = ((0.001, 500), (0.002, 400), (0.004, 90), (0.008, 9), (0.01, 1))
    points = curve(distribution, 0.01)
    assert points[0] == [0.0, 1.0]
    assert points[-1] == [100.0, 10.0]
    for percentile, milliseconds in points:
        wanted = max(1, math.ceil(1000 * percentile / 100 - 1e-9))
        seen = 0
        for seconds, count in distribution:
            seen += count
            if seen >= wanted:
                assert milliseconds == seconds * 1e3
                break
    assert [point[0] for point in points] == sorted(point[0] for point in points)
    assert any(99.8 < percentile < 100 for percentile, _ in points)


def test_a_curve_of_little() -> None:
    assert curve((), 0.0) == []
    assert curve(((0.001, 1),), 0.001) == [[0.0, 1.0], [100.0, 1.0]]
    assert Latency._fields == ("samples", "p50", "p90", "p99", "p999", "longest")
