"""This client and the one from npm, in one channel: each hears what the other sends, direct messages among it."""

from __future__ import annotations

import pytest
from clients.fixtures import StartNode, node_host, start_node
from clients.hosts import Host
from support.connection import LIMIT_SECONDS

import relay as client

from .heard import Heard

__all__ = ["node_host", "start_node"]

PAYLOADS = [None, True, 1.5, "text ✓", [1, [2]], {"x": 1, "deep": {"y": [None]}}, {"id": 7, "type": "cursor"}]  # fmt: skip


@pytest.fixture
def host(node_host: StartNode) -> Host:
    return node_host("ws")


def test_each_hears_the_other(host: Host, base_url: str, channel: str) -> None:
    heard, moves = Heard(), Heard()
    theirs = host.connect(f"{base_url}/c/{channel}", {"as": "Ann", "announce": True})
    theirs.on("join", "message")
    assert theirs.hears("join")["self"] is True
    with client.connect(channel, as_="Bob", announce=True).on("message", heard) as ours:
        ours.on("cursor", moves)
        join = theirs.hears("join")
        assert (join["alias"], join["total"]) == ("Bob", 2)
        for payload in PAYLOADS:
            ours.send(payload)
        messages = [theirs.hears("message") for _ in PAYLOADS]
        assert [event["message"] for event in messages] == PAYLOADS
        assert {event["uid"] for event in messages} == {join["uid"]}
        for payload in PAYLOADS:
            theirs.send(payload)
        events = [heard.next_of(client.MessageEvent) for _ in PAYLOADS]
        assert [event.message for event in events] == PAYLOADS
        assert {event.alias for event in events} == {"Ann"}
        assert moves.next_of(client.MessageEvent).id == 7


def test_direct_messages_both_ways(host: Host, base_url: str, channel: str) -> None:
    heard = Heard()
    theirs = host.connect(f"{base_url}/c/{channel}", {"announce": True}).on("join", "message")
    assert theirs.hears("join")["self"] is True
    with client.connect(channel).on("message", heard).send("question") as ours:
        theirs.hears("join")
        question = theirs.hears("message")
        theirs.send("answer", question["uid"])
        answer = heard.next_of(client.MessageEvent)
        assert answer.message == "answer"
        ours.send("thanks", answer.uid)
        assert theirs.hears("message")["message"] == "thanks"


def test_both_see_the_same_merge_of_payload_and_envelope(
    host: Host, base_url: str, channel: str
) -> None:
    heard = Heard()
    theirs = host.connect(f"{base_url}/c/{channel}", {"echo": True}).on("join", "message")
    assert theirs.hears("join")["self"] is True
    with client.connect(channel).on("open", heard).on("message", heard) as ours:
        heard.next_of(client.OpenEvent)
        theirs.hears("join")
        theirs.send({"x": 1, "uid": "feigned", "alias": "named", "date": 0, "message": 5})
        event = heard.next_of(client.MessageEvent)
        seen = theirs.hears("message")
        assert {name: event[name] for name in seen} == seen
        assert event.uid == seen["uid"] != "feigned"
    assert ours.wait(LIMIT_SECONDS) is not None
