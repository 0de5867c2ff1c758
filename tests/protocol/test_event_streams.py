"""Event streams: members that read over HTTP what others read in frames."""

from __future__ import annotations

import json

import pytest
from support.member import Bystanders, Visitors
from support.stream import StreamReader


def test_the_head_and_the_preface(visit: Visitors, channel: str) -> None:
    reader = visit.stream(f"/c/{channel}")
    assert reader.headers["content-type"] == "text/event-stream"
    assert "no-cache" in reader.headers["cache-control"]
    assert reader.headers["access-control-allow-origin"] == "*"
    assert "content-length" not in reader.headers
    assert reader.retry_milliseconds is not None
    assert 1000 <= reader.retry_milliseconds <= 4000
    assert reader.last_id == reader.uid
    assert reader.joined["users"] == reader.joined["total"] == 1


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    "accept", ["text/event-stream", "Text/Event-Stream", "*/*;q=0.1, text/event-stream;q=0.9"]
)
def test_what_asks_for_a_stream(visit: Visitors, channel: str, version: str, accept: str) -> None:
    reader = visit.keep(StreamReader(visit.address))
    reader.send(f"GET /c/{channel} HTTP/{version}\r\nHost: x\r\nAccept: {accept}\r\n\r\n".encode())
    reader.receive_head()
    assert reader.status == 200
    assert reader.receive_json()["self"] is True


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /party/{} HTTP/1.1", 426),
        ("GET /push/{} HTTP/1.1", 405),
        ("HEAD /c/{} HTTP/1.1", 426),
        ("DELETE /c/{} HTTP/1.1", 405),
        ("GET /c/" + "x" * 513 + "{} HTTP/1.1", 414),
        ("GET /nowhere/{} HTTP/1.1", 404),
    ],
)
def test_what_gets_none(visit: Visitors, channel: str, line: str, status: int) -> None:
    caller = visit.connect()
    head = f"{line.format(channel)}\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
    caller.send(head.encode())
    assert caller.receive_response(to_head=line.startswith("HEAD")).status == status


def test_a_stream_is_a_member(visit: Visitors, channel: str) -> None:
    member = visit.join(channel)
    reader = visit.stream(f"/c/{channel}?announce=true&as=Ann")
    assert reader.joined["total"] == 2
    told = member.receive_event()
    assert (told["type"], told["uid"], told["alias"], told["total"]) == (
        "join",
        reader.uid,
        "Ann",
        2,
    )
    member.send_text('{"n": 1.0}')
    event = reader.receive_json()
    assert (event["uid"], event["message"]) == (member.uid, {"n": 1.0})
    reader.close()
    left = member.receive_event()
    assert (left["type"], left["uid"], left["total"]) == ("leave", reader.uid, 1)


def test_the_same_channel_by_the_old_path(visit: Visitors, channel: str) -> None:
    reader = visit.stream(f"/r/{channel}?announce=1")
    visit.join(channel).send_text("1")
    assert reader.receive_json()["type"] == "join"
    assert reader.receive_message() == 1


def test_joins_leaves_and_counts(visit: Visitors, channel: str) -> None:
    first = visit.stream(f"/c/{channel}")
    second = visit.stream(f"/c/{channel}")
    assert first.receive_json()["total"] == 2
    member = visit.join(channel)
    assert member.joined["total"] == 3
    assert [first.receive_json()["total"], second.receive_json()["total"]] == [3, 3]
    second.close()
    assert first.receive_json() | {"date": 0} == {
        "type": "leave",
        "users": 2,
        "total": 2,
        "date": 0,
    }
    member.leave()
    assert first.receive_json()["total"] == 1


def test_list(visit: Visitors, channel: str) -> None:
    announced = visit.stream(f"/c/{channel}?announce=1&as=A")
    frames = visit.join(channel, list="1", announce="1")
    assert [user["uid"] for user in frames.joined["users"]] == [announced.uid, frames.uid]
    reader = visit.stream(f"/c/{channel}?list=1&announce=1")
    assert {user["uid"]: user.get("self") for user in reader.joined["users"]} == {
        announced.uid: None,
        frames.uid: None,
        reader.uid: True,
    }
    visit.join(channel)
    assert "users" not in reader.receive_json()
    assert [announced.receive_json()["users"] for _ in range(3)] == [2, 3, 4]


def test_a_direct_message_to_a_stream(visit: Visitors, channel: str) -> None:
    sender, other = visit.join(channel), visit.stream(f"/c/{channel}")
    reader = visit.stream(f"/c/{channel}")
    for text in ('"before"', f'@@{reader.uid}@@{{"to":\n"you"}}', '"after"'):
        sender.send_text(text)
    assert [reader.receive_message() for _ in range(3)] == ["before", {"to": "you"}, "after"]
    assert other.receive_json()["total"] == 3
    assert [other.receive_message() for _ in range(2)] == ["before", "after"]


def test_a_reader_that_has_gone_is_unknown(visit: Visitors, channel: str) -> None:
    sender, reader = visit.join(channel), visit.stream(f"/c/{channel}")
    reader.close()
    sender.receive_total(1)
    sender.send_text(f"@@{reader.uid}@@1")
    assert reader.uid in sender.receive_error()


def test_line_ends_within_a_payload(visit: Visitors, channel: str) -> None:
    sender, reader = visit.join(channel), visit.stream(f"/c/{channel}")
    sender.send_text('{"a":\r\n[1,\n\n2],\r"event: close\\n\\n":"\\ndata: x"}')
    assert reader.receive_message() == {"a": [1, 2], "event: close\n\n": "\ndata: x"}


def test_who_comes_back_is_told_of_a_gap(visit: Visitors, channel: str) -> None:
    reader = visit.stream(f"/c/{channel}", "Last-Event-ID: anything")
    gap = reader.receive_json()
    assert list(gap) == ["type", "missed", "date"]
    assert (gap["type"], gap["missed"]) == ("gap", None)


def test_an_empty_id_is_no_return(visit: Visitors, channel: str) -> None:
    reader = visit.stream(f"/c/{channel}", "Last-Event-ID:")
    visit.join(channel).send_text("1")
    assert reader.receive_json()["type"] == "join"
    assert reader.receive_message() == 1


def test_behind_other_requests_on_its_connection(visit: Visitors, channel: str) -> None:
    reader = visit.keep(StreamReader(visit.address))
    reader.send(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
    assert reader.receive_response().status == 200
    assert reader.enter(f"/c/{channel}")["total"] == 1


@pytest.mark.parametrize("noise", [b"\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x81\x00" * 50])
def test_what_is_sent_on_it_means_nothing(visit: Visitors, channel: str, noise: bytes) -> None:
    reader = visit.keep(StreamReader(visit.address))
    head = f"GET /c/{channel} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
    reader.send(head.encode() + noise)
    reader.receive_head()
    assert reader.receive_json()["self"] is True
    reader.send(noise)
    visit.join(channel).send_text('"still here"')
    assert reader.receive_json()["type"] == "join"
    assert reader.receive_message() == "still here"


def test_a_half_close_is_a_leave(visit: Visitors, channel: str) -> None:
    member, reader = visit.join(channel), visit.stream(f"/c/{channel}")
    member.receive_total(2)
    reader.finish_sending()
    assert member.receive_event()["type"] == "leave"
    reader.expect_end()


def test_frames_and_events_are_the_same_messages(
    visit: Visitors, channel: str, bystanders: Bystanders
) -> None:
    sender, member = visit.join(channel), visit.join(channel)
    reader = visit.stream(f"/c/{channel}")
    member.receive_total(3)
    for number in range(200):
        sender.send_text(f'[{number}, "{"y" * number}"]')
    framed = [member.receive_text().decode() for _ in range(200)]
    assert [reader.receive_event().data for _ in range(200)] == framed
    assert [json.loads(text)["message"][0] for text in framed] == list(range(200))
