"""Crowds that drip the head of a request and never finish it: they are cut, and nobody else has to wait for that."""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Self, TypeAlias

import pytest
from support.connection import LIMIT_SECONDS, Address
from support.fixtures import StartRelay, VisitAt
from support.member import Bystanders, Visitors, new_channel
from support.process import RelayProcess

HEAD = b"GET /c/x HTTP/1.1\r\nHost: relay.test\r\nX-Drip: "
CROWD = 2_000
FILE_LIMIT = 200
MANY_ROUNDS = 2_000


class Flood:
    """Callers who send a request's head a byte at a time, all in step."""

    def __init__(self, address: Address, count: int) -> None:
        self._address = address
        self._selector = selectors.DefaultSelector()
        self._round = 0
        self.answers: list[bytes] = []
        self.grow(count)

    def grow(self, count: int) -> None:
        for _ in range(count):
            sock = socket.create_connection(self._address, LIMIT_SECONDS)
            self._selector.register(sock, selectors.EVENT_READ)

    @property
    def size(self) -> int:
        """How many have not been cut."""
        return len(self._selector.get_map())

    def drip(self) -> None:
        """A byte from each, and a look at who was cut, which takes a moment when nobody was."""
        byte = HEAD[self._round : self._round + 1] or b"x"
        self._round += 1
        for sock in self._sockets():
            with contextlib.suppress(ConnectionError):
                sock.send(byte)
        for key, _ in self._selector.select(0.1):
            assert isinstance(key.fileobj, socket.socket)
            self._take_answer(key.fileobj)

    def _take_answer(self, sock: socket.socket) -> None:
        try:
            self.answers.append(sock.recv(4096))
        except ConnectionError:
            self.answers.append(b"")
        self._selector.unregister(sock)
        sock.close()

    def _sockets(self) -> list[socket.socket]:
        keys = self._selector.get_map().values()
        return [key.fileobj for key in keys if isinstance(key.fileobj, socket.socket)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for sock in self._sockets():
            sock.close()
        self._selector.close()


FloodAt: TypeAlias = Callable[[RelayProcess, int], Flood]


@pytest.fixture
def flood_at() -> Iterator[FloodAt]:
    with ExitStack() as stack:
        yield lambda server, count: stack.enter_context(Flood(server.address, count))


def few_places(handshake_timeout: str) -> RelayProcess:
    return RelayProcess("--handshake-timeout", handshake_timeout, file_limit=FILE_LIMIT)


def is_cut(answer: bytes) -> bool:
    return answer == b"" or answer.startswith(b"HTTP/1.1 408")


@pytest.mark.slow
def test_a_crowd_that_drips(start_relay: StartRelay, visit_at: VisitAt, flood_at: FloodAt) -> None:
    """Newcomers get in while it is there, and all of it is cut when its time is up."""
    server = start_relay("--handshake-timeout", "4")
    guests = visit_at(server)
    pair = Bystanders(guests)
    flood = flood_at(server, CROWD)
    most = 0
    for _ in range(MANY_ROUNDS):
        flood.drip()
        newcomer = guests.join(new_channel())
        pair.exchange()
        most = max(most, flood.size)
        newcomer.leave()
        if flood.size == 0:
            break
    assert most > CROWD // 2, "the crowd was never there"
    assert len(flood.answers) == CROWD
    assert all(map(is_cut, flood.answers))


@pytest.mark.slow
def test_a_crowd_that_takes_every_place_loses_it(flood_at: FloodAt, channel: str) -> None:
    """Members are served all the while, and afterwards there is room again."""
    with few_places("2") as server, Visitors(server.address) as guests:
        pair = Bystanders(guests)
        flood = flood_at(server, 2 * FILE_LIMIT)
        for _ in range(MANY_ROUNDS):
            flood.drip()
            pair.exchange()
            if flood.size == 0:
                break
        assert len(flood.answers) == 2 * FILE_LIMIT
        assert guests.join(channel).joined["total"] == 1


def test_a_crowd_cannot_take_every_place(flood_at: FloodAt, channel: str) -> None:
    """However long its time is: the oldest of it make room, and newcomers get in."""
    with few_places("600") as server, Visitors(server.address) as guests:
        pair = Bystanders(guests)
        flood = flood_at(server, 2 * FILE_LIMIT)
        for count in range(1, 11):
            flood.drip()
            assert guests.join(channel).joined["total"] == count
            pair.exchange()
            flood.grow(FILE_LIMIT)
