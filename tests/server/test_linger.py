"""Turns that wait a moment for the next message: where there is a dialogue, and only where it is asked for."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from support.websocket import TEXT, encode_frame

from .house import House

PING = encode_frame(TEXT, b"1")
LONGEST_SECONDS = 0.001


@pytest.fixture
def dialogue() -> Iterator[House]:
    """Two members, each of which answers whatever it gets, from a thread of its own."""
    house = House(message_rate=0.0)
    for uid in "ab":
        house.enter(uid)
    threads = [threading.Thread(target=answer, args=(peer,)) for peer in house.peers]
    for thread in threads:
        thread.start()
    house.peers[0].sendall(PING)
    yield house
    house.reactor.close()
    for thread in threads:
        thread.join()
    house.close()


def answer(peer: socket.socket) -> None:
    try:
        while peer.recv(65536):
            peer.sendall(PING)
    except ConnectionError:
        pass  # the reactor was closed with something unread


def take_turns(house: House, linger_seconds: float, messages: int) -> None:
    """As the server does, until so many messages have come."""
    while house.counted("messages")[0] < messages:
        if not house.reactor.turn(0.004, linger_seconds):
            select.select([house.reactor], [], [])


def more_wakeups_than_turns(house: House) -> bool:
    """A wake-up that is not a turn's own is one within a turn."""
    wakeups, turns = house.counted("wakeups", "turns")
    return wakeups > turns


def test_in_a_dialogue_a_turn_waits_for_the_answer(dialogue: House) -> None:
    messages = 0
    while not more_wakeups_than_turns(dialogue):
        messages += 10
        take_turns(dialogue, LONGEST_SECONDS, messages)


def test_no_turn_waits_unasked(dialogue: House) -> None:
    take_turns(dialogue, 0.0, messages=500)
    assert not more_wakeups_than_turns(dialogue)


def test_no_turn_waits_where_pauses_are_longer_than_it_would(dialogue: House) -> None:
    """No pause is as short as a nanosecond."""
    take_turns(dialogue, 1e-9, messages=500)
    assert not more_wakeups_than_turns(dialogue)


def test_each_turn_is_noted_once_however_often_it_waited(dialogue: House) -> None:
    take_turns(dialogue, LONGEST_SECONDS, messages=500)
    turns = dialogue.reactor.histograms()["turn_seconds"]
    assert sum(turns["counts"]) == dialogue.counted("turns")[0]
    assert dialogue.reactor.busy_seconds == pytest.approx(turns["sum"])


def test_waiting_in_vain_does_not_count_as_work() -> None:
    """No turn works for longer than it takes, also when it has waited for what did not come."""
    house = House()
    house.enter("a")
    house.enter("b")
    began = time.monotonic()
    before = house.reactor.busy_seconds
    for _ in range(20):
        house.peers[0].sendall(PING)
        while house.reactor.turn(0.004, LONGEST_SECONDS):
            pass
    assert house.reactor.busy_seconds - before <= time.monotonic() - began
    house.close()
