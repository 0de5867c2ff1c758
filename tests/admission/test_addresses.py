"""Keys of addresses, and whose address counts behind proxies that are trusted, that are not, and that write nonsense."""

from __future__ import annotations

import ipaddress

import pytest

from relay.addresses import MAX_HOP_BYTES, MAX_HOPS, ClientAddresses, address_key

TRUSTED = ("127.0.0.1", "10.0.0.0/8", "192.0.2.64/26", "2001:db8:f::/48", "::1")
PROXY = "10.1.2.3"
CLIENT = "198.51.100.7"


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed if text else b""


def key(text: str) -> int:
    return address_key(packed(text))


def client(forwarded_for: bytes | None, peer: str = PROXY) -> int:
    return ClientAddresses(TRUSTED).find(packed(peer), forwarded_for)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", 0),
        ("0.0.0.0", 0x0000FFFF_00000000),
        ("1.2.3.4", 0x0000FFFF_01020304),
        ("255.255.255.255", 0x0000FFFF_FFFFFFFF),
        ("::ffff:1.2.3.4", 0x0000FFFF_01020304),
        ("2001:db8:1:2:3:4:5:6", 0x20010DB8_00010002),
        ("2001:db8:1:2::", 0x20010DB8_00010002),
        ("2001:db8:1:3::", 0x20010DB8_00010003),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0xFFFFFFFF_FFFFFFFF),
        ("::1", 1),
        ("::", 1),
    ],
)
def test_the_key_of_an_address(address: str, expected: int) -> None:
    assert address_key(packed(address)) == expected


@pytest.mark.parametrize("length", [1, 3, 5, 15, 17])
def test_other_lengths_are_no_address(length: int) -> None:
    with pytest.raises(ValueError, match=f"packed: expected 0, 4 or 16 bytes, got {length}"):
        address_key(bytes(length))


# --- whom limits apply to ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "peer", [CLIENT, "2001:db8::7", "::ffff:198.51.100.7", "126.255.255.255", "128.0.0.0", "::2"]
)
def test_a_peer_is_its_own_client(peer: str) -> None:
    assert ClientAddresses([]).find(packed(peer), None) == key(peer)


@pytest.mark.parametrize(
    "peer", ["127.0.0.0", "127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"]
)
def test_loopback_is_exempt_unless_told(peer: str) -> None:
    assert ClientAddresses([]).find(packed(peer), None) == 0
    assert ClientAddresses([], limit_loopback=True).find(packed(peer), None) == key(peer) != 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", CLIENT])
def test_whom_a_proxy_speaks_for_is_never_exempt(address: str) -> None:
    addresses = ClientAddresses(TRUSTED)
    assert addresses.find(packed(address), None, is_spoken_for=True) == key(address) != 0
    assert addresses.find(packed(PROXY), address.encode()) == key(address)


def test_a_unix_socket_has_no_address() -> None:
    addresses = ClientAddresses(["0.0.0.0/0", "::/0"], limit_loopback=True)
    assert addresses.find(b"", None) == 0
    assert addresses.find(b"", CLIENT.encode()) == 0
    assert not addresses.is_trusted(b"")


# --- whom to believe --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "is_trusted"),
    [
        ("127.0.0.1", True),
        ("127.0.0.2", False),
        ("9.255.255.255", False),
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("192.0.2.63", False),
        ("192.0.2.64", True),
        ("192.0.2.127", True),
        ("192.0.2.128", False),
        ("::ffff:10.1.2.3", True),
        ("::ffff:11.1.2.3", False),
        ("::1", True),
        ("::2", False),
        ("2001:db8:e:ffff:ffff:ffff:ffff:ffff", False),
        ("2001:db8:f::", True),
        ("2001:db8:f:ffff:ffff:ffff:ffff:ffff", True),
        ("2001:db8:10::", False),
        ("::a01:203", False),
    ],
)
def test_trusted_networks(peer: str, is_trusted: bool) -> None:
    assert ClientAddresses(TRUSTED).is_trusted(packed(peer)) is is_trusted
    assert not ClientAddresses([]).is_trusted(packed(peer))
    found = ClientAddresses(TRUSTED, limit_loopback=True).find(packed(peer), CLIENT.encode())
    assert found == key(CLIENT if is_trusted else peer)


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::ffff:0:0/96"])
def test_all_of_ipv4_can_be_trusted(network: str) -> None:
    addresses = ClientAddresses([network])
    assert addresses.is_trusted(packed("1.2.3.4"))
    assert addresses.is_trusted(packed("::ffff:1.2.3.4"))
    assert not addresses.is_trusted(packed("2001:db8::1"))


def test_all_of_ipv6_is_not_ipv4() -> None:
    addresses = ClientAddresses(["::/0"])
    assert addresses.is_trusted(packed("2001:db8::1"))
    assert not addresses.is_trusted(packed("1.2.3.4"))
    assert not addresses.is_trusted(packed("::ffff:1.2.3.4"))


def test_a_mapped_network_is_ipv4() -> None:
    addresses = ClientAddresses(["::ffff:10.0.0.0/104"])
    assert addresses.is_trusted(packed("10.1.2.3"))
    assert addresses.is_trusted(packed("::ffff:10.1.2.3"))
    assert not addresses.is_trusted(packed("11.1.2.3"))


@pytest.mark.parametrize(
    "text", ["10.0.0.1/8", "10.0.0.0/33", "proxy.example", "", "10.0.0", "::1/129", "10.0.0.0/8 "]
)
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(
        ValueError, match="trusted_proxies: expected an address, a network"
    ) as caught:
        ClientAddresses(["::1", text])
    assert repr(text) in str(caught.value)


# --- X-Forwarded-For --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forwarded_for",
    [
        b"198.51.100.7",
        b"  198.51.100.7\t",
        b"198.51.100.7, 10.9.9.9",
        b"198.51.100.7,10.9.9.9 ,192.0.2.64",
        b"198.51.100.7, ::1, 2001:db8:f::5",
        b"198.51.100.7, ::ffff:10.0.0.1",
        b"6.6.6.6, 198.51.100.7",
        b"6.6.6.6, 10.6.6.6, 198.51.100.7, 10.9.9.9",
        b"127.0.0.1, 198.51.100.7",
        b"unknown, 198.51.100.7",
        b"\xff\x00, 198.51.100.7",
        b"::ffff:198.51.100.7",
        b"198.51.100.7:5678",
        b'"198.51.100.7"',
        b'"198.51.100.7:5678"',
        b"[::ffff:198.51.100.7]:443",
        b",198.51.100.7,",
        b", ,\t, 198.51.100.7, ,,",
        b"198.51.100.7,,10.9.9.9",
        b"198.51.100.7, 10.9.9.9:80, [::1]:443",
    ],
)
def test_the_rightmost_address_that_is_not_trusted_is_the_client(forwarded_for: bytes) -> None:
    assert client(forwarded_for) == key(CLIENT)


@pytest.mark.parametrize(
    "forwarded_for",
    [
        b"2001:db8::1",
        b"[2001:db8::1]",
        b"[2001:db8::1]:443",
        b'"[2001:db8::1]:443"',
        b"2001:db8::1%eth0",
        b"[2001:db8::1%eth0]:1",
        b"2001:DB8:0::1, 10.0.0.1",
    ],
)
def test_ipv6_as_it_may_be_spelled(forwarded_for: bytes) -> None:
    assert client(forwarded_for) == key("2001:db8::")


@pytest.mark.parametrize(
    "garbage",
    [
        b"unknown",
        b"_hidden",
        b"proxy.example",
        b"256.1.1.1",
        b"1.2.3",
        b"01.2.3.4",
        b"1.2.3.4.5",
        b"1.2.3.4:",
        b"1.2.3.4:port",
        b"1.2.3.4:123456",
        b"1.2.3.4%eth0",
        b"1.2.3.4 5.6.7.8",
        b"[1.2.3.4]",
        b"[2001:db8::1",
        b"2001:db8::1]",
        b"[2001:db8::1]x",
        b"[]",
        b'""',
        b"-",
        b"2001:db8::1::2",
        b"2001:db8::1%",
        b"12345::",
        b"\xd9\xa1.2.3.4",
        b"1.2.3.4\x00",
        b"for=1.2.3.4",
        b"unix:",
    ],
)
def test_an_item_that_is_no_address_ends_the_walk(garbage: bytes) -> None:
    assert client(garbage) == key(PROXY)
    assert client(b"6.6.6.6, " + garbage) == key(PROXY)
    assert client(b"6.6.6.6, " + garbage + b", 10.9.9.9") == key("10.9.9.9")
    assert client(b"6.6.6.6, " + garbage + b", 198.51.100.7, 10.9.9.9") == key(CLIENT)


@pytest.mark.parametrize("nothing", [None, b"", b" ", b",", b" , ,\t"])
def test_without_a_forwarded_address_the_peer_is_the_client(nothing: bytes | None) -> None:
    assert client(nothing) == key(PROXY)
    assert client(nothing, peer="127.0.0.1") == 0


def test_a_trusted_loopback_that_forwards_nonsense_is_exempt_like_one_that_forwards_nothing() -> (
    None
):
    assert client(b"unknown", peer="127.0.0.1") == 0
    assert client(b"unknown, 10.9.9.9", peer="127.0.0.1") == key("10.9.9.9")


def test_when_all_are_trusted_the_leftmost_is_the_client() -> None:
    assert client(b"10.7.7.7, 10.8.8.8, 10.9.9.9") == key("10.7.7.7")


def test_a_proxy_header_and_a_forwarded_address_together() -> None:
    """A balancer names the proxy it was called from, and that one names the client."""
    addresses = ClientAddresses(TRUSTED)
    by_proxy = addresses.find(packed(PROXY), CLIENT.encode(), is_spoken_for=True)
    by_stranger = addresses.find(packed("6.6.6.6"), CLIENT.encode(), is_spoken_for=True)
    assert (by_proxy, by_stranger) == (key(CLIENT), key("6.6.6.6"))


@pytest.mark.parametrize(
    ("trusted_hops", "expected"),
    [(MAX_HOPS - 2, CLIENT), (MAX_HOPS - 1, CLIENT), (MAX_HOPS, "10.9.9.9")],
)
def test_below_at_and_above_the_number_of_hops(trusted_hops: int, expected: str) -> None:
    assert client(b"198.51.100.7" + b", 10.9.9.9" * trusted_hops) == key(expected)


@pytest.mark.parametrize("length", [MAX_HOP_BYTES - 1, MAX_HOP_BYTES, MAX_HOP_BYTES + 1])
def test_below_at_and_above_the_length_of_a_hop(length: int) -> None:
    hop = b"2001:db8::1%".ljust(length, b"z")
    assert client(hop) == key("2001:db8::" if length <= MAX_HOP_BYTES else PROXY)


@pytest.mark.parametrize("filler", [b",", b" ", b", ", b"10.9.9.9,", b":", b'"', b"[", b"a,"])
def test_the_longest_of_headers(filler: bytes) -> None:
    header = filler * (16 * 1024 // len(filler))
    assert client(header) == key("10.9.9.9" if filler == b"10.9.9.9," else PROXY)
    assert client(header + b",198.51.100.7") == key(CLIENT)


def test_a_proxy_on_a_unix_socket_speaks_for_others_when_it_is_trusted() -> None:
    trusting = ClientAddresses(["unix:"])
    assert trusting.is_trusted(b"")
    assert trusting.find(b"", b"203.0.113.9") == address_key(bytes([203, 0, 113, 9]))
    assert trusting.find(b"", None) == 0
    assert not trusting.is_trusted(bytes(4))
    assert not trusting.is_trusted(bytes(16))
    assert ClientAddresses(["127.0.0.1"]).find(b"", b"203.0.113.9") == 0
