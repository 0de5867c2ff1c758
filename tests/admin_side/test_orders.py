"""Kicks and blocks: whom they reach, what they say, and that every mistake in an order is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.arrivals import Client, seconds_to_wait
from support.connection import Response
from support.fixtures import StartRelay, VisitAt
from support.member import Visitors, new_channel
from support.process import RelayProcess

from relay.admin.orders import MAX_BLOCK_SECONDS, MAX_REASON_BYTES

from .conftest import ADMIN, AskAt, Operator, error_of

BEHIND_A_PROXY = ("--trusted-proxies", "127.0.0.1")
KICKED = "kicked by an operator"


@pytest.fixture
def visit(relay: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(relay)


@pytest.fixture
def proxied(start_relay: StartRelay) -> RelayProcess:
    """A relay that believes this machine's word on whom it forwards for."""
    return start_relay(*ADMIN, *BEHIND_A_PROXY)


def done(response: Response) -> Any:
    assert response.status == 200, response
    return json.loads(response.body)


# --- kicks ---------------------------------------------------------------------------------------------------------------------


def test_one_member(operator: Operator, visit: Visitors, channel: str) -> None:
    victim, other = visit.join(channel), visit.join(channel)
    order = {"channel": channel, "uid": victim.uid, "reason": "too loud"}
    assert done(operator.order("/api/kick", order)) == {"kicked": 1}
    assert victim.receive_total(2)
    assert victim.expect_close(1008) == f"{KICKED}: too loud"
    assert other.receive_event()["type"] == "leave"
    other.settle()


def test_a_whole_channel(operator: Operator, visit: Visitors, channel: str) -> None:
    members = [visit.join(channel) for _ in range(50)]
    bystander = visit.join(new_channel())
    assert done(operator.order("/api/kick", {"channel": channel})) == {"kicked": 50}
    for number, member in enumerate(members, 1):
        if number < 50:
            member.receive_total(50)
        assert member.expect_close(1008) == KICKED
    assert visit.join(channel).joined["total"] == 1
    assert bystander.settle() == []


def test_presence_goes_on_in_a_channel_that_was_cleared(
    operator: Operator, visit: Visitors, channel: str
) -> None:
    visit.join(channel)
    done(operator.order("/api/kick", {"channel": channel}))
    first, second = visit.join(channel), visit.join(channel)
    first.receive_total(2)
    second.leave()
    assert first.receive_event()["type"] == "leave"


def test_a_reader_of_an_event_stream(operator: Operator, visit: Visitors, channel: str) -> None:
    reader = visit.connect()
    reader.send(
        f"GET /c/{channel} HTTP/1.1\r\nHost: relay.test\r\nAccept: text/event-stream\r\n\r\n".encode()
    )
    reader.receive_until(b'"type":"join"')
    [worker] = operator.read("/api/stats")["workers"]
    assert worker["gauges"]["streams"] == 1
    assert done(operator.order("/api/kick", {"channel": channel})) == {"kicked": 1}
    reader.receive_to_end()
    [worker] = operator.read("/api/stats")["workers"]
    assert worker["gauges"]["streams"] == 0


def test_a_room_and_an_id_that_two_share(operator: Operator, visit: Visitors, channel: str) -> None:
    room = f"/parties/game/{channel}"
    named = [visit.open(f"{room}?_pk=a%20b") for _ in range(2)]
    other, nameless = visit.open(f"{room}?_pk=c"), visit.open(room)
    key = {"party": "game", "room": channel}
    assert done(operator.order("/api/kick", {**key, "uid": "a b"})) == {"kicked": 2}
    for client in named:
        client.expect_close(1008)
    assert operator.order("/api/kick", {**key, "uid": "a b"}).status == 404
    assert done(operator.order("/api/kick", key)) == {"kicked": 2}
    other.expect_close(1008)
    nameless.expect_close(1008)


@pytest.mark.parametrize(
    "query", ["_pk=" + "x" * 128, "_pk=%22", "_pk=%5C", "_pk=%C3%A9", "_pk=%00", "_pk=" + "x" * 129, "_pk="]
)  # fmt: skip
def test_ids_of_any_kind_are_let_in(visit: Visitors, channel: str, query: str) -> None:
    """Those that are short and plain can be kicked by; the others are not kept."""
    first, second = (visit.open(f"/party/{channel}?{query}") for _ in range(2))
    first.send_text("x")
    assert second.receive_text() == b"x"


def test_a_channel_and_a_room_of_one_name_are_two(
    operator: Operator, visit: Visitors, channel: str
) -> None:
    member = visit.join(channel)
    room = visit.open(f"/party/{channel}")
    assert done(operator.order("/api/kick", {"party": "main", "room": channel})) == {"kicked": 1}
    room.expect_close(1008)
    assert member.settle() == []


def test_names_of_any_letters(operator: Operator, visit: Visitors, channel: str) -> None:
    member = visit.join(f"日本/{channel}:ü")
    assert done(operator.order("/api/kick", {"channel": f"日本/{channel}:ü"})) == {"kicked": 1}
    member.expect_close(1008)


def test_nobody_to_kick(operator: Operator, visit: Visitors, channel: str) -> None:
    response = operator.order("/api/kick", {"channel": channel})
    assert (response.status, error_of(response)) == (404, "nobody is in this channel")
    visit.join(channel)
    response = operator.order("/api/kick", {"channel": channel, "uid": "nobody"})
    assert (response.status, error_of(response)) == (404, "no member of this channel has this uid")
    assert operator.order("/api/kick", {"party": "main", "room": channel}).status == 404


@pytest.mark.parametrize(("size", "status"), [(99, 200), (100, 200), (101, 400)])
def test_the_length_of_a_reason(
    operator: Operator, visit: Visitors, channel: str, size: int, status: int
) -> None:
    assert MAX_REASON_BYTES == 100
    member = visit.join(channel)
    response = operator.order("/api/kick", {"channel": channel, "reason": "x" * size})
    assert response.status == status
    if status == 200:
        assert member.expect_close(1008) == f"{KICKED}: {'x' * size}"
    else:
        assert error_of(response) == "the body: reason: expected at most 100 bytes of UTF-8"


def test_a_kick_that_blocks(proxied: RelayProcess, ask_at: AskAt, visit_at: VisitAt, channel: str) -> None:  # fmt: skip
    visitors, operator = visit_at(proxied), ask_at(proxied)
    client = Client(visitors, "192.0.2.1")
    member = client.enter(f"/c/{channel}")
    order = {"channel": channel, "uid": member.uid, "block": True}
    assert done(operator.order("/api/kick", order)) == {"kicked": 1, "blocked": 1}
    member.expect_close(1008)
    refused = client.ask(f"/c/{channel}")
    assert refused.status == 429
    assert 50 <= seconds_to_wait(refused) <= 60
    assert operator.read("/api/blocks") == {"blocked": 1}
    local = visitors.join(channel)
    order = {"channel": channel, "block": True}
    assert done(operator.order("/api/kick", order)) == {"kicked": 1, "blocked": 0}
    local.expect_close(1008)


# --- blocks --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "client", "other"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"),
        ("2001:db8::/64", "2001:db8::ffff", "2001:db8:0:1::1"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.2"),
    ],
)
def test_a_block_and_its_end(
    proxied: RelayProcess,
    ask_at: AskAt,
    visit_at: VisitAt,
    channel: str,
    address: str,
    client: str,
    other: str,
) -> None:
    operator, visitors = ask_at(proxied), visit_at(proxied)
    order = {"address": address, "seconds": 1000.5}
    assert done(operator.order("/api/block", order)) == {"seconds": 1000.5, "kicked": 0}
    refused = Client(visitors, client).ask(f"/c/{channel}")
    assert refused.status == 429
    assert 900 < seconds_to_wait(refused) <= 1001
    assert Client(visitors, other).ask(f"/c/{channel}").status == 101
    assert done(operator.order("/api/unblock", {"address": address})) == {"unblocked": True}
    assert Client(visitors, client).ask(f"/c/{channel}").status == 101
    assert done(operator.order("/api/unblock", {"address": address})) == {"unblocked": False}
    assert operator.read("/api/blocks") == {"blocked": 0}


def test_a_block_closes_what_is_there_only_if_told_to(
    proxied: RelayProcess, ask_at: AskAt, visit_at: VisitAt, channel: str
) -> None:
    operator, visitors = ask_at(proxied), visit_at(proxied)
    member = Client(visitors, "192.0.2.1").enter(f"/c/{channel}")
    room = visitors.open(f"/party/{channel}", headers={"X-Forwarded-For": "192.0.2.1"})
    other = Client(visitors, "192.0.2.2").enter(f"/c/{channel}")
    member.receive_total(2)
    order = {"address": "192.0.2.1"}
    assert done(operator.order("/api/block", order)) == {"seconds": 60.0, "kicked": 0}
    assert member.settle() == []
    answer = done(operator.order("/api/block", {**order, "kick": True}))
    assert answer == {"seconds": 60.0, "kicked": 2}
    for client in (member, room):
        assert client.expect_close(1008) == "this address was blocked by an operator"
    assert other.receive_event()["type"] == "leave"


@pytest.mark.parametrize(
    "flags", [("--limits", "off"), ("--limits", "dry-run"), ("--block-time", "0")]
)
def test_an_order_holds_whatever_the_limits_are(
    start_relay: StartRelay, ask_at: AskAt, visit_at: VisitAt, channel: str, flags: tuple[str, str]
) -> None:  # fmt: skip
    server = start_relay(*ADMIN, *BEHIND_A_PROXY, *flags)
    order = {"address": "192.0.2.1", "seconds": 100}
    done(ask_at(server).order("/api/block", order))
    assert Client(visit_at(server), "192.0.2.1").ask(f"/c/{channel}").status == 429
    assert done(ask_at(server).order("/api/unblock", {"address": "192.0.2.1"}))["unblocked"]
    assert Client(visit_at(server), "192.0.2.1").ask(f"/c/{channel}").status == 101


def test_without_a_block_time_the_seconds_must_be_told(
    start_relay: StartRelay, ask_at: AskAt, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay(*ADMIN, *BEHIND_A_PROXY, "--block-time", "0")
    operator = ask_at(server)
    expected = "expected the seconds of a block, because block_time is 0"
    response = operator.order("/api/block", {"address": "192.0.2.1"})
    assert (response.status, error_of(response)) == (400, f"seconds: {expected}")
    member = Client(visit_at(server), "192.0.2.1").enter(f"/c/{channel}")
    response = operator.order("/api/kick", {"channel": channel, "block": True})
    assert (response.status, error_of(response)) == (400, f"block: {expected}")
    assert member.settle() == []


def test_the_newest_order_counts(
    proxied: RelayProcess, ask_at: AskAt, visit_at: VisitAt, channel: str
) -> None:
    operator, client = ask_at(proxied), Client(visit_at(proxied), "192.0.2.1")
    for seconds in (1000, 100):
        done(operator.order("/api/block", {"address": "192.0.2.1", "seconds": seconds}))
    assert seconds_to_wait(client.ask(f"/c/{channel}")) <= 100
    assert operator.read("/api/blocks") == {"blocked": 1}


def test_this_machine_is_exempt(
    operator: Operator, start_relay: StartRelay, ask_at: AskAt, visit_at: VisitAt, channel: str
) -> None:
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "::FFFF:7f00:1"):
        response = operator.order("/api/block", {"address": address})
        assert response.status == 400
        assert error_of(response).startswith("address: loopback is exempt from blocks")
    server = start_relay(*ADMIN, "--limit-loopback")
    member = visit_at(server).join(channel)
    answer = done(ask_at(server).order("/api/block", {"address": "127.0.0.1", "kick": True}))
    assert answer["kicked"] == 1
    member.expect_close(1008)


def test_an_ipv4_address_in_its_ipv6_spelling(operator: Operator) -> None:
    order = {"address": "::ffff:192.0.2.77"}
    done(operator.order("/api/block", order))
    assert done(operator.order("/api/unblock", {"address": "192.0.2.77"})) == {"unblocked": True}
    network = operator.order("/api/block", {"address": "::ffff:192.0.2.77/64"})
    assert (network.status, error_of(network)) == (400, f"the body: {ADDRESS}")


# --- mistakes ------------------------------------------------------------------------------------------------------------------

KICK, BLOCK, UNBLOCK, DRAIN = "/api/kick", "/api/block", "/api/unblock", "/api/drain"
ADDRESS = 'address: expected one such as "192.0.2.1", "2001:db8::1" or "2001:db8::/64"'
MISTAKES: list[tuple[str, object, str]] = [
    (KICK, b"", "expected either channel, or party and room"),
    (KICK, {}, "expected either channel, or party and room"),
    (KICK, {"channel": "x", "room": "y"}, "expected either channel, or party and room"),
    (KICK, {"room": "y"}, "party: expected beside"),
    (KICK, {"party": "y"}, "room: expected beside"),
    (KICK, {"channel": 5}, "channel: expected a string or null, got a number"),
    (KICK, {"channel": "x", "uid": 5}, "uid: expected a string or null, got a number"),
    (KICK, {"channel": "x", "uid": ""}, "uid: expected one, or none"),
    (KICK, {"channel": "x", "reason": None}, "reason: expected a string, got null"),
    (KICK, {"channel": "x", "block": 1}, "block: expected true or false, got a number"),
    (KICK, {"channel": "x", "chanel": "y"}, "chanel: unknown field"),
    (KICK, b"{", "expected one object in JSON"),
    (KICK, b'{"channel": "\\ud800"}', "expected one object in JSON"),
    (BLOCK, b'{"address": "192.0.2.1", "seconds": 1e400}', "`$.seconds`"),
    (KICK, b"[]", "expected an object, got an array"),
    (KICK, b"null", "expected an object, got null"),
    (KICK, b'{"channel": "\xff"}', "expected one object in JSON"),
    (KICK, b'{"channel": "x"} {}', "expected one object in JSON"),
    (KICK, b"[" * 20_000, "expected"),
    (BLOCK, {}, "address: expected one, got none"),
    (BLOCK, {"address": 5}, "address: expected a string, got a number"),
    (BLOCK, {"address": "192.0.2.1", "seconds": "60"}, "seconds: expected a number or null, got a string"),
    (BLOCK, {"address": "192.0.2.1", "seconds": 0}, "seconds: expected more than 0, at most"),
    (BLOCK, {"address": "192.0.2.1", "seconds": -1}, "seconds: expected more than 0"),
    (BLOCK, {"address": "192.0.2.1", "seconds": MAX_BLOCK_SECONDS + 1}, "seconds: expected more"),
    (BLOCK, {"address": "192.0.2.1", "kick": "no"}, "kick: expected true or false, got a string"),
    (BLOCK, {"address": "192.0.2.1", "time": 1}, "time: unknown field"),
    *((BLOCK, {"address": text}, ADDRESS) for text in (
        "", "x", "192.0.2", "192.0.2.1/32", "192.0.2.0/24", "2001:db8::/63", "2001:db8::/128",
        "fe80::1%eth0", "[::1]", "192.0.2.1:80", " 192.0.2.1", "1.2.3.4/", "٣.0.0.1")),
    (UNBLOCK, {}, "address: expected one, got none"),
    (UNBLOCK, {"address": "x"}, ADDRESS),
    (UNBLOCK, {"address": "192.0.2.1", "seconds": 1}, "seconds: unknown field"),
    (DRAIN, {"now": True}, "now: unknown field"),
    (DRAIN, b"[]", "expected an object"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "order", "text"), MISTAKES, ids=range(len(MISTAKES)))
def test_every_mistake_is_named(operator: Operator, target: str, order: object, text: str) -> None:
    response = operator.order(target, order)
    assert response.status == 400, response
    assert error_of(response).startswith("the body: ")
    assert text in error_of(response)


@pytest.mark.parametrize("seconds", [0.001, MAX_BLOCK_SECONDS])
def test_the_shortest_and_the_longest_block(operator: Operator, seconds: float) -> None:
    order = {"address": "192.0.2.9", "seconds": seconds}
    assert done(operator.order(BLOCK, order))["seconds"] == seconds
    done(operator.order(UNBLOCK, {"address": "192.0.2.9"}))
