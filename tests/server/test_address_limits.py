"""Limits per address on the wire: how often one may connect and how many connections it may hold; and how many all may."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
from support.arrivals import (
    SWITCHING,
    Client,
    answer_of,
    ask,
    come_again,
    seconds_to_wait,
    try_until_let_in,
)
from support.fixtures import StartRelay, VisitAt
from support.floods import kicked
from support.member import Member, Visitors
from support.process import RelayProcess
from support.websocket import upgrade_head

BURST = 3
MOST = 2
NEVER = "0.001"  # a second: one token comes back in 1000 seconds
BEHIND_PROXY = ("--trusted-proxies", "127.0.0.1")


def rate(per_second: str, burst: int) -> tuple[str, ...]:
    return ("--connection-rate", per_second, "--connection-burst", str(burst))


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def proxied() -> Iterator[RelayProcess]:
    """A relay behind a proxy, so that each test has clients of its own."""
    with RelayProcess(*BEHIND_PROXY, *rate(NEVER, BURST)) as server:
        yield server


@pytest.fixture(scope="module")
def counting() -> Iterator[RelayProcess]:
    """As `proxied`, with a limit of connections at once and a rate of messages that is soon exceeded."""
    limits = ("--max-connections-per-ip", str(MOST), "--connection-rate", "0")
    messages = ("--message-rate", NEVER, "--message-burst", "1", "--kick-after", "1")
    with RelayProcess(*BEHIND_PROXY, *limits, *messages, "--block-time", "0") as server:
        yield server


@pytest.fixture
def guests(proxied: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(proxied)


@pytest.fixture
def counted(counting: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(counting)


def assert_used_up(client: Client, target: str) -> None:
    response = client.ask(target)
    assert response.status == 429
    assert b"too many new connections" in response.body


# --- how often -----------------------------------------------------------------------------------------------------------------


def test_the_burst_and_one_more(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    visitors = visit_at(start_relay("--limit-loopback", *rate(NEVER, BURST)))
    members = [visitors.join(channel) for _ in range(BURST)]
    for _ in range(2):
        response = ask(visitors, f"/c/{channel}")
        assert response.status == 429
        assert 990 <= seconds_to_wait(response) <= 1000
        assert response.body == b'{"error":"too many new connections from this address"}'
        assert response.headers["access-control-allow-origin"] == "*"
    members[0].receive_total(BURST)
    members[0].send_text("1")
    assert members[-1].receive_message() == 1


def test_the_time_it_is_told_to_wait_is_enough(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    visitors = visit_at(start_relay("--limit-loopback", *rate("2", 1)))
    visitors.join(channel).leave()
    refused = ask(visitors, f"/c/{channel}")
    assert refused.status == 429
    come_again(refused, lambda: ask(visitors, f"/c/{channel}"))


def test_a_rate_of_0_turns_it_off(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    visitors = visit_at(start_relay("--limit-loopback", *rate("0", 1)))
    assert [visitors.join(channel).joined["total"] for _ in range(50)] == list(range(1, 51))


def test_loopback_is_exempt(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    visitors = visit_at(start_relay(*rate(NEVER, 1), "--max-connections-per-ip", "1"))
    assert [visitors.join(channel).joined["total"] for _ in range(5)] == [1, 2, 3, 4, 5]


@pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 here")
@pytest.mark.parametrize("limit", [True, False], ids=["limited", "exempt"])
def test_loopback_over_ipv6(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, limit: bool
) -> None:
    server = start_relay("--host", "::1", *rate(NEVER, 1), *["--limit-loopback"] * limit)
    visitors = visit_at(server)
    visitors.join(channel)
    assert ask(visitors, f"/c/{channel}").status == (429 if limit else SWITCHING)


def test_a_bad_handshake_counts_too(guests: Visitors, channel: str) -> None:
    headers = {"X-Forwarded-For": "192.0.2.1"}
    for _ in range(BURST):
        bad = upgrade_head(f"/c/{channel}", headers={**headers, "Sec-WebSocket-Version": "8"})
        assert answer_of(guests.call(bad)).status == 426
    assert_used_up(Client(guests, "192.0.2.1"), f"/c/{channel}")


def test_requests_on_one_connection_count_as_one(guests: Visitors, channel: str) -> None:
    caller = guests.connect()
    for _ in range(2 * BURST):
        caller.send(plain_request("192.0.2.2"))
        assert caller.receive_response().status == 200
    for _ in range(BURST - 1):
        Client(guests, "192.0.2.2").enter(f"/c/{channel}")
    assert_used_up(Client(guests, "192.0.2.2"), f"/c/{channel}")


def test_a_connection_counts_whatever_it_asks_for(guests: Visitors) -> None:
    for status in (200,) * BURST + (429,):
        caller = guests.connect()
        caller.send(plain_request("192.0.2.3"))
        response = caller.receive_response()
        assert response.status == status
    assert seconds_to_wait(response) > 0


def plain_request(forwarded_for: str) -> bytes:
    return f"GET /health HTTP/1.1\r\nHost: relay.test\r\nX-Forwarded-For: {forwarded_for}\r\n\r\n".encode()


# --- whose -------------------------------------------------------------------------------------------------------------------


def use_up(client: Client, target: str) -> None:
    for _ in range(BURST):
        client.enter(target)
    assert_used_up(client, target)


@pytest.mark.parametrize(
    ("first", "same", "other"),
    [
        ("192.0.2.10", "192.0.2.10:4711", "192.0.2.11"),
        ("192.0.2.12", "6.6.6.6, 192.0.2.12", "192.0.2.13, 192.0.2.14"),
        ("192.0.2.15", "192.0.2.15, 127.0.0.1", "192.0.2.15, 192.0.2.16"),
        ("192.0.2.17", "::ffff:192.0.2.17", "192.0.2.18"),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:2::1"),
        ("2001:db8:0:3::1", '"[2001:db8:0:3::2]:443"', "2001:db8:0:4::1"),
    ],
    ids=["port", "forged", "proxy", "mapped", "same /64", "brackets"],
)
def test_each_client_has_its_own(
    guests: Visitors, channel: str, first: str, same: str, other: str
) -> None:
    target = f"/c/{channel}"
    use_up(Client(guests, first), target)
    assert_used_up(Client(guests, same), target)
    assert Client(guests, other).enter(target).joined["total"] == BURST + 1


def test_a_client_is_not_exempt_for_calling_itself_loopback(guests: Visitors, channel: str) -> None:
    """Another address of this machine, for which a trusted proxy spoke."""
    use_up(Client(guests, "127.0.0.9"), f"/c/{channel}")


def test_two_lines_are_one_list(guests: Visitors, channel: str) -> None:
    """The last line is the one that the proxy added."""
    for forged in ("192.0.2.40", "192.0.2.41", "192.0.2.42"):
        lines = {"X-Forwarded-For": (forged, "192.0.2.43")}
        caller = guests.call(upgrade_head(f"/c/{channel}", headers=lines))
        assert caller.receive_response().status == SWITCHING
    assert_used_up(Client(guests, "192.0.2.43"), f"/c/{channel}")
    Client(guests, "192.0.2.40").enter(f"/c/{channel}")


def test_the_proxy_itself_is_exempt(guests: Visitors, channel: str) -> None:
    assert [guests.join(channel).joined["total"] for _ in range(BURST + 2)][-1] == BURST + 2


@pytest.mark.parametrize("trusted", [(), ("--trusted-proxies", "10.0.0.0/8")])
def test_who_is_not_trusted_speaks_for_nobody(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, trusted: tuple[str, ...]
) -> None:
    visitors = visit_at(start_relay("--limit-loopback", *rate(NEVER, BURST), *trusted))
    for number in range(BURST):
        Client(visitors, f"192.0.2.{number}").enter(f"/c/{channel}")
    assert_used_up(Client(visitors, "192.0.2.200"), f"/c/{channel}")


# --- how many at once --------------------------------------------------------------------------------------------------------


def close(member: Member) -> None:
    member.leave()


def finish(member: Member) -> None:
    member.finish_sending()
    member.receive_to_end()


def reset(member: Member) -> None:
    member.reset()


def violate(member: Member) -> None:
    member.send_frame(0x3)
    member.expect_close(1002)


def be_kicked(member: Member) -> None:
    assert kicked(member)[1] == 1008


def fall_silent_in_the_close(member: Member) -> None:
    """It has left when the server closes, though it never answers and its socket stays."""
    member.send_frame(0x3)
    assert member.receive_close()[0] == 1002


ENDINGS = [close, finish, reset, violate, be_kicked, fall_silent_in_the_close]


@pytest.mark.parametrize(
    ("number", "end"), list(enumerate(ENDINGS, 20)), ids=[end.__name__ for end in ENDINGS]
)
def test_who_leaves_makes_room(
    counted: Visitors, channel: str, number: int, end: Callable[[Member], None]
) -> None:
    client = Client(counted, f"192.0.2.{number}")
    target = f"/c/{channel}"
    leaver = client.enter(target)
    client.enter(target)
    leaver.receive_total(MOST)
    refused = client.ask(target)
    assert refused.status == 429
    assert refused.body == b'{"error":"too many connections from this address"}'
    assert seconds_to_wait(refused) == 5
    end(leaver)
    try_until_let_in(lambda: client.ask(target))
    assert client.ask(target).status == 429  # one place was free, not more


def test_one_address_does_not_take_the_places_of_another(counted: Visitors, channel: str) -> None:
    for number in (30, 31):
        client = Client(counted, f"192.0.2.{number}")
        for _ in range(MOST):
            client.enter(f"/c/{channel}")
        assert client.ask(f"/c/{channel}").status == 429


def test_channels_and_party_rooms_count_together(counted: Visitors, channel: str) -> None:
    client = Client(counted, "192.0.2.32")
    client.enter(f"/r/{channel}")
    assert client.ask(f"/parties/main/{channel}").status == SWITCHING
    assert client.ask(f"/party/{channel}").status == 429


def test_who_is_refused_takes_no_place(counted: Visitors, channel: str) -> None:
    client = Client(counted, "192.0.2.33")
    for _ in range(2 * MOST):
        assert client.ask("/c/" + "x" * 513).status == 414
    for _ in range(MOST):
        client.enter(f"/c/{channel}")


# --- all together ------------------------------------------------------------------------------------------------------------


def test_all_places_are_taken(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    server = start_relay("--max-connections", "3")
    visitors = visit_at(server)
    members = [visitors.join(channel) for _ in range(3)]
    refused = visitors.connect().receive_response()
    assert refused.status == 503
    assert seconds_to_wait(refused) == 5
    assert refused.headers["access-control-allow-origin"] == "*"
    members[0].leave()
    members[1].receive_total(2)

    def attempt() -> Member:
        return visitors.call(upgrade_head(f"/c/{channel}"))

    try_until_let_in(lambda: attempt().receive_response())
    assert visitors.connect().receive_response().status == 503


def test_room_for_as_many_as_are_announced(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay("--max-connections", "1")
    assert "room for 1 connections" in server.output
    member = visit_at(server).join(channel)
    assert visit_at(server).connect().receive_response().status == 503
    member.ping()
