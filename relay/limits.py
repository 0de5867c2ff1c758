"""What one address may do: connect so often, hold so many connections, and, after a kick, nothing for a while.

Addresses are the 64-bit keys of `relay.addresses`; 0 is exempt. All tables are bounded: the rates and the blocks are of a fixed
size, and the counts are of addresses that have a connection. Knows no trio and no socket; the caller brings the time.
"""

import math
from collections import Counter
from typing import Final

from relay import _core
from relay.requests import Refusal
from relay.settings.config import Settings

ORDERED_BLOCKS: Final = 8192


class AddressLimits:
    """The limits per address. In a dry run what they would refuse is counted in `spared`, by reason, and passes."""

    def __init__(self, settings: Settings) -> None:
        self.block_total = 0
        self.spared: Counter[str] = Counter()
        self._blocks = _core.AddressBlocks()
        # apart from those of kicks, so that no flood of offenders lifts what an operator has set
        self._ordered_blocks = _core.AddressBlocks(ORDERED_BLOCKS)
        self._connections: dict[int, int] = {}
        self._rates = _core.AddressLimiter(0.0, 0.0)
        self._published_messages = _core.AddressLimiter(0.0, 0.0)
        self._published_bytes = _core.AddressLimiter(0.0, 0.0)
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Go by these settings from now on; tokens, blocks and counts stay as they are."""
        is_off = settings.limits == "off"
        self._is_dry_run = settings.limits == "dry-run"
        self._block_time = 0.0 if is_off else settings.block_time
        self._max_connections = 0 if is_off else settings.max_connections_per_ip
        self._rates.configure(
            0.0 if is_off else settings.connection_rate, settings.connection_burst
        )
        self._published_messages.configure(
            0.0 if is_off else settings.message_rate, settings.message_burst
        )
        self._published_bytes.configure(0.0 if is_off else settings.byte_rate, settings.byte_burst)

    def check_arrival(self, address: int, now: float) -> None:
        """A request for an upgrade has come. Raises Refusal 429 while its address is blocked, or when it comes too often."""
        if address and not self._check_block(address, now):
            self.check_connection(address, now)

    def check_connection(self, address: int, now: float) -> None:
        """A connection has come, whatever for. Raises Refusal 429 when its address connects too often."""
        if not self._rates.try_consume(address, now):
            seconds = self._rates.seconds_until(address, now)
            self._refuse("connection_rate", "too many new connections from this address", seconds)

    def check_published(self, address: int, now: float, count: int = 1) -> None:
        """So many messages are to be published by a request. Raises Refusal 429 while its address is blocked, or publishes too
        often, 413 for more than may ever be published at once."""
        if not address:
            return
        if self._check_block(address, now):
            return
        if not self._published_messages.try_consume(address, now, count):
            seconds = self._published_messages.seconds_until(address, now, count)
            self._refuse("published_rate", "too many messages from this address", seconds)

    def check_published_bytes(self, address: int, size: int, now: float) -> None:
        """The message has so many bytes. Raises Refusal 429 when its address publishes too much, 413 when it is too large for
        ever."""
        if not self._published_bytes.try_consume(address, now, size):
            seconds = self._published_bytes.seconds_until(address, now, size)
            self._refuse("published_byte_rate", "too many bytes from this address", seconds)

    def check_guesses(self, address: int, now: float) -> None:
        """A key is about to be compared. Raises Refusal 429 when the address has shown too many wrong ones, or connects too
        often."""
        seconds = self._rates.seconds_until(address, now)
        if seconds:
            self._refuse("connection_rate", "too many wrong keys from this address", seconds)

    def count_guess(self, address: int, now: float) -> None:
        """It was wrong, which costs as much as a connection: keys are guessed no faster by requests than by connecting."""
        self._rates.try_consume(address, now)

    def check_room(self, address: int) -> None:
        """It is about to become a member. Raises Refusal 429 when its address has as many connections as it may have."""
        if 0 < self._max_connections <= self._connections.get(address, 0):
            self._refuse("connections_per_ip", "too many connections from this address", 5.0)

    def add(self, address: int) -> None:
        """A member with this address has joined."""
        if address:
            self._connections[address] = self._connections.get(address, 0) + 1

    def remove(self, address: int) -> None:
        """A member with this address has left."""
        if address:
            left = self._connections.get(address, 0) - 1
            if left > 0:
                self._connections[address] = left
            else:
                self._connections.pop(address, None)

    def block(self, address: int, now: float) -> None:
        """A member with this address was kicked: refuse the address for `block_time`."""
        if address and self._block_time:
            self.block_total += not self._blocks.blocked_until(address, now)
            self._blocks.block(address, now + self._block_time)

    def order_block(self, address: int, now: float, seconds: float) -> None:
        """An operator blocks this address for so long, whatever the settings say of limits and blocks."""
        self._ordered_blocks.unblock(address)  # the newest order counts, also when it ends earlier
        self._ordered_blocks.block(address, now + seconds)
        self.block_total += 1

    def unblock(self, address: int, now: float) -> bool:
        """Lift the block of this address, whoever made it. False when there was none."""
        tables = (self._blocks, self._ordered_blocks)
        was_blocked = any(table.blocked_until(address, now) for table in tables)
        for table in tables:
            table.unblock(address)
        return was_blocked

    def count_blocks(self, now: float) -> int:
        """How many addresses are blocked; one that is twice, by a kick and by an operator, counts twice."""
        kicked = self._blocks.count(now) if self._block_time else 0
        return kicked + self._ordered_blocks.count(now)

    def _check_block(self, address: int, now: float) -> bool:
        """Whether a blocked address passes, for the sake of a dry run."""
        ordered_until = self._ordered_blocks.blocked_until(address, now)
        if ordered_until:
            raise _refusal("blocked", "this address is blocked", ordered_until - now)
        # without a block time there are no blocks, also of those that were blocked when there was one
        blocked_until = self._blocks.blocked_until(address, now) if self._block_time else 0.0
        if blocked_until:
            self._refuse("blocked", "this address is blocked for a while", blocked_until - now)
        return bool(blocked_until)

    def _refuse(self, reason: str, text: str, seconds: float) -> None:
        """`seconds` until it would pass; infinity for what never will."""
        if self._is_dry_run:
            self.spared[reason] += 1
            return
        if math.isinf(seconds):
            raise Refusal(413, "the body is larger than may be sent at once", reason=reason)
        raise _refusal(reason, text, seconds)


def _refusal(reason: str, text: str, seconds: float) -> Refusal:
    return Refusal(429, text, b"Retry-After: %d" % max(math.ceil(seconds), 1), reason=reason)
