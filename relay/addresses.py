"""What a client's address is: the key by which it is limited and blocked, found behind the proxies that are trusted.

`X-Forwarded-For` is a list to which every proxy adds, at its right end, the address it was called from. So only its right end can
be believed, and only as far as trusted proxies wrote it: the walk goes from right to left and stops at the first address that is
no trusted proxy's. Whatever stands further left may be forged by the client. Reading from the left, as is often done, would let
every client choose its own address.
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import Final

UNIX_PEERS: Final = "unix:"
MAX_HOPS: Final = 32
MAX_HOP_BYTES: Final = 64

_IPV4_KEYS: Final = 0x0000FFFF_00000000
_ZERO_PREFIX_KEY: Final = 1  # of ::/64, where `::1` is, because 0 is no address
_MAPPED: Final = bytes(10) + b"\xff\xff"
_LOOPBACK_IPV4: Final = b"\x7f"
_LOOPBACK_MAPPED: Final = _MAPPED + _LOOPBACK_IPV4
_LOOPBACK_IPV6: Final = bytes(15) + b"\x01"
_PORT: Final = rb"(?::\d{1,5})?"
_IPV4: Final = re.compile(rb"\.".join([rb"(0|[1-9]\d{0,2})"] * 4) + _PORT)
_BRACKETED: Final = re.compile(rb"\[([^]]*)\]" + _PORT)


def address_key(packed: bytes) -> int:
    """The 64-bit key of a packed address: an IPv4 address, or the /64 that an IPv6 one is in; 0 for b"" (a Unix socket has none).

    An IPv4-mapped IPv6 address is the IPv4 address (RFC 4291 section 2.5.5.2). Raises ValueError for any other length.
    """
    if len(packed) == 16:
        if not packed.startswith(_MAPPED):
            return int.from_bytes(packed[:8]) or _ZERO_PREFIX_KEY
        packed = packed[12:]
    if len(packed) == 4:
        return _IPV4_KEYS | int.from_bytes(packed)
    if packed:
        raise ValueError(f"packed: expected 0, 4 or 16 bytes, got {len(packed)} bytes")
    return 0


class ClientAddresses:
    """Finds clients' addresses. `trusted_proxies` are addresses, networks in CIDR notation such as `10.0.0.0/8`, and `unix:`.

    With `limit_loopback` a loopback peer is a client like any other. Raises ValueError for what is no network.
    """

    def __init__(self, trusted_proxies: Sequence[str], *, limit_loopback: bool = False) -> None:
        self._trusted = _Networks(trusted_proxies)
        self._limit_loopback = limit_loopback

    def find(self, peer: bytes, forwarded_for: bytes | None, *, is_spoken_for: bool = False) -> int:
        """The key of the client's address, 0 when no limits apply to it.

        `peer` is the packed address of the TCP peer, or with `is_spoken_for` the one that a trusted proxy named for it by the
        PROXY protocol. `forwarded_for` is the value of X-Forwarded-For, its lines joined by commas; it counts only if `peer` is
        a trusted proxy. A loopback peer for which no proxy spoke is exempt: it is a local tool, or a proxy that forwards no
        addresses, behind which one offender would get everyone blocked.
        """
        if forwarded_for and peer in self._trusted:
            client = self._client_behind(forwarded_for)
            if client is not None:
                return address_key(client)
        if is_spoken_for or self._limit_loopback or not _is_loopback(peer):
            return address_key(peer)
        return 0

    def is_trusted(self, peer: bytes) -> bool:
        """Whether this packed address is a trusted proxy's; b"" is that of a peer on a Unix socket."""
        return peer in self._trusted

    def _client_behind(self, forwarded_for: bytes) -> bytes | None:
        """The rightmost address that no trusted proxy has; the leftmost when all are trusted; None when nothing was forwarded.

        An item that is no address ("unknown", a host name) ends the walk: what stands left of it was not vouched for.
        """
        client = None
        for hop in _hops_from_the_right(forwarded_for):
            address = _parse_hop(hop)
            if address is None:
                break
            client = address
            if address not in self._trusted:
                break
        return client


class _Networks:
    """Networks by the length of their prefix: an address is looked up once per length, however many networks there are."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._prefixes: dict[int, dict[int, set[int]]] = {}
        for text in networks:
            packed, shift = _parse_network(text)
            by_shift = self._prefixes.setdefault(len(packed), {})
            by_shift.setdefault(shift, set()).add(int.from_bytes(packed) >> shift)

    def __contains__(self, packed: bytes) -> bool:
        packed = _unmapped(packed)
        by_shift = self._prefixes.get(len(packed))
        if by_shift is None:
            return False
        number = int.from_bytes(packed)
        for shift, prefixes in by_shift.items():  # noqa: SIM110 - a generator doubles the price
            if number >> shift in prefixes:
                return True
        return False


def _parse_network(text: str) -> tuple[bytes, int]:
    """The packed address of a network, and how many bits its hosts have. IPv4-mapped networks are IPv4.

    `unix:` is the network without an address that all peers on Unix sockets are in.
    """
    if text == UNIX_PEERS:
        return b"", 0
    try:
        network = ipaddress.ip_network(
            text.replace("%", " ")
        )  # a zone is this machine's own affair
    except ValueError as exc:
        raise ValueError(
            "trusted_proxies: expected an address, a network without host bits such as 10.0.0.0/8,"
            f" or {UNIX_PEERS}, got {text!r}"
        ) from exc
    shift = network.max_prefixlen - network.prefixlen
    packed = network.network_address.packed
    return (_unmapped(packed) if shift <= 32 else packed), shift


def _hops_from_the_right(forwarded_for: bytes) -> Iterator[bytes]:
    """The items of a list, last first, as they are asked for. Empty ones are none (RFC 9110 section 5.6.1)."""
    rest = forwarded_for
    for _ in range(MAX_HOPS):
        rest, _, hop = rest.rstrip(b", \t").rpartition(b",")
        if not hop:
            return
        yield hop.lstrip()


def _parse_hop(hop: bytes) -> bytes | None:
    """The packed address in an item: plain, with a port, in brackets, quoted, with a zone; None when there is none."""
    if len(hop) > MAX_HOP_BYTES:
        return None
    if hop.startswith(b'"'):
        hop = hop.strip(b'"')
    ipv4 = _IPV4.fullmatch(hop)
    bracketed = None if ipv4 else _BRACKETED.fullmatch(hop)
    try:
        if ipv4 is not None:
            return bytes(map(int, ipv4.groups()))
        return ipaddress.IPv6Address((bracketed[1] if bracketed else hop).decode("ascii")).packed
    except ValueError:
        return None


def _unmapped(packed: bytes) -> bytes:
    return packed[12:] if len(packed) == 16 and packed.startswith(_MAPPED) else packed


def _is_loopback(packed: bytes) -> bool:
    if len(packed) == 16:
        return packed == _LOOPBACK_IPV6 or packed.startswith(_LOOPBACK_MAPPED)
    return packed.startswith(_LOOPBACK_IPV4)
