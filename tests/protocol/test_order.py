"""Who sees what in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.member import Member, Visitors
from support.websocket import CLOSE, TEXT, close_payload, encode_frame

COUNT = 300  # well within the default burst


def messages(member: Member, count: int) -> list[Any]:
    return [member.receive_message() for _ in range(count)]


def test_broadcasts_arrive_in_order(visit: Visitors, channel: str) -> None:
    receivers = [visit.join(channel) for _ in range(3)]
    sender = visit.join(channel, echo="1")
    for receiver in receivers:
        receiver.receive_total(4)
    sender.send_text(*(f"{number}" for number in range(COUNT)))
    for member in (*receivers, sender):
        assert messages(member, COUNT) == list(range(COUNT))


@pytest.mark.parametrize("at_once", [True, False])
def test_direct_messages_and_broadcasts_keep_their_order(
    visit: Visitors, channel: str, at_once: bool
) -> None:
    recipient, other, sender = visit.join(channel), visit.join(channel), visit.join(channel)
    recipient.receive_total(3)
    other.receive_total(3)
    texts = [f"@@{recipient.uid}@@{n}" if n % 3 else f"{n}" for n in range(COUNT)]
    if at_once:
        sender.send_text(*texts)
    else:
        for text in texts:
            sender.send_text(text)
    assert messages(recipient, COUNT) == list(range(COUNT))
    assert messages(other, COUNT // 3) == list(range(0, COUNT, 3))
    assert other.settle() == []


def test_direct_messages_to_oneself_among_echoes(visit: Visitors, channel: str) -> None:
    member = visit.join(channel, echo="1")
    member.send_text(*(f"@@{member.uid}@@{n}" if n % 2 else f"{n}" for n in range(COUNT)))
    assert messages(member, COUNT) == list(range(COUNT))


def test_errors_keep_their_place_among_echoes(visit: Visitors, channel: str) -> None:
    member = visit.join(channel, echo="1")
    member.send_text("1", "undefined", "2")
    assert member.receive_message() == 1
    member.receive_error()
    assert member.receive_message() == 2


def test_all_members_see_one_order(visit: Visitors, channel: str) -> None:
    watchers = [visit.join(channel) for _ in range(3)]
    senders = [visit.join(channel, echo="1") for _ in range(3)]
    for member in (*watchers, *senders[:-1]):
        member.receive_total(6)
    for start in range(0, COUNT, 10):
        for index, sender in enumerate(senders):
            sender.send_text(*(f"[{index},{number}]" for number in range(start, start + 10)))
    total = COUNT * len(senders)
    seen = [messages(member, total) for member in (*watchers, *senders)]
    assert all(order == seen[0] for order in seen)
    for index in range(len(senders)):
        assert [number for sender, number in seen[0] if sender == index] == list(range(COUNT))


def test_a_sender_without_echo_sees_the_others_in_the_same_order(
    visit: Visitors, channel: str
) -> None:
    watcher, one, two = (visit.join(channel) for _ in range(3))
    for member in (watcher, one):
        member.receive_total(3)
    for number in range(50):
        one.send_text(f"[1,{number}]")
        two.send_text(f"[2,{number}]")
    order = messages(watcher, 100)
    for member, own in ((one, 1), (two, 2)):
        assert messages(member, 50) == [message for message in order if message[0] != own]


def end_by_close(member: Member) -> bytes:
    return encode_frame(CLOSE, close_payload(1000))


def end_by_violation(member: Member) -> bytes:
    return b"\xff" * 14


@pytest.mark.parametrize("end", [end_by_close, end_by_violation])
def test_what_was_sent_comes_before_the_leave(
    visit: Visitors, channel: str, end: Callable[[Member], bytes]
) -> None:
    """`push`: send and close in one go."""
    watchers = [visit.join(channel) for _ in range(3)]
    pusher = visit.join(channel, announce="1", as_="Ada")
    for watcher in watchers:
        watcher.receive_total(4)
    texts = [str(number) for number in range(100)] + [f'@@{watchers[0].uid}@@"last"']
    pusher.send(b"".join(encode_frame(TEXT, text.encode()) for text in texts) + end(pusher))
    for watcher in watchers:
        assert messages(watcher, 100) == list(range(100))
        if watcher is watchers[0]:
            assert watcher.receive_message() == "last"
        event = watcher.receive_event()
        assert (event["type"], event["uid"], event["total"]) == ("leave", pusher.uid, 3)


@pytest.mark.parametrize("half", [True, False])
def test_push_that_ends_the_connection_without_a_close_frame(
    visit: Visitors, channel: str, half: bool
) -> None:
    watcher, pusher = visit.join(channel), visit.join(channel)
    watcher.receive_event()
    pusher.send_text(*(str(number) for number in range(100)))
    if half:
        pusher.finish_sending()
    else:
        pusher.close()
    assert messages(watcher, 100) == list(range(100))
    assert watcher.receive_event()["type"] == "leave"


def test_push_in_the_segment_of_the_opening_handshake(visit: Visitors, channel: str) -> None:
    watcher = visit.join(channel)
    then = encode_frame(TEXT, b'"pushed"') + encode_frame(CLOSE, close_payload(1000))
    pusher = visit.enter(f"/c/{channel}", then=then)
    assert [event.get("type", "message") for event in (watcher.receive_event() for _ in range(3))] == [
        "join", "message", "leave",
    ]  # fmt: skip
    pusher.expect_close(1000)


def test_a_join_keeps_its_place_among_messages(visit: Visitors, channel: str) -> None:
    """A newcomer's first message is never seen before its join."""
    watcher = visit.join(channel)
    for number in range(20):
        newcomer = visit.enter(f"/c/{channel}?announce=1", then=encode_frame(TEXT, b"%d" % number))
        joined, message = watcher.receive_event(), watcher.receive_event()
        assert (joined["type"], joined["uid"]) == ("join", newcomer.uid)
        assert (message["uid"], message["message"]) == (newcomer.uid, number)
        newcomer.leave()
        assert watcher.receive_event()["type"] == "leave"
