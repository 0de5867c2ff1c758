"""Heads that come together: decided on one right after the other, then answered; none is lost or waits for good."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from support.websocket import TEXT, encode_frame

from relay._core import Log, Member, Reactor

HEAD = b"GET / HTTP/1.1\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\n\r\n"
DEAR_SECONDS = 0.0006
"""What a head costs that uses up the time of its batch."""

BATCH = 16

Decide = Callable[[int], Member | bytes | None]


class Door:
    """A reactor with a listener; `decide(number)` is asked about each head."""

    def __init__(self) -> None:
        self.decide: Decide = lambda _: self.newcomer()
        self.callers: list[socket.socket] = []
        self.asked = 0
        self.has_more = False
        self.left: list[Member] = []
        self.lingering: list[Member] = []
        self.handed: list[tuple[int, bytes]] = []
        self.faults: list[BaseException] = []
        self.reactor = Reactor(
            self._admit,
            boot=b"bootboot",
            on_http=lambda fileno, data, *_: self.handed.append((fileno, data)),
            on_crash=lambda _, exc: self.faults.append(exc),
        )
        self.log: Log = self.reactor.open_log(self)
        self.listener = socket.socket(socket.AF_UNIX)  # whoever has called is there at once
        self.listener.bind("")  # an abstract address of the kernel's choice
        self.listener.listen(100)
        self.listener.setblocking(False)
        self.reactor.add_listener(self.listener.fileno())

    def _admit(self, head: bytes, peer: bytes, source: bytes) -> Member | bytes | None:
        self.asked += 1
        return self.decide(self.asked - 1)

    def newcomer(self) -> Member:
        member = Member(b'"uid":"u","date":')
        self.log.attach(member)
        member.enqueue(SWITCHING)
        return member

    def on_leave(self, member: Member, is_lingering: bool) -> None:
        self.left.append(member)
        if is_lingering:
            self.lingering.append(member)

    def call(self, count: int, behind: bytes = b"") -> None:
        """So many new connections, their requests sent."""
        for _ in range(count):
            caller = socket.socket(socket.AF_UNIX)
            caller.settimeout(10)
            caller.connect(self.listener.getsockname())
            caller.sendall(HEAD + behind)
            self.callers.append(caller)

    def turn(self, budget_seconds: float = 0.004) -> bool:
        """One turn, once there is something to do. Whether there is more."""
        if not self.has_more:
            select.select([self.reactor], [], [], 10)
        self.has_more = self.reactor.turn(budget_seconds)
        return self.has_more

    def settle(self) -> None:
        """Turns until all who called have been decided on and nothing is left to do."""
        while self.asked < len(self.callers):
            self.turn()
        while self.has_more:
            self.turn()

    def count(self, name: str) -> int:
        return self.reactor.stats()[name]

    def close(self) -> None:
        self.reactor.close()
        for each in [self.listener, *self.callers]:
            each.close()


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.close()


def has_answer(caller: socket.socket) -> bool:
    return bool(select.select([caller], [], [], 0)[0])


def spend(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def test_all_are_decided_on_before_one_is_answered(door: Door) -> None:
    answered: list[int] = []

    def decide(_: int) -> Member:
        answered.append(sum(map(has_answer, door.callers)))
        return door.newcomer()

    door.decide = decide
    door.call(5)
    door.settle()
    assert answered == [0] * 5
    assert [caller.recv(100) for caller in door.callers] == [SWITCHING] * 5


@pytest.mark.parametrize("count", [1, BATCH - 1, BATCH, BATCH + 1, 5 * BATCH])
def test_none_is_left_over(door: Door, count: int) -> None:
    door.call(count)
    door.settle()
    assert (door.asked, door.count("admitted"), door.log.member_count) == (count, count, count)
    assert door.reactor.handshake_count == 0


def test_each_gets_its_own_answer(door: Door) -> None:
    def decide(number: int) -> Member | bytes | None:
        if number % 4 == 1:
            raise LookupError(number)
        return (door.newcomer(), b"", NOT_FOUND, None)[number % 4]

    door.decide = decide
    door.call(8, behind=b"more")
    door.settle()
    got = [
        caller.recv(12)
        for caller in door.callers
        if caller not in (door.callers[3], door.callers[7])
    ]
    assert got == [b"HTTP/1.1 101", b"HTTP/1.1 500", b"HTTP/1.1 404"] * 2
    assert [data for _, data in door.handed] == [HEAD + b"more"] * 2
    assert [repr(fault) for fault in door.faults] == ["LookupError(1)", "LookupError(5)"]
    for fileno, _ in door.handed:
        socket.socket(fileno=fileno).close()


def test_what_comes_behind_a_head_is_for_the_member(door: Door) -> None:
    door.call(3, behind=encode_frame(TEXT, b"1"))
    door.settle()
    assert door.count("messages") == 3


def test_heads_that_cost_much_do_not_add_up_within_a_round(door: Door) -> None:
    """Those that wait meanwhile count as handshakes, and the turn says that it has not done all."""

    def decide(_: int) -> Member:
        spend(DEAR_SECONDS)
        return door.newcomer()

    door.decide = decide
    door.call(6)
    waiting = []
    while True:
        has_more = door.turn(0)
        waiting.append(door.reactor.handshake_count)
        assert has_more or not waiting[-1]
        if door.asked == 6:
            break
        assert door.asked == len(waiting)
    assert waiting == [5, 4, 3, 2, 1, 0]


def test_dear_heads_do_not_gather(door: Door) -> None:
    def decide(_: int) -> Member:
        spend(DEAR_SECONDS)
        return door.newcomer()

    door.decide = decide
    door.call(3 * BATCH)
    longest = 0
    while door.asked < 3 * BATCH:
        door.turn(0)
        longest = max(longest, door.reactor.handshake_count)
    assert longest < BATCH


def test_news_of_one_that_waits_is_not_lost(door: Door) -> None:
    """It sends, or ends, between its head and the answer to it."""

    def decide(number: int) -> Member:
        spend(DEAR_SECONDS)
        if number == 0:
            door.callers[1].sendall(encode_frame(TEXT, b"1"))
            door.callers[2].close()
        return door.newcomer()

    door.decide = decide
    door.call(4)
    while door.asked < 4:
        door.turn(0)
    while door.count("messages") < 1 or not door.left:
        door.turn()
    assert door.count("messages") == 1
    assert door.log.member_count == 3
    assert len(door.left) == 1


def test_one_whose_channel_fails_before_its_answer_is_told_so(door: Door) -> None:
    first = door.newcomer()

    def decide(number: int) -> Member:
        if number == 0:
            return first
        first.close(1011, "the channel failed")
        return door.newcomer()

    door.decide = decide
    door.call(2)
    door.settle()
    assert door.callers[0].recv(12) == b"HTTP/1.1 500"
    assert door.callers[1].recv(100) == SWITCHING
    assert door.left == [first]
    assert door.lingering == []  # nobody is there who would close, too
    assert (door.count("admitted"), door.count("refused")) == (1, 1)
    assert door.reactor.stats().get("closed_1011", 0) == 0
    assert door.faults == []


def test_a_member_that_was_never_attached_fails_alone(door: Door) -> None:
    door.decide = lambda number: door.newcomer() if number else Member(b'"uid":"u","date":')
    door.call(2)
    door.settle()
    assert door.callers[0].recv(100) == b""
    assert door.callers[1].recv(100) == SWITCHING
    [fault] = door.faults
    assert "expected a member that is attached" in str(fault)


def test_a_member_that_has_a_connection_keeps_it(door: Door) -> None:
    member = door.newcomer()
    door.decide = lambda _: member
    door.call(1)
    door.settle()
    door.call(1)
    door.settle()
    assert door.callers[0].recv(100) == SWITCHING
    assert door.callers[1].recv(100) == b""
    assert (door.log.member_count, len(door.faults)) == (1, 1)


def test_the_reactor_may_be_closed_while_heads_wait(door: Door) -> None:
    def decide(number: int) -> Member:
        if number == 1:
            door.reactor.close()
        return door.newcomer()

    door.decide = decide
    door.call(3)
    with contextlib.suppress(ValueError):
        door.settle()
    assert [caller.recv(100) for caller in door.callers] == [b"", b"", b""]
    assert door.log.member_count == 0
    assert (door.reactor.connection_count, door.reactor.handshake_count) == (0, 0)


def test_what_a_callback_adopts_is_decided_on_too(door: Door) -> None:
    def decide(number: int) -> Member:
        if number == 0:
            ours, theirs = socket.socketpair()
            ours.settimeout(10)
            door.callers.append(ours)
            theirs.setblocking(False)
            door.reactor.adopt(theirs.detach(), HEAD)
        return door.newcomer()

    door.decide = decide
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    theirs.setblocking(False)
    door.callers.append(ours)
    door.reactor.adopt(theirs.detach(), HEAD)
    door.settle()
    assert [caller.recv(100) for caller in door.callers] == [SWITCHING] * 2
