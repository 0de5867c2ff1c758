"""Connections that end in every way but the proper one: the leave is told, the descriptor comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from support.fixtures import VisitAt
from support.member import Bystanders, Member, Visitors
from support.process import RelayProcess
from support.websocket import CONTINUATION, TEXT, encode_frame

Ending = Callable[[Member], None]


def half_close(member: Member) -> None:
    member.finish_sending()


def full_close(member: Member) -> None:
    member.close()


def reset(member: Member) -> None:
    member.reset()


def then(data: bytes, ending: Ending) -> Ending:
    def end(member: Member) -> None:
        member.send(data)
        ending(member)

    return end


HALF_A_FRAME = encode_frame(TEXT, b'"' + b"x" * 1000 + b'"')[:500]
HALF_A_HEADER = HALF_A_FRAME[:5]
HALF_A_MESSAGE = encode_frame(TEXT, b'"', fin=False) + encode_frame(CONTINUATION, b"x", fin=False)

ENDINGS: dict[str, Ending] = {"half-close": half_close, "close": full_close, "reset": reset}
ENDINGS |= {
    f"{name}, then {ending}": then(data, ENDINGS[ending])
    for name, data in (
        ("half a header", HALF_A_HEADER),
        ("half a frame", HALF_A_FRAME),
        ("half a message", HALF_A_MESSAGE),
        ("one byte", b"\x81"),
    )
    for ending in ("half-close", "close", "reset")
}


@pytest.fixture(scope="module")
def own() -> Iterator[RelayProcess]:
    """A relay of its own, whose descriptors nobody else opens meanwhile."""
    with RelayProcess() as server:
        yield server


@pytest.fixture
def guests(own: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(own)


def wait_for_descriptors(server: RelayProcess, count: int, pair: Bystanders) -> None:
    """Until the server has `count` open again; a round trip of messages lies between two looks."""
    for _ in range(5000):
        if server.descriptor_count() == count:
            return
        pair.exchange()
    pytest.fail(f"{server.descriptor_count()} descriptors are open, {count} expected")


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_the_leave_is_told_and_the_descriptor_freed(
    own: RelayProcess, guests: Visitors, channel: str, end: Ending
) -> None:
    pair = Bystanders(guests)
    witness = guests.join(channel)
    pair.exchange()
    before = own.descriptor_count()
    leavers = [guests.join(channel, announce="1") for _ in range(5)]
    witness.receive_total(6)
    assert own.descriptor_count() == before + 5
    for count, leaver in zip(range(5, 0, -1), leavers, strict=True):
        end(leaver)
        event = witness.receive_event()
        assert (event["type"], event["uid"], event["total"]) == ("leave", leaver.uid, count)
    if end is half_close:
        for leaver in leavers:
            leaver.receive_to_end()
    wait_for_descriptors(own, before, pair)


def test_one_who_is_gone_while_others_send(
    own: RelayProcess, guests: Visitors, channel: str
) -> None:
    sender, receiver = guests.join(channel), guests.join(channel)
    for number in range(100):
        leaver = guests.join(channel)
        sender.send_text(str(number))
        leaver.reset()
    events = receiver.receive_through(lambda event: event.get("message") == 99)
    assert [event["message"] for event in events if "message" in event] == list(range(100))
    totals = [2, *(event["total"] for event in events if "total" in event)]
    assert all(abs(later - earlier) == 1 for earlier, later in pairwise(totals)), totals
    if totals[-1] != 2:
        receiver.receive_total(2)
    assert guests.join(channel).joined["total"] == 3


def test_one_who_leaves_with_messages_unread(guests: Visitors, channel: str) -> None:
    """Closing a socket that holds unread bytes resets the connection."""
    sender, leaver = guests.join(channel), guests.join(channel)
    sender.receive_event()
    for _ in range(50):
        sender.send_text(*['"' + "x" * 1000 + '"'] * 10)
    sender.settle()
    leaver.close()
    assert sender.receive_event()["type"] == "leave"


def test_all_leave_at_once(own: RelayProcess, guests: Visitors, channel: str) -> None:
    pair = Bystanders(guests)
    pair.exchange()
    before = own.descriptor_count()
    crowd = [guests.join(channel) for _ in range(200)]
    for member in crowd:
        member.close()
    wait_for_descriptors(own, before, pair)
    assert guests.join(channel).joined["total"] == 1


@pytest.mark.parametrize("ending", [half_close, reset])
def test_the_violator_who_leaves(
    own: RelayProcess, guests: Visitors, channel: str, ending: Ending
) -> None:
    """The socket of one who broke the protocol and never reads its close frame is freed as well."""
    pair = Bystanders(guests)
    pair.exchange()
    before = own.descriptor_count()
    for _ in range(10):
        member = guests.join(channel)
        member.send(encode_frame(0x3))
        ending(member)
    wait_for_descriptors(own, before, pair)


def test_the_violator_who_stays(own: RelayProcess, guests: Visitors, channel: str) -> None:
    """And of one who neither answers nor goes away, within the time a closing handshake may take."""
    member = guests.join(channel)
    member.send(encode_frame(0x3))
    member.receive_close()
    member.socket.settimeout(30)
    member.expect_end()
