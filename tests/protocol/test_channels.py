"""Which spellings of a URL name the same channel."""

from __future__ import annotations

import json

import pytest
from support.member import Bystanders, Visitors
from support.websocket import upgrade_head

SAME = [
    ("a:b", "a%3Ab"),
    ("a:b", "a%3ab"),
    ("a/b", "a%2Fb"),
    ("itty:itty-sockets:test-8x", "itty%3Aitty-sockets%3Atest-8x"),
    ("watching//", "watching%2F%2F"),
    ("%E6%97%A5%E6%9C%AC", "%e6%97%a5%e6%9c%ac"),
    ("100%", "100%25"),
    ("%zz", "%25zz"),
    ("a%4", "a%254"),
    ("%%41", "%25A"),
    ("%41", "A"),
    ("a b".replace(" ", "%20"), "a%20b"),
    ("~-._!$'()*,;=@", "%7E%2D%2E%5F%21%24%27%28%29%2A%2C%3B%3D%40"),
    ("a+b", "a%2Bb"),
    ("x?", "x"),
    ("x?as=Ada", "x?"),
    ("..", "%2E%2E"),
]

DIFFERENT = [
    ("room", "Room"),
    ("room", "room/"),
    ("watching/", "watching//"),
    ("a/b", "a:b"),
    ("%2541", "A"),
    ("a+b", "a%20b"),
    ("a%3Fb", "a?b"),
    ("/room", "room"),
    ("a/./b", "a/b"),
    ("a/../b", "b"),
    ("%C3%A9", "e%CC%81"),
    ("room%00", "room"),
    ("room%20", "room"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
@pytest.mark.parametrize("path", ["/c/", "/r/"])
def test_same_channel(visit: Visitors, channel: str, path: str, one: str, other: str) -> None:
    first = visit.enter(f"/c/{channel}{one}")
    second = visit.enter(f"{path}{channel}{other}")
    assert (first.joined["total"], second.joined["total"]) == (1, 2)
    second.send_text('"hello"')
    assert first.receive_event()["type"] == "join"
    assert first.receive_message() == "hello"


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_channels(visit: Visitors, channel: str, one: str, other: str) -> None:
    first = visit.enter(f"/c/{channel}{one}")
    second = visit.enter(f"/c/{channel}{other}")
    assert (first.joined["total"], second.joined["total"]) == (1, 1)
    second.send_text('"hello"')
    assert first.settle() == []


def test_the_empty_name_is_a_channel(visit: Visitors) -> None:
    members = [visit.enter(target) for target in ("/c/", "/c/?", "/c/?as=Ada", "/r/", "/r/?")]
    assert [member.joined["total"] for member in members] == [1, 2, 3, 4, 5]


AT_LIMIT = [
    "x" * 512,
    "%78" * 512,
    "%E6%97%A5" * 170 + "xx",
    "/" * 512,
    "%" * 512,
]


@pytest.mark.parametrize("path", ["/c/", "/r/"])
@pytest.mark.parametrize("name", AT_LIMIT)
def test_512_bytes_are_enough(visit: Visitors, path: str, name: str) -> None:
    shorter = name.removesuffix("x")
    for target in (path + name, path + shorter if shorter != name else path + name[:-3]):
        member = visit.enter(target)
        assert member.joined["total"] >= 1


@pytest.mark.parametrize("path", ["/c/", "/r/"])
@pytest.mark.parametrize(
    "name", [name + "x" for name in AT_LIMIT] + ["x" * 4000, "%E6%97%A5" * 171]
)
def test_513_bytes_are_too_many(
    visit: Visitors, bystanders: Bystanders, path: str, name: str
) -> None:
    caller = visit.dial()
    caller.send(upgrade_head(path + name))
    response = caller.receive_response()
    assert response.status == 414
    assert isinstance(json.loads(response.body)["error"], str)


def test_the_query_does_not_count_for_the_length(visit: Visitors) -> None:
    assert visit.enter("/c/" + "q" * 512 + "?as=" + "x" * 600).joined["alias"] == "x" * 64
