"""Measuring a relay from outside: what the prices are made from, and what a prediction is held against."""

from __future__ import annotations

import os

import msgspec
import pytest

from relay._load import Latency
from relay.plan.calibrate import (
    FEW_MEMBERS,
    IDLE_CHANNELS,
    IDLE_CONNECTIONS,
    MANY_MEMBERS,
    VISITED,
    Probe,
    _busy_with_visits,
    _two_unknowns,
    _with_visits,
    observe,
)
from relay.plan.show_measured import verification_lines, verification_to_json
from relay.plan.subject import Subject, SubjectError, two_cores
from relay.plan.verify import (
    WARM_CHANNELS,
    WARM_MEMBERS,
    Compared,
    Verification,
    milliseconds,
    runnable,
    verify,
)
from relay.plan.workload import ENVELOPE_BYTES, framed

from .machines import FREE, calibration, workload

DEAR = msgspec.structs.replace(FREE, message=1e5)


def test_an_observation_counts_what_was_sent() -> None:
    with Subject(("--presence", "off")) as subject:
        seen = observe(subject, Probe("some", 2, 5, rate=200), seconds=0.5)
    assert seen.name == "some"
    assert seen.counts["message"] == 100
    assert 0 < seen.counts["send"] <= 100 * 5
    assert seen.counts["byte_in"] > 100 * 64
    # each message to four members: the envelope is as large as plans take it to be
    assert seen.counts["byte_out"] == pytest.approx(100 * 4 * framed(64 + ENVELOPE_BYTES), rel=0.01)
    assert seen.cost > 0


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two processor cores")
def test_what_the_model_leaves_of_a_load_with_visits_is_their_price() -> None:
    with two_cores() as (core, _):
        busy = _busy_with_visits(core)
    assert 0 < busy < 1
    assert _with_visits(FREE, busy).visit == pytest.approx(busy / VISITED.joins * 1e6)
    assert _with_visits(DEAR, busy).visit == 0


def test_settings_of_the_environment_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_PORT", "nonsense")
    with Subject() as subject:
        assert subject.counters()["messages"] == 0


def test_a_relay_that_does_not_start() -> None:
    with pytest.raises(SubjectError, match="did not start: it ended with 2"):
        Subject(("--presence", "nonsense"))


def test_a_relay_that_is_gone() -> None:
    with Subject() as subject:
        subject.stop()
        with pytest.raises(SubjectError, match="does not answer"):
            subject.counters()


def test_two_cores_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    with pytest.raises(SubjectError, match="two processor cores"), two_cores():
        pass


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two processor cores")
def test_a_verification_has_both_sides() -> None:
    asked = workload(connections=40, messages=2.0, joins=4.0)
    found = verify(calibration(), asked, seconds=0.5)
    figures = {each.name: each for each in found.figures}
    measured = {each.name: each.measured or 0.0 for each in found.figures}
    assert measured["sends"] > 0
    assert figures["processor"].predicted > 0
    assert measured["processor"] > 0
    assert measured["p99"] >= measured["p50"] > 0
    of_connections = 40 * 300 + 4 * 2000
    beside = WARM_CHANNELS * (WARM_MEMBERS * 300 + 2000)
    assert figures["of connections"].predicted == of_connections
    assert figures["memory"].predicted == 40e6 + beside + of_connections
    assert measured["memory"] > measured["of connections"] > 0
    assert (found.lost, found.dropped) == (0, 0)
    assert 0 <= found.disturbance <= 1


@pytest.mark.parametrize(
    ("lost", "busy", "disturbed", "trouble"),
    [
        (0, 0.89, 0.1, ""),
        (1, 0.1, 0.0, "1 delivery was lost"),
        (2, 0.1, 0.0, "2 deliveries were lost"),
        (0, 0.9, 0.0, "the generator used 90% of its core"),
        (0, 0.1, 0.11, "something else had one of the two cores for 11% of the time"),
    ],
)
def test_what_makes_a_verification_worthless(
    lost: int, busy: float, disturbed: float, trouble: str
) -> None:
    found = Verification(workload(), [], lost, busy, disturbed)
    assert found.trouble == trouble
    assert found.is_valid == (not trouble)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two processor cores")
def test_messages_above_the_defaults_of_the_relay_are_delivered() -> None:
    asked = workload(connections=4, channel_size=2.0, messages=5.0, payload_bytes=300_000.0)
    found = verify(calibration(), asked, seconds=0.5)
    measured = {each.name: each.measured or 0.0 for each in found.figures}
    assert measured["sends"] > 5
    assert (found.lost, found.dropped) == (0, 0)


@pytest.mark.parametrize(
    ("dropped", "told"), [(1, "1 connection was ended"), (3, "3 connections were ended")]
)
def test_ended_connections_make_a_verification_worthless(dropped: int, told: str) -> None:
    found = Verification(workload(), [], 0, 0.1, 0.0, dropped=dropped)
    assert found.trouble == f"{told} by the relay"


def test_what_was_not_delivered_has_no_latency_to_compare() -> None:
    assert milliseconds(0.0, Latency(0, 0.0, 0.0, 0.0, 0.0, 0.0)) is None
    assert milliseconds(0.0, Latency(1, 0.0, 0.0, 0.0, 0.0, 0.0)) == 0
    assert milliseconds(0.003, Latency(2, 0.001, 0.002, 0.003, 0.004, 0.005)) == pytest.approx(3)
    found = Verification(workload(), [Compared("p99", 0.5, None, "ms")], 7, 0.1)
    *_, figure, trouble = verification_lines(found, planned=1000)
    assert figure.split() == ["p99", "0.5", "-", "-", "ms"]
    assert trouble == "Not valid: 7 deliveries were lost."
    assert verification_to_json(found)["figures"]["p99"]["measured"] is None


@pytest.mark.parametrize(
    ("name", "predicted", "told"),
    [
        ("processor", 1.14, []),
        ("processor", 0.84, ["processor is not within 15"]),
        ("processor", 1.16, ["processor is not within 15"]),
        ("memory", 1.09, []),
        ("memory", 1.2, ["memory is not within 10"]),
        ("p99", 9.0, []),
    ],
)
def test_a_prediction_that_is_far_off_is_told(name: str, predicted: float, told: list[str]) -> None:
    found = Verification(workload(), [Compared(name, predicted, 1.0, "")], 0, 0.1)
    _, _, _, *notes = verification_lines(found, planned=100)
    assert len(notes) == len(told)
    assert all(words in note for words, note in zip(told, notes, strict=True))


def test_a_verification_of_one_connection() -> None:
    asked = workload(connections=1, channel_size=1.0, messages=1.0)
    [line, _] = verification_lines(Verification(asked, [], 0, 0.1), planned=1)
    assert "one process: 1 connection, channels of 1, 1 message a second" in line


@pytest.mark.parametrize(
    ("most", "connections"), [(500, 500), (509, 500), (1000, 1000), (2000, 1000)]
)
def test_no_more_is_run_than_one_machine_connects(most: int, connections: int) -> None:
    assert runnable(workload(), most).connections == connections


def test_memory_is_divided_between_connections_and_channels() -> None:
    large = IDLE_CONNECTIONS * 300 + IDLE_CONNECTIONS // MANY_MEMBERS * 4000
    small = IDLE_CHANNELS * FEW_MEMBERS * 300 + IDLE_CHANNELS * 4000
    assert _two_unknowns(large, small) == pytest.approx((300, 4000))
    assert min(_two_unknowns(0, 5)) >= 0
