"""Which channels there are and how large they are: counted a few at a time, however many there are.

Names are told only to who asks for them, and stay in no log and in no metric.
"""

import bisect
import heapq
from collections.abc import Mapping
from itertools import islice
from operator import itemgetter
from typing import Final
from urllib.parse import parse_qsl

import msgspec
import trio
from msgspec import UNSET, UnsetType

from relay.admin.snapshot import Histogram
from relay.channel import Channel
from relay.protocol import ChannelKey
from relay.requests import Refusal

MAX_LISTED: Final = 10_000
DEFAULT_LISTED: Final = 100
CHANNELS_PER_BATCH: Final = 2000
_BOUNDS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 100_000)


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be asked: names, and how many of the largest channels."""

    names: bool = False
    limit: int = DEFAULT_LISTED


class Listed(msgspec.Struct, frozen=True):
    """One of the largest channels: a channel, or a party's room."""

    members: int
    channel: str | UnsetType = UNSET
    party: str | UnsetType = UNSET
    room: str | UnsetType = UNSET


class Census(msgspec.Struct, frozen=True):
    """All channels and rooms: how many, who is in them, how many of which size, and the largest, the largest first."""

    channels: int
    members: int
    sizes: Histogram
    largest: list[Listed]


def read_query(query: bytes) -> Query:
    """What a query string asks for. Raises Refusal 400."""
    try:
        given = (
            dict(parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=True))
            if query
            else {}
        )
        found = msgspec.convert(given, Query, strict=False)
    except (ValueError, msgspec.ValidationError) as exc:
        raise Refusal(400, f"the query: {_lower(str(exc))}", reason="admin_request") from exc
    if not 0 <= found.limit <= MAX_LISTED:
        text = f"the query: limit: expected 0 to {MAX_LISTED}"
        raise Refusal(400, text, reason="admin_request")
    return found


async def take_census(channels: Mapping[ChannelKey, Channel], query: Query) -> Census:
    """Count them; those that open or close meanwhile may or may not count."""
    counts = [0] * (len(_BOUNDS) + 1)
    members = total = 0
    largest: list[tuple[int, ChannelKey]] = []
    open_channels = iter(list(channels.values()))
    while batch := list(islice(open_channels, CHANNELS_PER_BATCH)):
        sized = [(channel.member_count, channel.key) for channel in batch]
        for size, _ in sized:
            counts[_place(size)] += 1
            members += size
        total += len(sized)
        largest = heapq.nlargest(query.limit, [*largest, *sized], key=itemgetter(0))
        await trio.lowlevel.checkpoint()
    return Census(
        total,
        members,
        Histogram([*_BOUNDS], counts, members),
        [_listed(size, key, query.names) for size, key in largest],
    )


def _place(size: int) -> int:
    return bisect.bisect_left(_BOUNDS, size)


def _listed(size: int, key: ChannelKey, is_named: bool) -> Listed:
    if not is_named:
        return Listed(size)
    if isinstance(key, tuple):
        party, room = key
        return Listed(size, party=_text(party), room=_text(room))
    return Listed(size, channel=_text(key))


def _text(name: bytes) -> str:
    """As it can be shown: bytes that are no UTF-8 are replaced, and such a channel cannot be told apart from its like."""
    return name.decode("utf-8", "replace")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
