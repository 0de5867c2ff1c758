"""Joins and leaves as they are on the wire."""

from __future__ import annotations

import time

import pytest
from support.member import Event, Visitors

ITTY_PATHS = ("/c/", "/r/")


def keys(event: Event) -> list[str]:
    return list(event)


def assert_recent(event: Event) -> None:
    """The date is a number of milliseconds since the epoch; a minute's slack tells it from any other unit or origin."""
    assert type(event["date"]) is int
    assert abs(event["date"] - time.time() * 1000) < 60_000


def test_own_join_comes_first_and_counts_oneself(visit: Visitors, channel: str) -> None:
    member = visit.join(channel)
    assert keys(member.joined) == ["type", "self", "uid", "users", "total", "date"]
    assert member.joined["users"] == member.joined["total"] == 1
    assert_recent(member.joined)


def test_own_join_with_alias(visit: Visitors, channel: str) -> None:
    member = visit.join(channel, as_="Ada")
    assert keys(member.joined) == ["type", "self", "uid", "alias", "users", "total", "date"]
    assert member.joined["alias"] == "Ada"


def test_join_of_one_who_did_not_announce_names_nobody(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    visit.join(channel, as_="Ada")
    event = witness.receive_event()
    assert keys(event) == ["type", "users", "total", "date"]
    assert (event["type"], event["users"], event["total"]) == ("join", 2, 2)
    assert_recent(event)


def test_join_of_one_who_announced(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    newcomer = visit.join(channel, as_="Ada", announce="true")
    event = witness.receive_event()
    assert keys(event) == ["type", "uid", "alias", "users", "total", "date"]
    assert (event["type"], event["uid"], event["alias"]) == ("join", newcomer.uid, "Ada")
    assert event["users"] == event["total"] == 2


def test_join_of_one_who_announced_without_alias(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    newcomer = visit.join(channel, announce="true")
    event = witness.receive_event()
    assert keys(event) == ["type", "uid", "users", "total", "date"]
    assert event["uid"] == newcomer.uid


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ["type", "users", "total", "date"]),
        ("as=Ada", ["type", "users", "total", "date"]),
        ("announce=1", ["type", "uid", "users", "total", "date"]),
        ("announce=1&as=Ada", ["type", "uid", "alias", "users", "total", "date"]),
    ],
)
@pytest.mark.parametrize("path", ITTY_PATHS)
def test_leave_names_the_leaver_only_if_announced(
    visit: Visitors, channel: str, path: str, options: str, expected: list[str]
) -> None:
    witness = visit.join(channel)
    leaver = visit.enter(f"{path}{channel}?{options}")
    witness.receive_event()
    leaver.leave()
    event = witness.receive_event()
    assert keys(event) == expected
    assert event["type"] == "leave"
    assert event.get("uid", leaver.uid) == leaver.uid
    assert event["users"] == event["total"] == 1
    assert_recent(event)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ["type", "self", "users", "total", "date"]),
        ("as=Ada", ["type", "self", "users", "total", "date"]),
        ("announce=1", ["type", "self", "uid", "users", "total", "date"]),
        (
            "announce=1&as=Ada",
            ["type", "self", "uid", "alias", "users", "total", "date"],
        ),
    ],
)
def test_own_join_on_the_older_path_names_itself_only_if_announced(
    visit: Visitors, channel: str, options: str, expected: list[str]
) -> None:
    assert keys(visit.enter(f"/r/{channel}?{options}").joined) == expected


def test_both_paths_are_one_channel(visit: Visitors, channel: str) -> None:
    newer = visit.join(channel, "/c/")
    older = visit.join(channel, "/r/")
    assert older.joined["total"] == newer.receive_event()["total"] == 2
    newer.send_text('"from c"')
    assert older.receive_message() == "from c"
    older.send_text('"from r"')
    assert newer.receive_message() == "from r"


def test_uids_are_new_safe_and_unique(visit: Visitors, channel: str) -> None:
    uids = [visit.join(channel).uid for _ in range(50)]
    assert len(set(uids)) == len(uids)
    safe = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~")
    assert all(len(uid) >= 6 and set(uid) <= safe for uid in uids)


def test_counts_follow_every_coming_and_going(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    others = []
    for count in range(2, 12):
        others.append(visit.join(channel))
        assert others[-1].joined["total"] == count
        event = witness.receive_event()
        assert (event["type"], event["users"], event["total"]) == ("join", count, count)
    for count in range(10, 0, -1):
        others.pop(0).leave()
        event = witness.receive_event()
        assert (event["type"], event["users"], event["total"]) == ("leave", count, count)


def test_a_channel_left_by_all_starts_anew(visit: Visitors, channel: str) -> None:
    for _ in range(3):
        member = visit.join(channel)
        assert member.joined["total"] == 1
        member.leave()


def test_presence_stays_within_its_channel(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    visit.join(channel + "-other", announce="true").leave()
    assert witness.settle() == []


class TestList:
    """The option `list`: who is there instead of how many."""

    def test_own_join_lists_the_announced(self, visit: Visitors, channel: str) -> None:
        ada = visit.join(channel, as_="Ada", announce="1")
        anonymous = visit.join(channel, announce="1")
        visit.join(channel, as_="Hidden")
        reader = visit.join(channel, list="1")
        assert keys(reader.joined) == ["type", "self", "uid", "users", "total", "date"]
        assert reader.joined["total"] == 4
        by_uid = {user["uid"]: user for user in reader.joined["users"]}
        assert by_uid == {
            ada.uid: {"uid": ada.uid, "alias": "Ada"},
            anonymous.uid: {"uid": anonymous.uid},
        }
        assert len(reader.joined["users"]) == 2

    @pytest.mark.parametrize("path", ITTY_PATHS)
    def test_own_join_includes_oneself_if_announced(
        self, visit: Visitors, channel: str, path: str
    ) -> None:
        other = visit.join(channel, announce="1")
        reader = visit.join(channel, path, list="1", announce="1", as_="Bea")
        by_uid = {user["uid"]: user for user in reader.joined["users"]}
        assert by_uid == {
            other.uid: {"uid": other.uid},
            reader.uid: {"uid": reader.uid, "alias": "Bea", "self": True},
        }
        assert list(by_uid[reader.uid]) == ["uid", "alias", "self"]

    @pytest.mark.parametrize("path", ITTY_PATHS)
    def test_nobody_announced(self, visit: Visitors, channel: str, path: str) -> None:
        visit.join(channel)
        reader = visit.join(channel, path, list="1")
        assert reader.joined["users"] == []
        assert reader.joined["total"] == 2

    def test_joins_and_leaves_of_others_have_no_users(self, visit: Visitors, channel: str) -> None:
        reader = visit.join(channel, list="1")
        named = visit.join(channel, announce="1", as_="Ada")
        nameless = visit.join(channel)
        named.leave()
        nameless.leave()
        events = reader.receive_total(1)
        assert [(keys(event), event["type"], event["total"]) for event in events] == [
            (["type", "uid", "alias", "total", "date"], "join", 2),
            (["type", "total", "date"], "join", 3),
            (["type", "uid", "alias", "total", "date"], "leave", 2),
            (["type", "total", "date"], "leave", 1),
        ]

    def test_two_readers_beside_one_who_counts(self, visit: Visitors, channel: str) -> None:
        counter = visit.join(channel)
        first = visit.join(channel, list="1", announce="1")
        second = visit.join(channel, list="1", announce="1")
        assert [user["uid"] for user in first.joined["users"]] == [first.uid]
        assert {user["uid"] for user in second.joined["users"]} == {first.uid, second.uid}
        event = first.receive_event()
        assert (keys(event), event["uid"]) == (["type", "uid", "total", "date"], second.uid)
        assert [event["users"] for event in counter.receive_total(3)] == [2, 3]
        second.leave()
        assert keys(first.receive_event()) == ["type", "uid", "total", "date"]
        assert keys(counter.receive_event()) == ["type", "uid", "users", "total", "date"]

    def test_one_who_has_left_is_not_listed(self, visit: Visitors, channel: str) -> None:
        witness = visit.join(channel, announce="1")
        visit.join(channel, announce="1").leave()
        witness.receive_total(1)
        assert [user["uid"] for user in visit.join(channel, list="1").joined["users"]] == [
            witness.uid
        ]


def test_own_join_comes_first_in_a_busy_channel(visit: Visitors, channel: str) -> None:
    talker, listener = visit.join(channel), visit.join(channel)
    for round_number in range(40):
        talker.send_text(*(f"{round_number}" for _ in range(10)))
        assert (
            visit.join(channel).joined["self"] is True
        )  # `join` fails when any other frame comes first
    assert listener.settle()


def test_a_newcomer_gets_nothing_from_before(visit: Visitors, channel: str) -> None:
    talker, witness = visit.join(channel), visit.join(channel)
    talker.send_text('"before"')
    assert witness.receive_message() == "before"
    newcomer = visit.join(channel)
    talker.send_text('"after"')
    assert newcomer.receive_message() == "after"
