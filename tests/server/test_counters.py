"""What the core counts: messages, deliveries, ends by close code, how far messages went, whose sockets are full."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from support.websocket import BINARY, CLOSE, TEXT

from relay import _core
from relay._core import Member

from .house import House

MEBIBYTE = 1 << 20


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.close()


def deliveries(house: House) -> int:
    assert house.reactor.histograms()["fanout_members"]["sum"] == house.counted("deliveries")[0]
    return house.counted("deliveries")[0]


def test_a_message_is_delivered_to_the_others(house: House) -> None:
    for uid in "abc":
        house.enter(uid)
    house.enter("s", stream=True)
    house.say(0, b"1")
    assert deliveries(house) == 3
    assert house.counted("messages", "published", "errors") == (1, 0, 0)
    assert house.fanout() == {4.0: 1}


def test_sends_are_system_calls(house: House) -> None:
    """A sender passes over what is its own without one."""
    for uid in "abc":
        house.enter(uid)
    before = house.counted("sends")[0]
    house.say(0, b"1")
    assert house.counted("sends")[0] - before == 2


def test_an_echo_is_a_delivery(house: House) -> None:
    house.enter("a", echo=True)
    house.enter("b")
    house.say(0, b"1")
    assert deliveries(house) == 2


def test_to_nobody(house: House) -> None:
    house.enter()
    house.say(0, b"1")
    assert deliveries(house) == 0
    assert house.fanout() == {1.0: 1}


@pytest.mark.parametrize(("to", "expected"), [(b"b", 1), (b"s", 1), (b"a", 1), (b"", 2)])
def test_direct_messages(house: House, to: bytes, expected: int) -> None:
    house.enter("a")
    house.enter("b")
    house.enter("s", stream=True)
    house.say(0, b"@@%s@@1" % to)
    assert deliveries(house) == expected


@pytest.mark.parametrize("payload", [b"x", b"@@nobody@@1", b"@@x"])
def test_what_is_not_relayed_is_not_delivered(house: House, payload: bytes) -> None:
    house.enter("a")
    house.enter("b")
    house.say(0, payload)
    assert deliveries(house) == 0
    assert house.fanout() == {}
    assert house.counted("messages", "errors") == (1, 1)


def test_what_is_posted(house: House) -> None:
    house.enter("s", stream=True)
    house.log.post(b'"date":', b"1")
    house.enter("a")
    house.log.post(b'"date":', b"1")
    assert deliveries(house) == 3
    assert house.counted("messages", "published") == (0, 2)


def test_events_are_no_messages(house: House) -> None:
    house.enter("a")
    house.enter("s", stream=True)
    house.log.append(_core.encode_frame(TEXT, b"{}"))
    assert deliveries(house) == 0
    assert house.counted("published") == (0,)


def test_party_rooms(house: House) -> None:
    for _ in range(3):
        house.enter(verbatim=True)
    house.say(0, b"\xff", BINARY)
    house.log.append(_core.encode_frame(BINARY, b"\xff"), is_message=True)
    assert deliveries(house) == 5
    assert house.counted("messages", "published") == (1, 1)


@pytest.mark.parametrize(
    ("close_frame", "code"),
    [(b"", "1005"), (b"\x03\xe8bye", "1000"), (b"\x0f\xa1", "other"), (b"\x03\xec", "1002")],
)
def test_closed_by_the_peer(house: House, close_frame: bytes, code: str) -> None:
    house.enter()
    house.say(0, close_frame, CLOSE)
    assert house.closed() == {code: 1}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("code", "name"), [(1001, "1001"), (1013, "1013"), (4001, "other")])
def test_closed_by_the_relay(house: House, stream: bool, code: int, name: str) -> None:
    member = house.enter(stream=stream)
    member.close(code, "bye")
    member.close(1008, "twice")
    assert house.closed() == {name: 1}
    member.abort()
    assert house.closed() == {name: 1}, "an end is counted once"


@pytest.mark.parametrize("stream", [False, True])
def test_gone_without_a_word(house: House, stream: bool) -> None:
    house.enter("a", stream=stream)
    house.enter("b", stream=stream).abort()
    house.peers[0].close()
    house.turn()
    assert house.closed() == {"1006": 2}


def test_over_a_rate() -> None:
    house = House(message_rate=1e-9, message_burst=1.0)
    try:
        house.enter("a")
        house.enter("b")
        for _ in range(3):
            house.say(0, b"1")
        assert house.counted("messages", "over_message_rate", "warned") == (3, 2, 1)
        assert deliveries(house) == 1
    finally:
        house.close()


@pytest.mark.parametrize("stream", [False, True])
def test_a_slow_consumer(stream: bool) -> None:
    house = House(backlog_limit_bytes=MEBIBYTE // 4)
    try:
        house.enter(stream=stream)
        for _ in range(64):
            house.log.post(b'"date":', b'"%s"' % (b"x" * 32_768))
            house.turn()
        assert house.closed() == {"1013": 1}
        assert house.counted("slow_consumers") == (1,)
    finally:
        house.close()


def fill(house: House, sizes: list[int]) -> None:
    """For each size a member whose socket is full, and that waits for so many bytes more."""
    for size in sizes:
        member = house.enter()
        while not member.is_behind:
            member.enqueue(b"x" * 65_536)
            house.turn()
        member.enqueue(b"x" * size)


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 63, 64])
def test_backlogs(limit: int) -> None:
    house = House(backlog_limit_bytes=1 << 30)
    try:
        fill(house, [1, 500_000, 100_000, 100_000, 500_000, 300_000] + [7] * 60)
        behind = sorted((m.backlog_bytes for m in house.log.members), reverse=True)
        assert house.reactor.backlogs(limit) == (66, behind[:limit])
    finally:
        house.close()


def test_backlogs_are_of_those_who_cannot_keep_up(house: House) -> None:
    member = house.enter()
    assert house.reactor.backlogs() == (0, [])
    member.enqueue(b"x")
    assert house.reactor.backlogs() == (0, [])


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("way", ["drains", "goes", "is aborted", "is closed"])
def test_who_is_blocked_no_more_is_not_counted(way: str, number: int) -> None:
    """First, last and in the middle of the list of those who are."""
    house = House(backlog_limit_bytes=1 << 30)
    try:
        fill(house, [100, 200_000, 400_000])
        members = sorted(house.log.members, key=lambda member: member.backlog_bytes)
        member = members.pop(number)
        if way == "drains":
            drain(house, member, house.peers[number])
        elif way == "goes":
            house.peers[number].close()
        elif way == "is aborted":
            member.abort()
        else:
            member.close(1000)  # what it has not taken stands in the way of its close frame
            assert house.reactor.backlogs()[0] == 3
            drain(house, member, house.peers[number])
        house.turn()
        left = sorted((each.backlog_bytes for each in members), reverse=True)
        assert house.reactor.backlogs() == (2, left)
    finally:
        house.close()


def drain(house: House, member: Member, peer: socket.socket) -> None:
    """Read all that waits for a member."""
    while member.is_behind:
        assert peer.recv(1 << 20)
        house.turn()


@pytest.mark.parametrize("limit", [-1, 65])
def test_too_many_backlogs(house: House, limit: int) -> None:
    with pytest.raises(ValueError, match="limit: expected 0 to 64"):
        house.reactor.backlogs(limit)
