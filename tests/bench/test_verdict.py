"""When a run says something of the server, and what a reader must know in any case."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from relay._load import Latency
from relay.bench import usage, verdict
from relay.bench.drive import Result
from relay.bench.measured import MeasuredOpening
from relay.bench.usage import Usage
from relay.bench.verdict import judge

from .results import CONNECTED, LATENCY, RESULT, TARGET, result_with

CLOSED = replace(RESULT.plan, in_flight=8)
UP_TO_BOTH = (
    "how fast they were opened was up to the generator, too: meanwhile it ran for {own}% of the time,"
    " and something else had its core for {waited}%"
)
SERVER_WAITED = "something else had the server's core for {waited}% of the time"


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "share_one_core", lambda pid: False)


def test_a_valid_run_has_nothing_to_note() -> None:
    found = judge(RESULT)
    assert found.is_valid
    assert (str(found), found.notes) == ("valid: the generator was not the limit", ())


@pytest.mark.parametrize(("ran", "is_valid"), [(4.2, True), (4.25, False), (4.3, False)])
def test_a_generator_that_is_full(ran: float, is_valid: bool) -> None:
    """0.85 of five seconds, with a server that ran for two."""
    found = judge(result_with(own=Usage(ran, 0.0)))
    assert found.is_valid is is_valid
    assert is_valid or "the generator was the limit" in found.reason


@pytest.mark.parametrize("waited", [4.2, 5.0])
def test_what_it_waited_for_a_core_is_as_good_as_ran(waited: float) -> None:
    assert not judge(result_with(own=Usage(0.5, waited))).is_valid


@pytest.mark.parametrize(
    ("server", "is_valid"),
    [(Usage(4.4, 0.0), False), (Usage(4.5, 0.0), False), (Usage(4.6, 0.0), True), (None, False)],
)
def test_the_fuller_of_two_that_are_full_was_the_limit(
    server: Usage | None, is_valid: bool
) -> None:
    assert judge(result_with(own=Usage(4.5, 0.0), server=server, plan=CLOSED)).is_valid is is_valid


@pytest.mark.parametrize(
    ("late_p99", "is_valid"), [(0.001, True), (0.0011, False), (0.01, False), (0.0009, True)]
)
def test_lateness_above_a_millisecond_that_is_much_of_the_latency(
    late_p99: float, is_valid: bool
) -> None:
    late = Latency(500, 0.0, 0.0, late_p99, late_p99, late_p99)
    assert judge(result_with(lateness=late)).is_valid is is_valid


def test_lateness_that_is_little_of_the_latency() -> None:
    late = Latency(500, 0.0, 0.0, 0.002, 0.002, 0.002)
    assert judge(result_with(lateness=late, latency=LATENCY._replace(p99=0.008))).is_valid
    assert not judge(result_with(lateness=late, latency=LATENCY._replace(p99=0.0079))).is_valid


@pytest.mark.parametrize(("sent", "is_noted"), [(98, True), (99, False), (100, False)])
def test_a_server_that_did_not_keep_up_is_the_limit(sent: int, is_noted: bool) -> None:
    """Then messages wait because of it, and are no fault of the generator."""
    late = Latency(100, 0.5, 0.5, 0.5, 0.5, 0.5)
    found = judge(result_with(sent=sent, lateness=late if is_noted else RESULT.run.report.lateness))  # type: ignore[union-attr]
    assert found.is_valid
    assert any("did not keep up" in note for note in found.notes) is is_noted


def test_a_full_generator_is_who_did_not_keep_up() -> None:
    found = judge(result_with(sent=50, own=Usage(5.0, 0.0)))
    assert any(note.startswith("the generator did not keep up: 50 of 100") for note in found.notes)


def test_nothing_delivered() -> None:
    assert judge(result_with(delivered=0)).reason == "nothing was delivered"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_limited": True}, "relay serve --message-rate 0 --byte-rate 0"),
        ({"is_warm_up": True}, "warm-up"),
    ],
)
def test_runs_that_never_were_what_was_asked_for(change: dict[str, bool], reason: str) -> None:
    assert reason in judge(replace(RESULT, **change)).reason


@pytest.mark.parametrize(
    ("result", "note"),
    [
        (result_with(lost=3, duplicated=1), "3 lost, 1 duplicated"),
        (result_with(reordered=2, unexpected=4), "2 reordered, 4 unexpected"),
        (result_with(dropped=1), "1 connection was ended by the server"),
        (replace(result_with(errors=2), first_error="no"), "2 error events, the first: no"),
        (replace(result_with(errors=1), first_error="no"), "1 error event: no"),
        (
            replace(RESULT, first_error="what?"),
            "error events came before what was measured, the first: what?",
        ),
        (
            replace(RESULT, first_error="what?", run=None),
            "error events came before what was measured, the first: what?",
        ),
        (result_with(dropped=2), "2 connections were ended by the server"),
        (result_with(foreign=1), "1 message of another channel: the server does not keep them"),
        (result_with(foreign=2), "2 messages of other channels: the server does not keep them"),
        (result_with(echoed=1), "1 message that came back to its sender: "),
        (result_with(fragments=1), "1 message in fragments: "),
        (result_with(reserved=1), "1 frame with RSV bits, as"),
        (
            result_with(unsent=1),
            "1 message was due and not sent, for want of anybody to send or to get it",
        ),
        (
            result_with(close_codes={1009: 3}),
            "one of 64 bytes was; start a relay with --max-message 64 (",
        ),
        (result_with(plan=CLOSED), "closed loop"),
        (result_with(not_returned=1), "1 time a visitor was not let in again"),
        (
            result_with(
                not_returned=3, refusals={"with HTTP 503": 2, "with connection refused": 1}
            ),
            "3 times a visitor was not let in again: 2 with HTTP 503, 1 with connection refused;"
            " the server has no room for so many",
        ),
        (
            result_with(not_returned=1, refusals={"with HTTP 429": 1}),
            "not let in again: 1 with HTTP 429; the server's rate limit stood in the way",
        ),
        (result_with(server=Usage(2.0, 0.51)), "had the server's core for 10%"),
        (result_with(own=Usage(2.0, 0.51)), "had the generator's core for 10%"),
        (replace(RESULT, is_interrupted=True), "interrupted"),
        (replace(RESULT, is_exhausted=True), "hundred million"),
        (
            replace(result_with(sending_seconds=0.5, members_left=0), is_deserted=True),
            "it ended early, after 0.5 s: all had gone",
        ),
        (replace(RESULT, is_deserted=True), "early, after 5 s: nobody was left to send to anybody"),
    ],
)
def test_notes(result: Result, note: str) -> None:
    found = judge(result)
    assert found.is_valid
    assert any(note in each for each in found.notes)


@pytest.mark.parametrize(("waited", "is_noted"), [(0.49, False), (0.5, False), (0.51, True)])
def test_the_machine_was_shared(waited: float, is_noted: bool) -> None:
    assert bool(judge(result_with(server=Usage(2.0, waited))).notes) is is_noted


def test_a_party_room_drops_without_a_word() -> None:
    plan = replace(RESULT.plan, target=replace(TARGET, protocol="party"))
    assert any("without limits" in note for note in judge(result_with(lost=1, plan=plan)).notes)


@pytest.mark.parametrize(
    ("pid", "own", "servers", "machine", "is_shared"),
    [
        (77, {1}, {0}, 2, False),  # --cpu 1, and taskset -c 0 for the server
        (77, {1}, {1}, 2, True),
        (77, {1}, {0, 1}, 2, False),
        (77, {1}, None, 2, False),  # it has ended
        (0, {1}, {1}, 2, False),  # nobody said which it is
        (0, {0}, {0}, 1, True),
    ],
)
def test_who_shares_a_core(
    pid: int,
    own: set[int],
    servers: set[int] | None,
    machine: int,
    is_shared: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def affinity(of: int) -> set[int]:
        if of and servers is None:
            raise ProcessLookupError
        return servers or set() if of else own

    monkeypatch.setattr(os, "sched_getaffinity", affinity)
    monkeypatch.setattr(os, "cpu_count", lambda: machine)
    assert usage.share_one_core(pid) is is_shared


def test_one_core_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "share_one_core", lambda pid: True)
    assert any("share one core" in note for note in judge(RESULT).notes)
    assert judge(replace(RESULT, run=None)).is_valid


@pytest.mark.parametrize(
    ("ran", "waited", "server", "notes"),
    [
        (0.05, 0.0, Usage(0.02, 0.0), ()),
        (0.05, 0.01, None, ()),
        (0.05, 0.034, None, ("something else had the generator's core for 34% of the time",)),
        (0.057, 0.03, None, (UP_TO_BOTH.format(own=57, waited=30),)),
        (0.05, 0.2, None, (UP_TO_BOTH.format(own=50, waited=50),)),
        (0.1, 0.2, None, (UP_TO_BOTH.format(own=100, waited=0),)),
        (0.05, 0.0, Usage(0.02, 0.02), (SERVER_WAITED.format(waited=20),)),
        (0.05, 0.0, Usage(0.02, 0.2), (SERVER_WAITED.format(waited=100),)),
    ],
)
def test_without_messages_the_opening_is_what_is_looked_at(
    ran: float, waited: float, server: Usage | None, notes: tuple[str, ...]
) -> None:
    """It took 0.1 seconds; what was used before and after it makes no share impossible. How full the generator was is no
    fault of what a connection costs, and is told."""
    opening = MeasuredOpening(
        CONNECTED._replace(cpu_seconds=ran), Usage(ran + 0.1, waited), server, held_bytes=None
    )
    found = judge(replace(RESULT, run=None, opening=opening))
    assert (str(found), found.notes) == ("valid: every connection was opened", notes)
