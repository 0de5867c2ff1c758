"""Thousands of connections that come and go while messages flow: the counts stay exact and nothing is left behind."""

from __future__ import annotations

import pytest
from support.connection import Connection
from support.fixtures import StartRelay, VisitAt
from support.member import Bystanders, Member, Visitors
from support.process import RelayProcess
from support.websocket import TEXT, encode_frame, upgrade_head

BATCH = 100
BATCHES = 20  # BATCH * BATCHES connections a round
MEMORY_BOUND_BYTES = (
    4 << 20
)  # how far a round may leave the resident memory from where the one before left it


def end(member: Member, way: int) -> None:
    match way % 8:
        case 0 | 1 | 2:
            member.leave()
        case 3:
            member.send_close(4000)
            member.close()
        case 4:
            member.reset()
        case 5:
            member.finish_sending()
            member.receive_to_end()
        case 6:
            member.send(encode_frame(TEXT, b'"never finished"')[:9])
            member.close()
        case 7:
            member.send(encode_frame(0x3))
            member.receive_to_end()


def come_and_go(server: RelayProcess, pair: Bystanders, channel: str) -> None:
    """One round. The pair are members of the same channel: they see each join and leave, and talk in between."""
    joins = leaves = 0
    for batch in range(BATCHES):
        with Visitors(server.address) as visitors:
            crowd = [visitors.join(channel) for _ in range(BATCH)]
            strangers = [visitors.connect() for _ in range(5)]
            leave_in_the_middle(strangers, channel)
            for number in range(10):
                pair.first.send_text(f"[{batch},{number}]")
            for way, member in enumerate(crowd):
                end(member, way)
        events = [pair.second.receive_event()]
        while not (events[-1].get("total") == 2 and events[-1]["type"] == "leave"):
            events.append(pair.second.receive_event())
        messages = [event["message"] for event in events if "message" in event]
        assert messages == [[batch, number] for number in range(10)]
        joins += sum(event.get("type") == "join" for event in events)
        leaves += sum(event.get("type") == "leave" for event in events)
        pair.first.receive_through(lambda event: event.get("total") == 2)
    assert (joins, leaves) == (BATCH * BATCHES, BATCH * BATCHES)


def leave_in_the_middle(strangers: list[Connection], channel: str) -> None:
    head = upgrade_head(f"/c/{channel}")
    for cut, stranger in enumerate(strangers):
        stranger.send(head[: cut * 30])
        if cut % 2:
            stranger.reset()
        else:
            stranger.close()


def settled_descriptors(server: RelayProcess, pair: Bystanders, count: int) -> int:
    """How many are open once it is `count`, or after a fair number of looks with messages in between."""
    for _ in range(5000):
        if server.descriptor_count() <= count:
            break
        pair.exchange()
    return server.descriptor_count()


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_nothing_is_left_of_thousands(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay("--presence", "all")
    visitors = visit_at(server)
    pair = Bystanders(visitors, channel)
    pair.exchange()
    descriptors = server.descriptor_count()
    come_and_go(server, pair, channel)
    assert settled_descriptors(server, pair, descriptors) == descriptors
    memory = server.memory_bytes()
    come_and_go(server, pair, channel)
    assert settled_descriptors(server, pair, descriptors) == descriptors
    assert server.memory_bytes() - memory <= MEMORY_BOUND_BYTES
    assert visitors.join(channel).joined["total"] == 3


@pytest.mark.timeout(60)
def test_channels_are_forgotten_with_their_last_member(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay()
    visitors = visit_at(server)
    pair = Bystanders(visitors)

    def visit_channels(count: int, name: str) -> None:
        for number in range(count):
            with Visitors(server.address) as guest:
                guest.join(
                    f"{channel}-{name}-{number}-{'x' * 400}", as_="x" * 64, announce="1"
                ).leave()
        pair.exchange()

    visit_channels(1000, "warm-up")
    memory = server.memory_bytes()
    visit_channels(2000, "measured")
    assert server.memory_bytes() - memory <= MEMORY_BOUND_BYTES
