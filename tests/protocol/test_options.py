"""The options in the query: which values are true, and what becomes of an alias."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from support.member import Visitors

TRUE = (
    "=true",
    "=1",
    "=yes",
    "=on",
    "=TRUE",
    "=",
    "",
    "=2",
    "=anything",
    "=%20",
    "=+",
    "=none",
    "=0.0",
    "=falsee",
)
FALSE = (
    "=false", "=0", "=no", "=off", "=undefined", "=null",
    "=FALSE", "=False", "=No", "=OFF", "=Undefined", "=NULL", "=%66alse", "=%30",
)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"), [(v, True) for v in TRUE] + [(v, False) for v in FALSE]
)
def test_truth_of_an_option(visit: Visitors, channel: str, value: str, expected: bool) -> None:
    witness = visit.join(channel)
    member = visit.enter(f"/c/{channel}?echo{value}&announce{value}&list{value}")
    assert isinstance(member.joined["users"], list) == expected
    assert ("uid" in witness.receive_event()) == expected
    member.send_text('"hear me"')
    assert [event["message"] for event in member.settle()] == (["hear me"] if expected else [])


def test_without_options_nothing_is_on(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    member = visit.enter(f"/c/{channel}")
    assert member.joined["users"] == 2
    assert "uid" not in witness.receive_event()
    member.send_text("1")
    assert member.settle() == []


@pytest.mark.parametrize(
    "query",
    [
        "?",
        "?&",
        "?&&echo=1&",
        "?unknown=1&x",
        "?=1",
        "?%",
        "?%zz=%zz",
        "?a=b=c",
        "?;",
        "?x=%ff",
        "?" + "x=1&" * 200,
    ],
)
def test_odd_and_unknown_options_are_ignored(visit: Visitors, channel: str, query: str) -> None:
    witness = visit.join(channel)
    member = visit.enter(f"/c/{channel}{query}")
    assert member.joined["total"] == 2
    assert "uid" not in witness.receive_event()


@pytest.mark.parametrize(
    ("query", "alias"),
    [
        ("alias=Ada", "Ada"),
        ("as=Ada", "Ada"),
        ("as=Ada&alias=Bea", "Ada"),
        ("alias=Bea&as=Ada", "Ada"),
        ("alias=", None),
        ("as=", None),
        ("alias", None),
        ("alias=undefined", None),
        ("as=undefined", None),
        ("alias=null", None),
        ("as=null", None),
        ("as=Ada+Lovelace", "Ada Lovelace"),
        ("as=Ada%20Lovelace", "Ada Lovelace"),
        ("as=Ada%2BLovelace", "Ada+Lovelace"),
        ("as=%E6%97%A5%E6%9C%AC", "日本"),
        ("as=a%26b%3Dc", "a&b=c"),
        ("as=%22%5C%2F%3C%2Fscript%3E", '"\\/</script>'),
        ("as=a%00b%01c%1Fd%0A%0D%09e", "abcde"),
        ("as=a%7Fb%C2%80c%C2%9Fd", "abcd"),
        ("as=%00%1F", None),
        ("as=0", "0"),
        ("as=false", "false"),
        ("as=%F0%9F%A6%86", "🦆"),
        ("as=" + "x" * 63, "x" * 63),
        ("as=" + "x" * 64, "x" * 64),
        ("as=" + "x" * 65, "x" * 64),
        ("as=" + quote("日" * 65), "日" * 64),
        ("as=" + quote("🦆" * 65), "🦆" * 64),
        ("as=%00" + "x" * 64 + "%01", "x" * 64),
    ],
)
@pytest.mark.parametrize("path", ["/c/", "/r/"])
def test_alias(visit: Visitors, channel: str, path: str, query: str, alias: str | None) -> None:
    witness = visit.join(channel)
    member = visit.enter(f"{path}{channel}?announce=1&{query}")
    announced = witness.receive_event()
    member.send_text("1")
    message = witness.receive_event()
    for event in (member.joined, announced, message):
        assert ("alias" in event, event.get("alias")) == (alias is not None, alias)


@pytest.mark.parametrize(("place", "counts"), [(99, True), (100, True), (101, False)])
def test_an_option_behind_the_hundredth_is_ignored(
    visit: Visitors, channel: str, place: int, counts: bool
) -> None:
    member = visit.enter(f"/c/{channel}?{'&' * (place - 1)}list")
    assert isinstance(member.joined["users"], list) == counts


def test_an_alias_that_is_not_utf8_harms_nobody(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    member = visit.enter(f"/c/{channel}?as=%ff%fea&announce=1")
    assert (
        witness.receive_event()["uid"] == member.uid
    )  # receiving checks that it is UTF-8 and JSON
    member.send_text('"hello"')
    assert witness.receive_message() == "hello"


def test_alias_is_in_messages_without_announcing(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    member = visit.join(channel, as_="Ada")
    assert "alias" not in witness.receive_event()
    member.send_text("1")
    assert witness.receive_event()["alias"] == "Ada"


def test_two_may_share_an_alias(visit: Visitors, channel: str) -> None:
    first = visit.join(channel, as_="Ada", announce="1")
    second = visit.join(channel, as_="Ada", announce="1")
    assert first.uid != second.uid
    assert first.receive_event()["alias"] == "Ada"
