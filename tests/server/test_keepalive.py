"""Pings of the server, and connections that have gone silent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.fixtures import VisitAt
from support.member import Visitors
from support.process import RelayProcess
from support.websocket import PING, PONG, TEXT


@pytest.fixture(scope="module")
def pinging() -> Iterator[RelayProcess]:
    with RelayProcess("--ping-interval", "1") as server:
        yield server


@pytest.fixture
def guests(pinging: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(pinging)


@pytest.mark.parametrize("path", ["/c/", "/r/"])
def test_the_server_pings(guests: Visitors, channel: str, path: str) -> None:
    member = guests.join(channel, path)
    for _ in range(2):
        frame = member.receive_frame()
        assert frame.opcode == PING
        member.send_frame(PONG, frame.payload)


@pytest.mark.slow
def test_the_silent_are_dropped_and_the_others_stay(guests: Visitors, channel: str) -> None:
    witness = guests.join(channel)
    silent = guests.join(channel, announce="1")
    witness.receive_event()
    event = witness.receive_event()  # which answers pings meanwhile
    assert (event["type"], event["uid"]) == ("leave", silent.uid)
    assert silent.receive_frame().opcode == PING
    silent.receive_to_end()
    assert witness.settle() == []


@pytest.mark.slow
def test_any_frame_is_a_sign_of_life(guests: Visitors, channel: str) -> None:
    """One who sends messages but no pongs is alive."""
    witness, talker = guests.join(channel), guests.join(channel)
    witness.receive_event()
    for number in range(5):
        while talker.receive_frame().opcode != PING:
            pass
        talker.send_frame(TEXT, b"%d" % number)
        assert witness.receive_message() == number
