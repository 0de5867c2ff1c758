"""The token bucket for messages, and the kick.

The rates are so low that not a single token comes back while a test runs; where one must come back, the test waits for it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest
from support.fixtures import StartRelay, VisitAt
from support.floods import kicked
from support.member import Event, Visitors
from support.process import UNLIMITED_BYTES, RelayProcess, flags_if_known
from support.websocket import BINARY, TEXT, encode_frame

BURST = 5
PATIENT = 100  # warnings before a kick: more than a test gets
NEVER = "0.001"  # tokens a second


def bucket(rate: str, burst: int, kick_after: int) -> tuple[str, ...]:
    return ("--message-rate", rate, "--message-burst", str(burst), "--kick-after", str(kick_after))


@pytest.fixture(scope="module")
def strict() -> Iterator[RelayProcess]:
    with RelayProcess(*bucket(NEVER, BURST, PATIENT)) as server:
        yield server


@pytest.fixture
def guests(strict: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(strict)


def is_rate_error(event: Event) -> bool:
    return event.get("type") == "error" and event["message"].startswith("rate limit exceeded")


@pytest.mark.parametrize("count", [BURST - 1, BURST])
def test_up_to_the_burst_all_is_relayed(guests: Visitors, channel: str, count: int) -> None:
    witness, sender = guests.join(channel), guests.join(channel)
    witness.receive_event()
    sender.send_text(*(str(number) for number in range(count)))
    assert [witness.receive_message() for _ in range(count)] == list(range(count))
    assert sender.settle_by_ping() == []


@pytest.mark.parametrize("excess", [1, 50])
def test_above_the_burst_is_dropped_with_one_error(
    guests: Visitors, channel: str, excess: int
) -> None:
    witness, sender = guests.join(channel), guests.join(channel)
    witness.receive_event()
    sender.send_text(*(str(number) for number in range(BURST + excess)))
    events = sender.settle_by_ping()
    assert [is_rate_error(event) for event in events] == [True], events
    assert re.search(r"\d", events[0]["message"]), "it must say how long"
    assert list(events[0]) == ["type", "message", "date"]
    assert [witness.receive_message() for _ in range(BURST)] == list(range(BURST))
    guests.join(channel).send_text('"marker"')
    assert witness.receive_event()["type"] == "join"
    assert witness.receive_message() == "marker"


BAD = {
    "bad JSON": encode_frame(TEXT, b"undefined"),
    "binary": encode_frame(BINARY, b"x"),
    "malformed prefix": encode_frame(TEXT, b"@@x"),
    "unknown recipient": encode_frame(TEXT, b"@@nobody@@1"),
    "empty": encode_frame(TEXT),
}


@pytest.mark.parametrize("frame", BAD.values(), ids=BAD)
def test_bad_messages_count(guests: Visitors, channel: str, frame: bytes) -> None:
    sender = guests.join(channel)
    sender.send(frame * BURST)
    assert not any(is_rate_error(event) for event in sender.settle_by_ping())
    sender.send_text("1")
    assert [is_rate_error(event) for event in sender.settle_by_ping()] == [True]


def test_direct_messages_count(guests: Visitors, channel: str) -> None:
    sender = guests.join(channel)
    sender.send_text(*[f"@@{sender.uid}@@1"] * (BURST + 1))
    events = sender.settle_by_ping()
    assert [event.get("message") for event in events[:BURST]] == [1] * BURST
    assert [is_rate_error(event) for event in events[BURST:]] == [True]


def test_control_frames_do_not_count(guests: Visitors, channel: str) -> None:
    witness, sender = guests.join(channel), guests.join(channel)
    witness.receive_event()
    for _ in range(10 * BURST):
        sender.ping()
    sender.send_text(*["1"] * BURST)
    assert [witness.receive_message() for _ in range(BURST)] == [1] * BURST


def test_a_fragmented_message_counts_once(guests: Visitors, channel: str) -> None:
    witness, sender = guests.join(channel), guests.join(channel)
    witness.receive_event()
    for _ in range(BURST):
        sender.send_frame(TEXT, b"1", fin=False)
        sender.send_frame(0, b"", fin=False)
        sender.send_frame(0, b"0")
    assert [witness.receive_message() for _ in range(BURST)] == [10] * BURST
    assert sender.settle_by_ping() == []


def test_each_connection_has_its_own_bucket(guests: Visitors, channel: str) -> None:
    loud, quiet = guests.join(channel), guests.join(channel)
    loud.receive_event()
    loud.send_text(*["1"] * (BURST + 3))
    assert [is_rate_error(event) for event in loud.settle_by_ping()] == [True]
    quiet.send_text(*["2"] * BURST)
    assert [loud.receive_message() for _ in range(BURST)] == [2] * BURST
    assert [event["message"] for event in quiet.settle_by_ping()] == [1] * BURST


def test_tokens_come_back(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    visitors = visit_at(start_relay(*bucket("20", 1, PATIENT)))
    sender = visitors.join(channel, echo="1")
    sender.send_text("1", "1")
    relayed = 0
    while relayed < 3:  # each round trip spends a token as soon as there is one
        sender.send_text("1")
        relayed += sum(event.get("message") == 1 for event in sender.settle_by_ping())


@pytest.mark.parametrize("kick_after", [1, 2])
def test_kick(start_relay: StartRelay, visit_at: VisitAt, channel: str, kick_after: int) -> None:
    visitors = visit_at(start_relay(*bucket(NEVER, BURST, kick_after)))
    witness, sender = visitors.join(channel), visitors.join(channel, announce="1")
    witness.receive_event()
    warnings, code, reason = kicked(sender)
    assert code == 1008
    assert "rate" in reason
    assert all(is_rate_error(event) for event in warnings), warnings
    assert len(warnings) == kick_after
    dates = [event["date"] for event in warnings]
    assert all(later - earlier >= 950 for earlier, later in itertools.pairwise(dates))
    assert [witness.receive_message() for _ in range(BURST)] == [1] * BURST
    event = witness.receive_event()
    assert (event["type"], event["uid"], event["total"]) == ("leave", sender.uid, 1)
    assert visitors.join(channel).joined["total"] == 2  # a loopback peer is not blocked


def test_a_burst_of_1_kicks_too(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    """Each token that comes back fills the bucket; that alone is no good behaviour."""
    visitors = visit_at(start_relay(*bucket("2", 1, 1)))
    warnings, code, _ = kicked(visitors.join(channel))
    assert code == 1008
    assert len(warnings) == 1


def test_the_kick_ends_the_connection(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    visitors = visit_at(start_relay(*bucket(NEVER, BURST, 1)))
    sender = visitors.join(channel)
    kicked(sender)
    sender.send_close(1008)
    sender.expect_end()


def test_a_rate_of_0_turns_it_off(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    flags = flags_if_known(UNLIMITED_BYTES)
    visitors = visit_at(start_relay(*bucket("0", BURST, 1), *flags))
    witness, sender = visitors.join(channel), visitors.join(channel)
    witness.receive_event()
    for start in range(0, 3000, 100):
        sender.send_text(*(str(number) for number in range(start, start + 100)))
        assert [witness.receive_message() for _ in range(100)] == list(range(start, start + 100))
    assert sender.settle_by_ping() == []


def test_the_lowest_rate_there_is(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    sender = visit_at(start_relay(*bucket("1/h", 1, 1))).join(channel)
    sender.send_text("1", "2")
    (error,) = sender.settle_by_ping()
    assert 3000 < float(error["message"].removesuffix(" s").rpartition(" ")[2]) <= 3600


def test_the_highest_rates_there_are(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    most = bucket("1000000000/s", 1_000_000_000, 1)
    server = start_relay(*most, "--byte-rate", "1024GiB/s", "--byte-burst", "1024GiB")
    visitors = visit_at(server)
    witness, sender = visitors.join(channel), visitors.join(channel)
    witness.receive_event()
    sender.send_text(*map(str, range(1500)))
    assert [witness.receive_message() for _ in range(1500)] == list(range(1500))
    assert sender.settle_by_ping() == []


def test_the_default_burst_carries_a_flushed_queue(visit: Visitors, channel: str) -> None:
    witness, sender = visit.join(channel), visit.join(channel)
    witness.receive_event()
    sender.send_text(*(str(number) for number in range(1000)))
    assert [witness.receive_message() for _ in range(1000)] == list(range(1000))
    assert sender.settle_by_ping() == []
