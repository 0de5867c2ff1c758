"""What the studies make of what they have measured: shares, frames, bins, and when a figure answers nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import join_storm, limits, loud_channel, ping_spread, rates, slow_reader
from benchmarks.client import Client
from benchmarks.figures import Figures
from benchmarks.join_storm import Storm, Told, frames_told
from benchmarks.rates import Arrivals, Limit
from relay.bench.usage import peak_kib

from .fake_server import TEXT, FakeServer, close_frame, frame

VALID = Figures(1e6, 1.0, 1.0, 2.0, 0, 0.99, 0.5, 0.0)


# --- limits


def test_the_ratio_is_of_pairs_and_the_price_is_of_a_message() -> None:
    pairs = [
        (replace(VALID, server_us=on), replace(VALID, server_us=1.0)) for on in (1.01, 1.02, 9.0)
    ]
    found = limits.finding(limits.ROWS[1], pairs)
    assert found.figures["ratio"] == pytest.approx(1.02)
    assert found.figures["off: us/message"] == 99
    assert found.figures["messages/s"] == pytest.approx(1e6 / 99)
    assert found.verdict == "ratio at most 1.03: met"


@pytest.mark.parametrize("side", [0, 1])
def test_a_busier_generator_on_either_side_answers_nothing(side: int) -> None:
    pair = [VALID, VALID]
    pair[side] = replace(VALID, generator_utilisation=1.0)
    found = limits.finding(limits.ROWS[0], [(pair[0], pair[1])])
    assert found.invalid == "invalid: the generator was busier"


# --- rates

LIMIT = Limit("", cost=10, rate=1000, burst=500, flags={})


@pytest.mark.parametrize(("messages", "share"), [(125, 0.5), (250, 1.0), (260, 1.04)])
def test_the_share_is_of_burst_and_rate_over_the_window(messages: int, share: float) -> None:
    arrivals = Arrivals(messages=messages, first=10.0, last=12.0)
    assert rates.share_let_through(LIMIT, arrivals) == pytest.approx(share)


@pytest.mark.parametrize(("offered", "is_flood"), [(399, False), (400, True), (401, True)])
def test_a_flood_is_twice_the_rate(offered: int, is_flood: bool) -> None:
    arrivals = Arrivals(messages=250, first=10.0, last=12.0, offered=offered)
    assert (not rates.finding(LIMIT, [arrivals]).invalid) is is_flood


def test_the_window_runs_from_the_first_arrival_to_the_last() -> None:
    arrivals = Arrivals()
    for messages, now in [(0, 1.0), (2, 2.0), (3, 4.0), (0, 9.0)]:
        arrivals.count(messages, now)
    assert (arrivals.messages, arrivals.seconds) == (5, 2.0)


def test_events_are_no_messages() -> None:
    assert rates.is_message((TEXT, b'{"id":"a","message":1}'))
    assert not rates.is_message((TEXT, b'{"type":"join"}'))


# --- slow reader


@pytest.mark.parametrize(
    ("greeting", "has_missed"),
    [
        (frame(TEXT, b'{"id":"a","message":1}'), False),
        (frame(TEXT, b'{"id":"a"}') + frame(TEXT, b'{"type":"gap","missed":3}'), True),
        (frame(TEXT, b'{"id":"a"}') + close_frame(1013), False),
    ],
)
def test_who_was_too_far_behind_knows(greeting: bytes, has_missed: bool) -> None:
    with FakeServer(greeting=greeting) as server, Client(server.port, "/c/x") as reader:
        assert slow_reader.has_missed(reader) is has_missed


def test_a_reader_that_kept_up_answers_nothing() -> None:
    pair = slow_reader.Pair(VALID, VALID, 1 << 20, was_behind=False)
    assert (
        slow_reader.finding(1, [pair]).invalid == "invalid: a stalled reader was not too far behind"
    )


@pytest.mark.parametrize(("p99_ms", "outcome"), [(2.0, "met"), (2.2, "met"), (2.3, "MISSED")])
def test_the_others_are_compared_pair_by_pair(p99_ms: float, outcome: str) -> None:
    pair = slow_reader.Pair(VALID, replace(VALID, p99_ms=p99_ms), 1 << 20, was_behind=True)
    found = slow_reader.finding(1, [pair])
    assert found.figures["grown / limit"] == 1.0
    assert f"p99 ratio at most 1.1: {outcome}" in found.verdict


def test_the_peak_of_resident_memory() -> None:
    assert peak_kib("Name:\trelay\nVmHWM:\t   30264 kB\nVmRSS:\t   20000 kB\n") == 30_264


# --- loud channel


def test_rounds_are_medians_and_the_longest_is_the_longest() -> None:
    rounds = tuple(loud_channel.Quiet(100, 1.0, p99, 3 * p99, wrong=0) for p99 in (4.0, 5.0, 50.0))
    found = loud_channel.finding("quiet", rounds, None, "")
    assert (found.figures["p99 ms"], found.figures["max ms"]) == (5.0, 150.0)
    assert found.verdict == "p99 ms at most 20: met"


def test_what_the_loud_channel_lost_is_wrong_too() -> None:
    quiet = (loud_channel.Quiet(100, 1.0, 2.0, 3.0, wrong=0),)
    assert loud_channel.finding("quiet", quiet, replace(VALID, wrong=1), "").wrong


# --- join storm

LIMIT_OF_PRESENCE = join_storm.PRESENCE_LIMIT


def test_a_join_goes_to_all_but_the_newcomer() -> None:
    assert frames_told(range(2, 11)) == sum(range(1, 10))


@pytest.mark.parametrize(
    ("total", "frames"),
    [
        (LIMIT_OF_PRESENCE - 1, LIMIT_OF_PRESENCE - 2),
        (LIMIT_OF_PRESENCE, LIMIT_OF_PRESENCE - 1),
        (LIMIT_OF_PRESENCE + 1, LIMIT_OF_PRESENCE + 1),
    ],
)
def test_a_merged_event_goes_to_all(total: int, frames: int) -> None:
    assert frames_told([total]) == frames


def storm(*totals: int, told_seconds: float) -> Storm:
    told = [Told(total, round(told_seconds * 1000)) for total in totals]
    return Storm(100, told, began_at=0.0, connect_seconds=1.0, server_seconds=0.1)


@pytest.mark.parametrize(("merged", "is_wrong"), [(2, False), (3, False), (4, True)])
def test_merged_events_are_one_a_second(merged: int, is_wrong: bool) -> None:
    found = storm(1, 2, *[5000] * merged, told_seconds=1.5)
    assert found.merged == merged
    assert join_storm.finding("", 5000, [found]).wrong is is_wrong


def test_the_count_told_last_must_be_true() -> None:
    found = join_storm.finding("", 3, [storm(1, 2, 3, told_seconds=1), storm(1, 2, told_seconds=1)])
    assert found.wrong
    assert found.figures["told last"] == 2


# --- ping spread


def test_bins_begin_where_they_are_most_even() -> None:
    steps = [0, 5, 0, 0] * 8
    assert ping_spread.most_even_bins(steps, 4) == [5] * 8
    late = [
        5,
        0,
        0,
        0,
        0,
        0,
        0,
        5,
        *[0, 0, 5, 0] * 2,
    ]  # two share a bin when it begins at the first
    assert max(ping_spread.most_even_bins(late, 4)) == 5


def test_no_beginning_hides_a_burst() -> None:
    assert max(ping_spread.most_even_bins([0] * 10 + [30] + [0] * 21, 4)) == 30


def test_who_is_gone_was_not_kept_alive() -> None:
    everyone = ping_spread.CHANNELS * ping_spread.MEMBERS
    slices = [1] * ping_spread.BINS * ping_spread.SLICES_PER_BIN
    assert not ping_spread.finding("", 0.1, slices, 1.0, everyone).wrong
    assert ping_spread.finding("", 0.1, slices, 1.0, everyone - 1).wrong


def test_no_ping_at_all_misses_the_goal() -> None:
    slices = [0] * ping_spread.BINS * ping_spread.SLICES_PER_BIN
    assert "MISSED" in ping_spread.finding("", 0.1, slices, 0.0, 5000).verdict
