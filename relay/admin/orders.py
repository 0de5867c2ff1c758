"""What an operator orders, checked: the bodies of `POST /api/…`. Every error names the field and what was expected."""

import ipaddress
import re
from typing import Final, TypeAlias, TypeVar

import msgspec

from relay.addresses import address_key
from relay.protocol import ChannelKey
from relay.requests import Refusal

MAX_BODY_BYTES: Final = 64 * 1024
MAX_REASON_BYTES: Final = 100
"""A close frame has room for 123 (RFC 6455 section 5.5), and says also that it was an operator."""

MAX_BLOCK_SECONDS: Final = 366 * 86400.0
_IPV6_BLOCK_PREFIX: Final = 64

# How msgspec words these three; what it words otherwise stays as it is.
_MISTYPED: Final = re.compile(r"Expected `(.+)`, got `(.+?)`(?: - at `\$\.(\w+)`)?")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_NAMES_OF_TYPES: Final = {
    "str": "a string",
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "object": "an object",
    "array": "an array",
}

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

T = TypeVar("T", bound=msgspec.Struct)


class Kick(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Close one member, or all of a channel or a room; with `block` refuse their addresses for a while."""

    channel: str | None = None
    party: str | None = None
    room: str | None = None
    uid: str | None = None
    reason: str = ""
    block: bool = False

    def __post_init__(self) -> None:
        is_channel = self.channel is not None
        is_room = self.party is not None or self.room is not None
        if is_channel == is_room:
            raise ValueError("expected either channel, or party and room")
        if is_room and (self.party is None or self.room is None):
            missing = "party" if self.party is None else "room"
            raise ValueError(f"{missing}: expected beside the other of party and room")
        if self.uid == "":
            raise ValueError("uid: expected one, or none to close all members")
        if len(self.reason.encode()) > MAX_REASON_BYTES:
            raise ValueError(f"reason: expected at most {MAX_REASON_BYTES} bytes of UTF-8")

    @property
    def key(self) -> ChannelKey:
        """Whose members are meant."""
        if self.channel is not None:
            return self.channel.encode()
        return (self.party or "").encode(), (self.room or "").encode()


class Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Refuse an address for so many seconds, by default for `block_time`; with `kick` close its connections too."""

    address: str
    seconds: float | None = None
    kick: bool = False

    def __post_init__(self) -> None:
        parse_address(self.address)
        if self.seconds is not None and not 0 < self.seconds <= MAX_BLOCK_SECONDS:
            raise ValueError(f"seconds: expected more than 0, at most {MAX_BLOCK_SECONDS:.0f}")


class Unblock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lift the block of an address."""

    address: str

    def __post_init__(self) -> None:
        parse_address(self.address)


class Drain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Close everyone and end, as SIGTERM does."""


def read_order(kind: type[T], body: bytes) -> T:
    """The order in a body; an empty one is `{}`. Raises Refusal 400."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as exc:
        text = _in_words(str(exc))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = "expected one object in JSON"
    raise Refusal(400, f"the body: {text[:1].lower()}{text[1:]}", reason="admin_request")


def _in_words(text: str) -> str:
    """A mistake of types in words of JSON, not of Python: `seconds: expected a number or null, got a string`."""
    if found := _UNKNOWN.fullmatch(text):
        return f"{found[1]}: unknown field"
    if found := _MISSING.fullmatch(text):
        return f"{found[1]}: expected one, got none"
    if found := _MISTYPED.fullmatch(text):
        place = f"{found[3]}: " if found[3] else ""
        return f"{place}expected {_types_in_words(found[1])}, got {_types_in_words(found[2])}"
    return text


def _types_in_words(types: str) -> str:
    return " or ".join(_NAMES_OF_TYPES.get(name, name) for name in types.split(" | "))


def parse_address(text: str) -> Address:
    """An address, or the /64 that an IPv6 one is limited by; of an IPv4-mapped one the IPv4 address. Raises ValueError."""
    address, slash, prefix = text.partition("/")
    try:
        found = _unmapped(ipaddress.ip_address(address.replace("%", " ")))
        is_known = not slash or (found.version == 6 and prefix == str(_IPV6_BLOCK_PREFIX))
    except ValueError:
        is_known = False
    if not is_known:
        raise ValueError(
            'address: expected one such as "192.0.2.1", "2001:db8::1" or "2001:db8::/64"'
        )
    return found


def _unmapped(address: Address) -> Address:
    """What is known of IPv4 addresses, such as which are loopback, does not show in their IPv6 spelling."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def key_of(text: str) -> int:
    """What an address is blocked by."""
    return address_key(parse_address(text).packed)
