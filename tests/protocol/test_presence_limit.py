"""Presence in large channels, and the setting `presence`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from support.fixtures import VisitAt
from support.member import Event, Visitors
from support.process import RelayProcess

LIMIT = 4
CROWD = 30


def serve(*flags: str) -> Iterator[RelayProcess]:
    with RelayProcess(*flags) as server:
        yield server


@pytest.fixture(scope="module")
def merging() -> Iterator[RelayProcess]:
    yield from serve("--presence", "auto", "--presence-limit", str(LIMIT))


@pytest.fixture(scope="module")
def telling_all() -> Iterator[RelayProcess]:
    yield from serve("--presence", "all", "--presence-limit", str(LIMIT))


@pytest.fixture(scope="module")
def silent() -> Iterator[RelayProcess]:
    yield from serve("--presence", "off")


@pytest.fixture
def guests(merging: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(merging)


def totals(events: list[Event]) -> list[int]:
    return [event["total"] for event in events]


def assert_at_most_one_a_second(events: list[Event]) -> None:
    """By the server's own dates."""
    dates = [event["date"] for event in events]
    gaps = [later - earlier for earlier, later in itertools.pairwise(dates)]
    assert all(gap >= 950 for gap in gaps), gaps


def test_up_to_the_limit_every_join_is_told(guests: Visitors, channel: str) -> None:
    witness = guests.join(channel)
    for _ in range(LIMIT - 1):
        guests.join(channel)
    assert totals(witness.settle()) == list(range(2, LIMIT + 1))


def test_above_the_limit_joins_are_merged(guests: Visitors, channel: str) -> None:
    witness = guests.join(channel)
    for count in range(2, CROWD + 1):
        assert (
            guests.join(channel).joined["total"] == count
        )  # one's own join is always told, and exact
    events = witness.receive_total(CROWD)
    assert totals(events)[: LIMIT - 1] == list(range(2, LIMIT + 1))
    assert_at_most_one_a_second(events[LIMIT:])
    assert all(event["type"] == "join" and event["users"] == event["total"] for event in events)
    assert totals(events) == sorted(totals(events))


def test_leaves_are_merged_and_end_with_the_newest_count(guests: Visitors, channel: str) -> None:
    witness = guests.join(channel)
    crowd = [guests.join(channel) for _ in range(CROWD)]
    witness.receive_total(CROWD + 1)
    for member in crowd[LIMIT:]:
        member.leave()
    events = witness.receive_total(LIMIT + 1)
    merged = [event for event in events if event["total"] > LIMIT]
    assert len(merged) <= len(events) < CROWD - LIMIT, totals(events)
    for member in crowd[:LIMIT]:
        member.leave()
    assert witness.receive_total(1)[-1]["type"] == "leave"


def test_coming_and_going_ends_with_the_newest_count(guests: Visitors, channel: str) -> None:
    witness = guests.join(channel)
    stayers = [guests.join(channel) for _ in range(LIMIT)]
    witness.receive_total(LIMIT + 1)
    for _ in range(10):
        guests.join(channel).leave()
    last = guests.join(channel)
    assert last.joined["total"] == LIMIT + 2
    assert witness.receive_total(LIMIT + 2)
    assert stayers


def test_the_announced_are_always_told(guests: Visitors, channel: str) -> None:
    witness = guests.join(channel)
    for _ in range(CROWD):
        guests.join(channel)
    announced = [guests.join(channel, announce="1", as_=f"n{number}") for number in range(10)]
    seen = [event for event in witness.settle() if "uid" in event]
    assert [event["alias"] for event in seen] == [f"n{number}" for number in range(10)]
    assert totals(seen) == list(range(CROWD + 2, CROWD + 12))
    for member in announced:
        member.leave()
    left = [event for event in witness.settle() if event["type"] == "leave" and "uid" in event]
    assert [event["uid"] for event in left] == [member.uid for member in announced]


def test_messages_are_not_held_back(guests: Visitors, channel: str) -> None:
    witness = guests.join(channel)
    crowd = [guests.join(channel) for _ in range(CROWD)]
    crowd[-1].send_text('"at once"')
    assert "at once" in [event.get("message") for event in witness.settle()]


def test_list_members_get_merged_events_without_users(guests: Visitors, channel: str) -> None:
    witness = guests.join(channel, list="1")
    for _ in range(CROWD):
        guests.join(channel)
    assert all("users" not in event for event in witness.receive_total(CROWD + 1))


def test_all_tells_every_join_above_the_limit(
    telling_all: RelayProcess, visit_at: VisitAt, channel: str
) -> None:
    visitors = visit_at(telling_all)
    witness = visitors.join(channel)
    crowd = [visitors.join(channel) for _ in range(CROWD)]
    assert totals(witness.settle()) == list(range(2, CROWD + 2))
    for member in crowd:
        member.leave()
    assert totals(witness.settle()) == list(range(CROWD, 0, -1))


def test_off_tells_only_ones_own_join(
    silent: RelayProcess, visit_at: VisitAt, channel: str
) -> None:
    visitors = visit_at(silent)
    witness = visitors.join(channel)
    crowd = [visitors.join(channel) for _ in range(5)]
    assert [member.joined["total"] for member in (witness, *crowd)] == [1, 2, 3, 4, 5, 6]
    for member in crowd:
        member.leave()
    crowd[0] = visitors.join(channel)
    crowd[0].send_text('"hello"')
    assert [event["message"] for event in witness.settle()] == ["hello"]
