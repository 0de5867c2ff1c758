"""Members who leave, are cut or stay silent at the worst moment of a turn; each was found by an attack."""

from __future__ import annotations

import select
import socket
import time
from typing import Any

from support.connection import LIMIT_SECONDS
from support.websocket import PONG, TEXT, encode_frame

from relay._core import Member, Reactor
from relay._core import encode_frame as server_frame


class Crowd:
    """A reactor with one log and silent members on socket pairs."""

    def __init__(self, size: int, **settings: Any) -> None:
        self.reactor = Reactor(
            self.admit, boot=b"bootboot", on_http=print, on_crash=print, **settings
        )
        self.log = self.reactor.open_log(self)
        self.ends: list[socket.socket] = []
        for _ in range(size):
            mine, other = socket.socketpair()
            other.setblocking(False)
            self.reactor.adopt(other.detach(), b"GET / HTTP/1.1\r\n\r\n")
            self.ends.append(mine)
        while self.reactor.turn():
            pass

    def admit(self, head: bytes, peer: bytes, source: bytes) -> Member:
        member = Member(b'"uid":"u","date":')
        self.log.attach(member)
        member.enqueue(b"HTTP/1.1 101 \r\n\r\n")
        return member

    def on_leave(self, member: Member, is_lingering: bool) -> None:
        """Nobody is told."""

    def close(self) -> None:
        self.reactor.close()
        for end in self.ends:
            end.close()


def test_the_tail_leaves_in_the_middle_of_a_fan_out() -> None:
    """The unvisited leave between two slices of a pass, then some who were visited: the table must know who is where."""
    crowd = Crowd(140)
    try:
        members = crowd.log.members
        crowd.log.append(server_frame(TEXT, b"1"))
        assert crowd.reactor.turn(0.0), "the fan-out ended in one turn: this needs more members"
        unvisited = [member for member in members if member.is_behind]
        assert 0 < len(unvisited) < len(members)
        for member in unvisited:
            member.abort()
        staying = [member for member in members if member.log is not None]
        while staying:
            staying.pop(0 if len(staying) % 2 == 0 else -1).abort()
            assert sorted(map(id, crowd.log.members)) == sorted(map(id, staying))
    finally:
        crowd.close()


def test_an_abort_between_turns_makes_a_turn_due() -> None:
    """Descriptors are closed at the end of a turn; on an idle relay the next one may be far away."""
    crowd = Crowd(1)
    try:
        crowd.reactor.turn()
        crowd.log.members[0].abort()
        ready, _, _ = select.select([crowd.reactor.fileno()], [], [], LIMIT_SECONDS)
        assert ready
        crowd.reactor.turn()
        crowd.ends[0].settimeout(LIMIT_SECONDS)
        assert crowd.ends[0].recv(100) == b"HTTP/1.1 101 \r\n\r\n"
        assert crowd.ends[0].recv(100) == b""
    finally:
        crowd.close()


def test_a_listener_of_a_loud_channel_is_not_taken_for_silent() -> None:
    """Each turn has something new for it, so it is behind whenever the keepalive looks; it reads all and answers all pings."""
    interval = 0.5  # a busy machine may take some of it away
    crowd = Crowd(1, ping_interval_seconds=interval)
    try:
        listener = crowd.ends[0]
        listener.setblocking(False)
        member = crowd.log.members[0]
        began = time.monotonic()
        while time.monotonic() - began < 4 * interval:
            crowd.log.append(server_frame(TEXT, b"0"))
            crowd.reactor.turn()
            assert member.log is not None, "dropped"
            if b"\x89\x00" in listener.recv(1 << 16):
                listener.send(encode_frame(PONG))
    finally:
        crowd.close()
