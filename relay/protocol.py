"""The events of the wire, as msgspec Structs, and a connection's options.

Knows no trio and no socket. What the compiled core stamps equals, byte for byte, what msgspec encodes for `MessageEvent`.
"""

import base64
import enum
import os
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

ChannelKey = bytes | tuple[bytes, bytes]
"""An itty channel's name, or the party and the room of a party connection: two spaces that never meet."""


class CloseCode(enum.IntEnum):
    """The close codes the relay sends by itself (RFC 6455 section 7.4.1 and the IANA registry)."""

    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    TRY_AGAIN_LATER = 1013


class MessageEvent(msgspec.Struct, kw_only=True):
    """A relayed message. `date` is milliseconds since the epoch; `message` is the payload as it was sent. What was published over
    HTTP has no uid: there is no connection that it came from."""

    id: str | UnsetType = UNSET
    uid: str | UnsetType = UNSET
    alias: str | UnsetType = UNSET
    date: int
    message: msgspec.Raw


class ListedMember(msgspec.Struct, kw_only=True):
    """One announced connection in the `users` of a member with `list`."""

    uid: str
    alias: str | UnsetType = UNSET
    self_: bool | UnsetType = msgspec.field(default=UNSET, name="self")


class JoinEvent(msgspec.Struct, kw_only=True, tag_field="type", tag="join"):
    """A connection has joined; `total` counts it. `users` is the same number, a list of those announced, or left out."""

    self_: bool | UnsetType = msgspec.field(default=UNSET, name="self")
    uid: str | UnsetType = UNSET
    alias: str | UnsetType = UNSET
    users: int | list[ListedMember] | UnsetType = UNSET
    total: int
    date: int


class LeaveEvent(msgspec.Struct, kw_only=True, tag_field="type", tag="leave"):
    """A connection has left; `total` counts those who remain."""

    uid: str | UnsetType = UNSET
    alias: str | UnsetType = UNSET
    users: int | UnsetType = UNSET
    total: int
    date: int


class ErrorEvent(msgspec.Struct, kw_only=True, tag_field="type", tag="error"):
    """What was wrong with the connection's own last message, for a person to read."""

    message: str
    date: int


class GapEvent(msgspec.Struct, kw_only=True, tag_field="type", tag="gap"):
    """Here messages are missing that were meant for the connection, which was too slow for its channel: so many, or None when
    nobody knows how many, because it was not connected."""

    missed: int | None
    date: int


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection, or a request, asks for in its query string, and the keys it shows there, decoded and otherwise as they
    were sent. `batch` is for requests that publish."""

    echo: bool = False
    announce: bool = False
    list: bool = False
    batch: bool = False
    alias: str | None = None
    party_id: str | None = None
    join_key: bytes | None = None
    send_key: bytes | None = None

    def __repr__(self) -> str:
        """Without the keys: what is printed may end up in a log."""
        return (
            f"Options(echo={self.echo}, announce={self.announce}, list={self.list},"
            f" alias={self.alias!r})"
        )


class UidSource:
    """Random uids of 12 URL-safe characters (72 bits), cut from a stock: the kernel is asked for many at a time."""

    _RANDOM_BYTES = 9
    _STOCK = 512

    def __init__(self) -> None:
        self._stock: list[str] = []

    def take(self) -> str:
        """The next uid."""
        if not self._stock:
            text = base64.urlsafe_b64encode(os.urandom(self._RANDOM_BYTES * self._STOCK)).decode()
            step = len(text) // self._STOCK
            self._stock = [text[i : i + step] for i in range(0, len(text), step)]
        return self._stock.pop()


_encoder = msgspec.json.Encoder()
_DATE_KEY: Final = b',"date":'


def encode(event: msgspec.Struct) -> bytes:
    """The JSON text of an event."""
    return _encoder.encode(event)


def envelope_prefix(uid: str, alias: str | None) -> bytes:
    """What is the same in all of a member's envelopes: `"uid":…,"alias":…,"date":`."""
    prefix = b'"uid":' + _encoder.encode(uid)
    if alias is not None:
        prefix += b',"alias":' + _encoder.encode(alias)
    return prefix + _DATE_KEY


def anonymous_prefix(alias: str | None) -> bytes:
    """The same for messages that no member sent: `"alias":…,"date":`, or `"date":` alone."""
    if alias is None:
        return _DATE_KEY[1:]
    return b'"alias":' + _encoder.encode(alias) + _DATE_KEY


def party_prefix(party_id: str | None) -> bytes:
    """What the core knows a party connection by: its id, if it has one. No envelope is made of it."""
    return b"" if party_id is None else envelope_prefix(party_id, None)


def listed_member(prefix: bytes, is_self: bool) -> ListedMember:
    """The entry of `users` for the member with this envelope prefix."""
    listed = msgspec.json.decode(b"{" + prefix[: -len(_DATE_KEY)] + b"}", type=ListedMember)
    if is_self:
        listed.self_ = True
    return listed


def alias_of(prefix: bytes) -> str | UnsetType:
    """The alias in an envelope prefix; UNSET when there is none."""
    return UNSET if prefix.find(b'","alias":') < 0 else listed_member(prefix, False).alias
