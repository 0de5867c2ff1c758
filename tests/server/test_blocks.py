"""Who floods is warned, kicked, and its address refused for a while; nobody else is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.arrivals import SWITCHING, Client, ask, come_again, seconds_to_wait
from support.fixtures import StartRelay, VisitAt
from support.floods import kicked
from support.member import Bystanders, Visitors
from support.process import RelayProcess

NEVER = "0.001"
BEHIND_PROXY = ("--trusted-proxies", "127.0.0.1")
QUICK_KICK = ("--message-rate", NEVER, "--message-burst", "2", "--kick-after", "1")


@pytest.fixture(scope="module")
def proxied() -> Iterator[RelayProcess]:
    """A relay behind a proxy, so that each test has clients of its own."""
    with RelayProcess(*BEHIND_PROXY, *QUICK_KICK) as server:
        yield server


@pytest.fixture
def guests(proxied: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(proxied)


def test_an_address_is_refused_after_a_kick(guests: Visitors, channel: str) -> None:
    client = Client(guests, "192.0.2.1")
    target = f"/c/{channel}"
    before = client.enter(target)
    warnings, code, reason = kicked(client.enter(target))
    assert (code, reason) == (1008, "rate limit exceeded")
    assert [event["message"].split(":")[0] for event in warnings] == ["rate limit exceeded"]
    for path in (target, f"/r/{channel}", f"/parties/main/{channel}"):
        refused = client.ask(path)
        assert refused.status == 429
        assert refused.body == b'{"error":"this address is blocked for a while"}'
        assert refused.headers["access-control-allow-origin"] == "*"
        assert 50 <= seconds_to_wait(refused) <= 60
    other = Client(guests, "192.0.2.2").enter(target)
    before.receive_total(2)
    before.send_text("1")  # who was there before stays, and may send
    assert other.receive_message() == 1


def test_the_whole_64_is_refused(guests: Visitors, channel: str) -> None:
    target = f"/c/{channel}"
    assert kicked(Client(guests, "2001:db8:0:1::1").enter(target))[1] == 1008
    assert Client(guests, "2001:db8:0:1:2:3:4:5").ask(target).status == 429
    assert Client(guests, "2001:db8:0:2::1").ask(target).status == SWITCHING


def test_a_party_connection_is_kicked_without_a_warning(guests: Visitors, channel: str) -> None:
    client = Client(guests, "192.0.2.3")
    target = f"/parties/main/{channel}"
    sender = guests.open(target, headers={"X-Forwarded-For": "192.0.2.3"})
    events, code, _ = kicked(sender)
    assert code == 1008
    assert events == []
    assert client.ask(target).status == 429


def test_plain_http_is_not_refused(guests: Visitors, channel: str) -> None:
    assert kicked(Client(guests, "192.0.2.4").enter(f"/c/{channel}"))[1] == 1008
    caller = guests.connect()
    caller.send(b"GET /health HTTP/1.1\r\nHost: relay.test\r\nX-Forwarded-For: 192.0.2.4\r\n\r\n")
    assert caller.receive_response().status == 200


def test_a_kick_for_bytes_blocks_too(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    bytes_only = ("--message-rate", "0", "--byte-rate", "1", "--byte-burst", "3")
    visitors = visit_at(start_relay(*BEHIND_PROXY, *bytes_only, "--kick-after", "1"))
    client = Client(visitors, "192.0.2.5")
    assert kicked(client.enter(f"/c/{channel}"))[1] == 1008
    assert client.ask(f"/c/{channel}").status == 429


def test_a_block_ends(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    visitors = visit_at(start_relay(*BEHIND_PROXY, *QUICK_KICK, "--block-time", "2s"))
    client = Client(visitors, "192.0.2.6")
    target = f"/c/{channel}"
    pair = Bystanders(visitors)
    sender = client.enter(target)
    assert kicked(sender)[1] == 1008
    refused = client.ask(target)
    assert refused.status == 429
    assert seconds_to_wait(refused) <= 2
    come_again(refused, lambda: client.ask(target))
    assert client.enter(target).joined["self"] is True
    pair.exchange()


def test_a_block_time_of_0_blocks_nobody(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    visitors = visit_at(start_relay(*BEHIND_PROXY, *QUICK_KICK, "--block-time", "0"))
    client = Client(visitors, "192.0.2.7")
    assert kicked(client.enter(f"/c/{channel}"))[1] == 1008
    client.enter(f"/c/{channel}")


def test_loopback_is_blocked_only_when_it_is_limited(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    visitors = visit_at(start_relay(*QUICK_KICK, "--limit-loopback"))
    assert kicked(visitors.join(channel))[1] == 1008
    assert ask(visitors, f"/c/{channel}").status == 429


def test_a_kick_after_0_never_comes(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    """Where others would be kicked there is a second warning."""
    flags = ("--message-rate", NEVER, "--message-burst", "1", "--kick-after", "0")
    visitors = visit_at(start_relay(*flags, "--limit-loopback"))
    sender = visitors.join(channel)
    warned = 0
    while warned < 2:
        sender.send_text("1")
        events = sender.settle_by_ping()
        warned += sum(event["type"] == "error" for event in events)
    sender.ping()
    visitors.join(channel)
