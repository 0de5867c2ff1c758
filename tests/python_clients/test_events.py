"""Frames to events: declared fields, the payload's keys below the envelope's, and what no client knows yet."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from relay import protocol
from relay.client.events import (
    CloseEvent,
    ErrorEvent,
    Event,
    GapEvent,
    JoinEvent,
    LeaveEvent,
    ListedMember,
    MessageEvent,
    OpenEvent,
    OtherEvent,
    decode_event,
    event_of,
)


def decode(**envelope: Any) -> Any:
    return decode_event(json.dumps(envelope))


def test_a_message() -> None:
    event = decode(id="i", uid="u", alias="Ann", date=1795192216691, message=[1, "two"])
    assert isinstance(event, MessageEvent)
    assert (event.id, event.uid, event.alias) == ("i", "u", "Ann")
    assert (event.date, event.message, event.type) == (1795192216691, [1, "two"], None)
    assert event.sent_at == datetime(2026, 11, 20, 16, 30, 16, 691000, UTC)


def test_what_is_absent_is_none() -> None:
    event = decode(message="posted")
    assert (event.id, event.uid, event.alias, event.date, event.sent_at) == (None,) * 5


def test_keys_of_an_object_are_attributes_below_the_envelopes() -> None:
    event = decode(uid="u", date=1, message={"x": 3, "uid": "feigned", "date": 2, "type": "cursor"})
    assert (event.x, event["x"], event.type) == (3, 3, "cursor")
    assert (event.uid, event["uid"], event.date, event["date"]) == ("u", "u", 1, 1)
    assert "x" in event
    assert "y" not in event


def test_an_id_of_the_payloads_own_where_the_relay_sent_none() -> None:
    assert decode(uid="u", message={"id": 7}).id == 7
    assert decode(id="i", uid="u", message={"id": 7}).id == "i"


def test_an_alias_in_the_payload_names_nobody() -> None:
    event = decode(uid="u", message={"alias": "admin"})
    assert event.alias is None
    assert event["alias"] == "admin"


@pytest.mark.parametrize("payload", [None, True, 1.5, "text", ["x"]])
def test_other_payloads_have_no_keys(payload: object) -> None:
    event = decode(uid="u", message=payload)
    assert event.message == payload
    with pytest.raises(AttributeError, match="MessageEvent has no 'x'"):
        _ = event.x
    with pytest.raises(KeyError, match="x"):
        _ = event["x"]


def test_a_payload_answers_no_protocol_of_python() -> None:
    event = decode(uid="u", message={"__array_interface__": {}, "__len__": 3})
    assert not hasattr(event, "__array_interface__")
    assert event["__len__"] == 3


def test_joins() -> None:
    join = decode(type="join", self=True, uid="u", users=[{"uid": "u", "self": True}], total=1)
    assert isinstance(join, JoinEvent)
    assert (join.self_, join.uid, join.total) == (True, "u", 1)
    assert join.users == [ListedMember(uid="u", self_=True)]
    other = decode(type="join", users=2, total=2, date=5)
    assert (other.self_, other.uid, other.users, other.date) == (False, None, 2, 5)


def test_leave_error_and_gap() -> None:
    assert isinstance(decode(type="leave", total=1), LeaveEvent)
    error = decode(type="error", message="no such recipient", date=1)
    assert isinstance(error, ErrorEvent)
    assert error.message == "no such recipient"
    gap = decode(type="gap", missed=3, date=1)
    assert isinstance(gap, GapEvent)
    assert gap.missed == 3
    assert decode(type="gap").missed is None


def test_what_the_server_writes_is_what_is_read() -> None:
    written = protocol.JoinEvent(self_=True, uid="u", alias="Ann", users=1, total=1, date=9)
    read = decode_event(protocol.encode(written).decode())
    assert isinstance(read, JoinEvent)
    assert (read.self_, read.uid, read.alias, read.users, read.total, read.date) == (
        *(True, "u", "Ann", 1, 1),
        9,
    )


def test_unknown_fields_are_kept() -> None:
    event = decode(type="leave", total=1, why="bored")
    assert (event.why, event["why"]) == ("bored", "bored")


@pytest.mark.parametrize(
    "envelope",
    [
        {"type": "kicked", "by": "u"},
        {"type": "join", "total": "many", "by": "u"},
        {"type": "join", "by": "u"},
        {"type": ["join"], "by": "u"},
        {"uid": 5, "message": 1, "by": "u"},
        {"by": "u", "date": "today"},
    ],
)
def test_what_is_not_known_is_kept_whole(envelope: dict[str, Any]) -> None:
    event = decode(**envelope)
    assert type(event) is OtherEvent
    assert event.envelope == envelope
    assert event.by == "u"
    assert event.type == envelope.get("type")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (r'{"message":"\ud83d"}', "\ud83d"),
        ('{"message":1e999}', float("inf")),
        ('{"message":123456789012345678901234567890}', 123456789012345678901234567890),
    ],
)
def test_json_that_is_rare(text: str, message: object) -> None:
    assert decode_event(text)["message"] == message


@pytest.mark.parametrize("text", ["", "{", "1", "[]", "null", '"x"', "undefined", "[" * 100_000])
def test_what_is_no_event(text: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="expected"):
        decode_event(text)
    with caplog.at_level(logging.WARNING):
        assert event_of(text) is None
    assert len(caplog.records) == 1


def test_a_binary_frame_is_no_event(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert event_of(b'{"message":"secret"}') is None
    assert "secret" not in caplog.text


def test_shown_as_it_came() -> None:
    assert repr(decode(uid="u", message={"x": 1})) == "MessageEvent(uid='u', message={'x': 1})"
    assert (
        repr(CloseEvent(code=1001, reason="bye"))
        == "CloseEvent(code=1001, reason='bye', was_clean=False)"
    )
    assert repr(OpenEvent()) == "OpenEvent()"


def test_events_are_structs_with_types_of_their_own() -> None:
    kinds = (MessageEvent, JoinEvent, LeaveEvent, ErrorEvent, GapEvent, OtherEvent)
    assert all(issubclass(kind, Event) and issubclass(kind, msgspec.Struct) for kind in kinds)
