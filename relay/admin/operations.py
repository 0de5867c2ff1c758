"""What an operator can do to a running relay: close members, block addresses, end it.

Whatever takes time with many members is done a few at a time, so that messages flow meanwhile.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

import trio

from relay._core import Member
from relay.admin.orders import Block, Kick, Unblock, key_of, parse_address
from relay.channel import Channel
from relay.hub import Hub
from relay.limits import AddressLimits
from relay.protocol import CloseCode
from relay.requests import Refusal
from relay.settings.config import Settings

MEMBERS_PER_BATCH: Final = 500
_KICKED: Final = "kicked by an operator"
_BLOCKED: Final = "this address was blocked by an operator"


class Operations:
    """Carries out orders. `settings` are asked for anew each time: a reload may have changed them."""

    def __init__(self, hub: Hub, limits: AddressLimits, settings: Callable[[], Settings]) -> None:
        self._hub = hub
        self._limits = limits
        self._settings = settings

    async def kick(self, order: Kick) -> dict[str, int]:
        """How many members were closed, and blocked if that was ordered. Raises Refusal: 404 when there is nobody to close."""
        channel = self._hub.channels.get(order.key)
        if channel is None:
            raise _not_found("nobody is in this channel")
        members = channel.members if order.uid is None else list(_named(channel, order.uid))
        if not members:
            raise _not_found("no member of this channel has this uid")
        done: dict[str, int] = {}
        if order.block:
            done["blocked"] = self._block_members(members)
        reason = f"{_KICKED}: {order.reason}" if order.reason else _KICKED
        if order.uid is None:
            kicked = await self._hub.dismiss(channel, CloseCode.POLICY_VIOLATION, reason)
        else:
            kicked = len(members)
            for member in members:
                member.close(CloseCode.POLICY_VIOLATION, reason)
        return {"kicked": kicked, **done}

    async def block(self, order: Block) -> dict[str, int | float]:
        """For how many seconds, and how many members were closed. Raises Refusal 400 for what cannot be blocked."""
        settings = self._settings()
        if parse_address(order.address).is_loopback and not settings.limit_loopback:
            raise _refuse("address: loopback is exempt from blocks, unless limit_loopback is set")
        address = key_of(order.address)
        seconds = self._seconds(order.seconds, "seconds")
        self._limits.order_block(address, time.monotonic(), seconds)
        kicked = await self._close_all_of(address) if order.kick else 0
        return {"seconds": seconds, "kicked": kicked}

    def unblock(self, order: Unblock) -> dict[str, bool]:
        """Whether it was blocked."""
        return {"unblocked": self._limits.unblock(key_of(order.address), time.monotonic())}

    def _seconds(self, ordered: float | None, field: str) -> float:
        seconds = self._settings().block_time if ordered is None else ordered
        if not seconds:
            raise _refuse(f"{field}: expected the seconds of a block, because block_time is 0")
        return seconds

    def _block_members(self, members: list[Member]) -> int:
        addresses = {member.address for member in members} - {0}
        if addresses:
            seconds, now = self._seconds(None, "block"), time.monotonic()
            for address in addresses:
                self._limits.order_block(address, now, seconds)
        return len(addresses)

    async def _close_all_of(self, address: int) -> int:
        closed = 0
        for number, member in enumerate(_members_of(list(self._hub.channels.values())), 1):
            if member.address == address and member.log is not None:
                member.close(CloseCode.POLICY_VIOLATION, _BLOCKED)
                closed += 1
            if number % MEMBERS_PER_BATCH == 0:
                await trio.lowlevel.checkpoint()
        return closed


def _named(channel: Channel, uid: str) -> Iterator[Member]:
    """Party connections may share one; others never do."""
    if isinstance(channel.key, tuple):
        yield from (member for member in channel.members if member.uid == uid)
    elif (member := channel.log.find(uid.encode())) is not None:
        yield member


def _members_of(channels: list[Channel]) -> Iterator[Member]:
    for channel in channels:
        yield from channel.members


def _not_found(text: str) -> Refusal:
    return Refusal(404, text, reason="admin_request")


def _refuse(text: str) -> Refusal:
    return Refusal(400, text, reason="admin_request")
