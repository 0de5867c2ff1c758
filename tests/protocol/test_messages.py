"""The envelope of a message, and who gets it."""

from __future__ import annotations

import json
import re
import time

import pytest
from support.member import Visitors

PAYLOADS = [
    "1", "0", "-0", "1.0", "1.50", "1e5", "1E+2", "1e400", "-1.5e-300", "0.1e-5", "123456789012345678901234567890",
    "true", "false", "null", '""', '"x"', "[]", "{}", "[1,2,3]", '{"b":1,"a":2}', '{"a":1,"a":2}',
    " 1", "1 ", " \t\r\n{ \"a\" :\t1 , \"b\" : [ ] }\n ", "[1 ,2]",
    '"é日🦆"', '"\\u00e9\\u65e5\\ud83e\\udd86"', '"\\/\\"\\\\\\b\\f\\n\\r\\t"', '"\u007f\u0080\u2028\u2029"', '"\ufeff"',
    '{"type":"join","self":true,"uid":"admin"}', '{"message":"x","date":0}', '"undefined"', '"@@x@@1"', '{"":{"":[]}}',
    '"\\u0000"', "[" * 60 + "]" * 60,
]  # fmt: skip


@pytest.mark.parametrize("path", ["/c/", "/r/"])
@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_the_payload_is_relayed_byte_for_byte(
    visit: Visitors, channel: str, path: str, payload: str
) -> None:
    receiver = visit.join(channel, path)
    sender = visit.join(channel, as_="Ada")
    receiver.receive_event()
    sender.send_text(payload)
    envelope = receiver.receive_text()
    head = (
        rb'\{"id":("[^"\\]+"|\d+),"uid":"%s","alias":"Ada","date":(\d{13}),"message":'
        % sender.uid.encode()
    )
    assert re.fullmatch(head + re.escape(payload.encode()) + rb"\}", envelope), envelope
    json.loads(envelope)


def test_an_envelope_without_alias(visit: Visitors, channel: str) -> None:
    receiver, sender = visit.join(channel), visit.join(channel)
    receiver.receive_event()
    sender.send_text("1")
    assert list(receiver.receive_event()) == ["id", "uid", "date", "message"]


@pytest.mark.parametrize(
    ("payload", "has_id"),
    [
        ('{"id":1}', False),
        ('{ "id" : 1 }', False),
        ('{"a":{"id":null}}', False),
        ('["id"]', False),
        ('"id"', False),
        ('{"a":"id"}', False),
        ('{"id1":1,"xid":2,"ID":3}', True),
        ('"\\"id\\""', True),
        ('{"i\\u0064":1}', True),
        ('"a id b"', True),
        ("{}", True),
    ],
)
def test_id_gives_way_to_the_payloads_own(
    visit: Visitors, channel: str, payload: str, has_id: bool
) -> None:
    receiver, sender = visit.join(channel), visit.join(channel)
    receiver.receive_event()
    sender.send_text(payload)
    event = receiver.receive_event()
    assert list(event) == (["id"] if has_id else []) + ["uid", "date", "message"]
    assert event["message"] == json.loads(payload)


def test_ids_are_unique(visit: Visitors, channel: str) -> None:
    receiver, one, two = visit.join(channel), visit.join(channel), visit.join(channel)
    receiver.receive_total(3)
    for sender in (one, two):
        sender.send_text(*["1"] * 200)
    events = [receiver.receive_event() for _ in range(400)]
    assert len({event["id"] for event in events}) == 400


def test_all_receivers_see_the_same_bytes(visit: Visitors, channel: str) -> None:
    receivers = [visit.join(channel) for _ in range(3)] + [
        visit.join(channel, "/r/"),
        visit.join(channel, list="1"),
    ]
    sender = visit.join(channel, echo="1")
    for receiver in receivers:
        receiver.receive_total(6)
    sender.send_text('{"a":1}')
    assert len({receiver.receive_text() for receiver in [*receivers, sender]}) == 1


def test_date_is_in_milliseconds_and_never_goes_back(visit: Visitors, channel: str) -> None:
    receiver, sender = visit.join(channel), visit.join(channel)
    receiver.receive_event()
    sender.send_text(*["1"] * 50)
    dates = [receiver.receive_event()["date"] for _ in range(50)]
    assert all(type(date) is int for date in dates)
    assert (
        abs(dates[0] - time.time() * 1000) < 60_000
    )  # a unit or an origin that is wrong is off by far more
    assert dates == sorted(dates)


@pytest.mark.parametrize("path", ["/c/", "/r/"])
def test_echo(visit: Visitors, channel: str, path: str) -> None:
    quiet, loud = visit.join(channel), visit.join(channel, path, echo="true", announce="1")
    quiet.receive_event()
    loud.send_text('"from loud"')
    assert quiet.receive_message() == "from loud"  # of two connections either may be read first
    quiet.send_text('"from quiet"')
    assert quiet.settle() == []
    assert [event["message"] for event in loud.settle()] == ["from loud", "from quiet"]


def test_messages_stay_within_their_channel(visit: Visitors, channel: str) -> None:
    here, there = visit.join(channel), visit.join(channel + "x")
    here.send_text('"here"')
    here.settle()
    assert there.settle() == []


def test_alone_in_a_channel(visit: Visitors, channel: str) -> None:
    member = visit.join(channel)
    member.send_text("1")
    assert member.settle() == []


@pytest.mark.parametrize("pieces", [1, 2, 3, 7])
def test_a_fragmented_message_is_one_message(visit: Visitors, channel: str, pieces: int) -> None:
    receiver, sender = visit.join(channel), visit.join(channel)
    receiver.receive_event()
    payload = '{"text":"日本 🦆"}'.encode()
    size = -(-len(payload) // pieces)
    for start in range(0, len(payload), size):
        sender.send_frame(
            0 if start else 1, payload[start : start + size], fin=start + size >= len(payload)
        )
    assert receiver.receive_message() == {"text": "日本 🦆"}
