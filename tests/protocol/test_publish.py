"""What is posted to a channel: who gets it, in what envelope, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.fixtures import StartRelay, VisitAt
from support.member import Visitors

from .test_party_post import assert_refused, delivered, post

KIBIBYTE = 1 << 10
MAX_MESSAGE = 100 * KIBIBYTE
MAX_BATCH = 256 * KIBIBYTE


@pytest.mark.parametrize("path", ["/c/", "/push/", "/r/"])
def test_it_goes_to_everyone(visit: Visitors, channel: str, path: str) -> None:
    members = [visit.join(channel), visit.join(channel, echo="1")]
    reader = visit.stream(f"/c/{channel}")
    for member in members:
        member.receive_total(3)
    assert delivered(post(visit, path + channel, b'{"hello": 1.0}')) == 3
    for event in [*(member.receive_event() for member in members), reader.receive_json()]:
        assert list(event) == ["id", "date", "message"]
        assert event["message"] == {"hello": 1.0}


def test_byte_for_byte(visit: Visitors, channel: str) -> None:
    member = visit.join(channel)
    payload = b' {"b": 1e2, "a":"\\u00e9\\ud83d" , "b":\t-0}\n'
    post(visit, f"/c/{channel}", payload)
    assert member.receive_text().endswith(b',"message":' + payload + b"}")


@pytest.mark.parametrize(
    ("query", "alias"), [("?as=Bot", "Bot"), ("?alias=Bot", "Bot"), ("?as=a+%22b", 'a "b')]
)
def test_an_alias(visit: Visitors, channel: str, query: str, alias: str) -> None:
    member = visit.join(channel)
    post(visit, f"/c/{channel}{query}", b"1")
    event = member.receive_event()
    assert list(event) == ["id", "alias", "date", "message"]
    assert event["alias"] == alias


def test_no_id_beside_one_in_the_payload(visit: Visitors, channel: str) -> None:
    member = visit.join(channel)
    post(visit, f"/c/{channel}", b'{"id": 7}')
    assert list(member.receive_event()) == ["date", "message"]


def test_an_id_is_unique_among_all(visit: Visitors, channel: str) -> None:
    member, sender = visit.join(channel), visit.join(channel)
    member.receive_total(2)
    for _ in range(3):
        post(visit, f"/c/{channel}", b"1")
        sender.send_text("1")
        sender.settle()
    assert len({member.receive_event()["id"] for _ in range(6)}) == 6


def test_nobody_there(visit: Visitors, channel: str) -> None:
    assert delivered(post(visit, f"/c/{channel}", b"1")) == 0
    assert visit.join(channel).joined["total"] == 1


def test_an_address_is_no_json(visit: Visitors, channel: str) -> None:
    member = visit.join(channel)
    assert_refused(post(visit, f"/c/{channel}", f"@@{member.uid}@@1".encode()), 400, "JSON")


@pytest.mark.parametrize(
    "body", [b"", b"x", b"{", b"1 2", b'1},"uid":"admin"', b'"\xff"', b"[" * 10_000]
)
def test_what_is_not_one_json_value(visit: Visitors, channel: str, body: bytes) -> None:
    member = visit.join(channel)
    assert_refused(post(visit, f"/c/{channel}", body), 400, "one valid JSON value")
    assert member.settle() == []


@pytest.mark.parametrize(
    ("size", "status"), [(MAX_MESSAGE - 1, 200), (MAX_MESSAGE, 200), (MAX_MESSAGE + 1, 413)]
)
def test_the_largest_message(visit: Visitors, channel: str, size: int, status: int) -> None:
    assert post(visit, f"/c/{channel}", b'"%s"' % (b"x" * (size - 2))).status == status


def receive_messages(member: Any, count: int) -> list[Any]:
    return [member.receive_message() for _ in range(count)]


@pytest.mark.parametrize("query", ["?batch=true", "?batch=1&as=Bot", "?batch"])
def test_a_batch(visit: Visitors, channel: str, query: str) -> None:
    member, reader = visit.join(channel), visit.stream(f"/c/{channel}")
    member.receive_total(2)
    body = b' [ {"n": 1.0},\n"two" ,[3], null]'
    assert delivered(post(visit, f"/c/{channel}{query}", body)) == 8
    messages = [{"n": 1.0}, "two", [3], None]
    assert receive_messages(member, 4) == receive_messages(reader, 4) == messages


def test_without_the_option_an_array_is_one_message(visit: Visitors, channel: str) -> None:
    member = visit.join(channel)
    assert delivered(post(visit, f"/c/{channel}?batch=false", b"[1,2]")) == 1
    assert member.receive_message() == [1, 2]


def test_an_empty_batch(visit: Visitors, channel: str) -> None:
    visit.join(channel)
    assert delivered(post(visit, f"/c/{channel}?batch=true", b"[]")) == 0


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"1", 400, "no JSON array"),
        (b'{"a":[1]}', 400, "no JSON array"),
        (b"[1,]", 400, "no JSON array"),
        (b"[1][2]", 400, "no JSON array"),
        (b"", 400, "no JSON array"),
        (b'["\xff"]', 400, "UTF-8"),
        (b'["\\ud83d"]', 400, "surrogate"),
        (b"[" * 10_000, 400, "no JSON array"),
        (b"[%s]" % b",".join([b"1"] * 1001), 413, "at most 1000 messages"),
        (b'[1,"%s"]' % (b"x" * (MAX_MESSAGE - 1)), 413, "larger than 102400 bytes"),
        (b'["%s"]' % (b"x" * MAX_BATCH), 413, "larger than 262144"),
    ],
)
def test_a_batch_that_is_refused_is_refused_whole(
    visit: Visitors, channel: str, body: bytes, status: int, word: str
) -> None:
    member = visit.join(channel)
    assert_refused(post(visit, f"/c/{channel}?batch=true", body), status, word)
    assert member.settle() == []


@pytest.mark.parametrize("count", [999, 1000])
def test_the_largest_batch(visit: Visitors, channel: str, count: int) -> None:
    member = visit.join(channel)
    body = json.dumps(list(range(count))).encode()
    assert delivered(post(visit, f"/c/{channel}?batch=true", body)) == count
    assert receive_messages(member, count) == list(range(count))


def test_each_message_of_a_batch_counts(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    flags = ("--limit-loopback", "--message-rate", "0.001", "--message-burst", "10")
    visit = visit_at(start_relay(*flags))
    target = f"/c/{channel}?batch=true"
    assert delivered(post(visit, target, b"[1,2,3,4,5,6]")) == 0
    assert_refused(post(visit, target, b"[1,2,3,4,5]"), 429, "too many messages")
    assert delivered(post(visit, target, b"[1,2]")) == 0
    assert_refused(post(visit, target, b"[%s]" % b",".join([b"1"] * 12)), 413, "at once")


RIGHT = ("x-join-key: in", "x-send-key: out")


def test_the_keys_of_a_namespace(
    start_relay: StartRelay, visit_at: VisitAt, tmp_path: Path, channel: str
) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(f'[namespaces."{channel}"]\njoin_keys = ["in"]\nsend_keys = ["out"]\n')
    visit = visit_at(start_relay("--config", str(config)))
    member = visit.join(channel, joinKey="in")
    for target in (f"/c/{channel}", f"/push/{channel}", f"/c/{channel}:sub"):
        assert_refused(post(visit, target, b"1"), 401, "join key is missing")
        assert_refused(post(visit, target, b"1", RIGHT[0]), 401, "send key is missing")
        assert_refused(post(visit, target, b"1", RIGHT[0], "x-send-key: no"), 403, "send key")
    assert delivered(post(visit, f"/push/{channel}", b'"in"', *RIGHT)) == 1
    assert member.receive_message() == "in"


def test_the_keys_of_an_event_stream(
    start_relay: StartRelay, visit_at: VisitAt, tmp_path: Path, channel: str
) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(f'[namespaces."{channel}"]\njoin_keys = ["in"]\n')
    visit = visit_at(start_relay("--config", str(config)))
    for query in ("", "?joinKey=no"):
        caller = visit.connect()
        head = f"GET /c/{channel}{query} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
        caller.send(head.encode())
        assert_refused(caller.receive_response(), 403, "join key")
    assert visit.stream(f"/c/{channel}?joinKey=in").joined["total"] == 1
    assert visit.stream(f"/c/{channel}", "x-join-key: in").joined["total"] == 2
