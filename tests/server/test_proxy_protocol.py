"""PROXY protocol headers in front of real connections: HAProxy's proxy-protocol.txt, versions 1 and 2."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Callable, Iterator

import pytest
from support.arrivals import SWITCHING, answer_of, try_until_let_in
from support.fixtures import StartRelay, VisitAt
from support.member import Member, Visitors
from support.process import RelayProcess
from support.websocket import TEXT, encode_frame, upgrade_head

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
EXPECTING = ("--proxy-protocol", "--max-connections-per-ip", "1", "--limit-loopback")
UNKNOWN = b"PROXY UNKNOWN\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: relay.test\r\n\r\n"

_numbers = itertools.count(1)


def new_source(*, is_ipv6: bool = False) -> str:
    """An address that no other test uses."""
    number = next(_numbers)
    return f"2001:db8:{number:x}::1" if is_ipv6 else f"198.18.{number >> 8}.{number & 255}"


def version_1(source: str) -> bytes:
    is_ipv6 = ":" in source
    family, destination = ("TCP6", "2001:db8::ffff") if is_ipv6 else ("TCP4", "192.0.2.255")
    return f"PROXY {family} {source} {destination} 4711 8787\r\n".encode()


def version_2(source: str, *, tlvs: bytes = b"") -> bytes:
    packed = ipaddress.ip_address(source).packed
    block = packed + packed + b"\x12\x67\x22\x53" + tlvs
    return SIGNATURE + bytes((0x21, 0x11 if len(packed) == 4 else 0x21)) + _sized(block)


def local(block: bytes = b"") -> bytes:
    return SIGNATURE + b"\x20\x00" + _sized(block)


def _sized(block: bytes) -> bytes:
    return len(block).to_bytes(2, "big") + block


HEADERS: dict[str, Callable[[str], bytes]] = {
    "version 1": version_1,
    "version 2": version_2,
    "version 2 with TLVs": lambda source: version_2(source, tlvs=b"\x04\x00\x03abc" * 100),
}
each_header = pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)


@pytest.fixture(scope="module")
def expecting() -> Iterator[RelayProcess]:
    """A relay that takes one connection of an address, so that addresses can be told apart."""
    with RelayProcess(*EXPECTING, "--trusted-proxies", "127.0.0.1,10.0.0.1") as server:
        yield server


@pytest.fixture
def guests(expecting: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(expecting)


@pytest.fixture
def strangers(start_relay: StartRelay, visit_at: VisitAt) -> Visitors:
    """Of a relay that trusts another machine only."""
    return visit_at(start_relay(*EXPECTING, "--trusted-proxies", "10.0.0.1"))


def enter_behind(visitors: Visitors, header: bytes, target: str, *, then: bytes = b"") -> Member:
    head = upgrade_head(target)
    member = visitors.call(header + head + then)
    member.expect_join(head)
    return member


def status_behind(visitors: Visitors, header: bytes, target: str) -> int:
    return answer_of(visitors.call(header + upgrade_head(target))).status


# --- a header and a handshake --------------------------------------------------------------------------------------------------


@each_header
@pytest.mark.parametrize("is_ipv6", [False, True], ids=["IPv4", "IPv6"])
def test_the_address_it_names_is_the_client(
    guests: Visitors, channel: str, header: Callable[[str], bytes], is_ipv6: bool
) -> None:
    first, second = new_source(is_ipv6=is_ipv6), new_source(is_ipv6=is_ipv6)
    target = f"/c/{channel}"
    member = enter_behind(guests, header(first), target)
    assert status_behind(guests, header(first), target) == 429
    other = enter_behind(guests, header(second), target)
    member.receive_total(2)
    other.send_text('"hello"')
    assert member.receive_message() == "hello"
    member.leave()
    other.receive_total(1)
    assert status_behind(guests, header(first), target) == SWITCHING


@each_header
def test_byte_by_byte(guests: Visitors, channel: str, header: Callable[[str], bytes]) -> None:
    head = upgrade_head(f"/c/{channel}")
    frames = encode_frame(TEXT, b'"first"') + encode_frame(TEXT, b'"second"')
    member = guests.dial()
    data = header(new_source()) + head + frames
    member.send_pieces(data[at : at + 1] for at in range(len(data)))
    member.expect_join(head)
    assert member.settle() == []


@each_header
@pytest.mark.parametrize("split", [1, 11, 12, 15, 16, 20, -1], ids=str)
def test_split_in_two(
    guests: Visitors, channel: str, header: Callable[[str], bytes], split: int
) -> None:
    """`-1`: between the header and the request."""
    front = header(new_source())
    head = upgrade_head(f"/c/{channel}")
    data, at = front + head, len(front) if split < 0 else split
    member = guests.dial()
    member.send(data[:at])
    assert guests.call(UNKNOWN + HEALTH).receive_response().body == b"ok"
    member.send(data[at:])
    member.expect_join(head)
    member.leave()


@each_header
def test_the_first_frames_may_come_along(
    guests: Visitors, channel: str, header: Callable[[str], bytes]
) -> None:
    watcher = enter_behind(guests, header(new_source()), f"/c/{channel}")
    frames = b"".join(encode_frame(TEXT, b"%d" % number) for number in range(20))
    enter_behind(guests, header(new_source()), f"/c/{channel}", then=frames)
    watcher.receive_total(2)
    assert [watcher.receive_message() for _ in range(20)] == list(range(20))


@pytest.mark.parametrize(
    "header",
    [UNKNOWN, b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", local(), local(b"x" * 2048)],
    ids=["UNKNOWN", "UNKNOWN with addresses", "LOCAL", "LOCAL with a block"],
)
def test_who_names_no_address_is_the_peer(guests: Visitors, channel: str, header: bytes) -> None:
    target = f"/c/{channel}"
    try_until_let_in(lambda: answer_of(guests.call(header + upgrade_head(target))))
    assert status_behind(guests, header, target) == 429


def test_a_trusted_address_may_forward_in_turn(guests: Visitors, channel: str) -> None:
    for client in (source := new_source(), new_source()):
        head = upgrade_head(f"/c/{channel}", headers={"X-Forwarded-For": client})
        guests.call(version_1("10.0.0.1") + head).expect_join(head)
    head = upgrade_head(f"/c/{channel}", headers={"X-Forwarded-For": source})
    assert answer_of(guests.call(version_2("10.0.0.1") + head)).status == 429


def test_another_address_may_not(guests: Visitors, channel: str) -> None:
    source = new_source()
    enter_behind(guests, version_1(source), f"/c/{channel}")
    head = upgrade_head(f"/c/{channel}", headers={"X-Forwarded-For": new_source()})
    assert answer_of(guests.call(version_1(source) + head)).status == 429


# --- what is refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "front",
    [
        b"",
        b"PROXY TCP4 198.51.100.1 192.0.2.1 4711\r\n",
        b"PROXY TCP4 198.51.100.256 192.0.2.1 4711 8787\r\n",
        b"PROXY TCP4 198.51.100.1 192.0.2.1 4711 8787\n",
        b"proxy UNKNOWN\r\n",
        SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\x00\x04" + bytes(4),
        SIGNATURE + b"\x20\x00\x08\x01",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["none", "short", "bad", "no CR", "case", "version 3", "small block", "big block", "TLS"],
)
def test_no_header_or_a_bad_one(guests: Visitors, channel: str, front: bytes) -> None:
    response = answer_of(guests.call(front + upgrade_head(f"/c/{channel}")))
    assert response.status == 400
    assert response.body == b'{"error":"a PROXY protocol header is expected first"}'


def test_two_headers(guests: Visitors, channel: str) -> None:
    """The second one stands where the request should."""
    front = version_1(new_source()) + version_1(new_source())
    assert status_behind(guests, front, f"/c/{channel}") == 400


@each_header
def test_from_who_is_not_trusted(
    strangers: Visitors, channel: str, header: Callable[[str], bytes]
) -> None:
    response = answer_of(strangers.call(header(new_source()) + upgrade_head(f"/c/{channel}")))
    assert response.status == 403
    assert response.body == b'{"error":"this address is no trusted proxy"}'


def test_who_is_not_trusted_may_speak_for_itself(strangers: Visitors, channel: str) -> None:
    assert enter_behind(strangers, UNKNOWN, f"/c/{channel}").joined["total"] == 1


def test_unless_it_is_expected_a_header_is_no_http(visit: Visitors, channel: str) -> None:
    assert status_behind(visit, version_1(new_source()), f"/c/{channel}") == 400
    assert status_behind(visit, version_2(new_source()), f"/c/{channel}") == 400


# --- plain HTTP ----------------------------------------------------------------------------------------------------------------


@each_header
def test_http_and_then_an_upgrade(
    guests: Visitors, channel: str, header: Callable[[str], bytes]
) -> None:
    """One header for the whole connection; the address it named is still the client's when the upgrade comes."""
    source = new_source()
    caller = guests.call(header(source) + HEALTH * 2)
    for _ in range(2):
        assert caller.receive_response().body == b"ok"
    caller.send(HEALTH)
    assert caller.receive_response().body == b"ok"
    head = upgrade_head(f"/c/{channel}")
    caller.send(head + encode_frame(TEXT, b'"at once"'))
    caller.expect_join(head)
    assert caller.settle() == []
    assert status_behind(guests, header(source), f"/c/{channel}") == 429
    caller.leave()
