"""The rows of the table: what load each is, and how it should compare with the peer.

`goal` is the most that the relay's processor time per delivery may be of the peer's. Where the kernel's price of a
`send` rules, no server can be much cheaper than another; where batching or payload size rule, one can.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`in_flight` messages per channel are under way at any time, sent by one member or by all in turn."""

    name: str
    channels: int
    members: int
    in_flight: int
    goal: float
    payload_bytes: int = 64
    everyone_sends: bool = False

    @property
    def connections(self) -> int:
        return self.channels * self.members


@dataclass(frozen=True)
class OpenRow:
    """Opening handshakes, and then the memory that the idle connections hold."""

    name: str
    channels: int
    members: int
    goal: float
    memory_goal: float
    warm_up_channels: int = 10

    @property
    def connections(self) -> int:
        return (self.channels + self.warm_up_channels) * self.members


LOAD_ROWS = (
    Row("1 x 100, 1 in flight", 1, 100, 1, goal=1.05),
    Row("1 x 100, 8 in flight", 1, 100, 8, goal=1.05),
    Row("1 x 100, 64 in flight", 1, 100, 64, goal=1.05),
    Row("1 x 100, 512 in flight", 1, 100, 512, goal=0.6),
    Row("1 x 10000, 8 in flight", 1, 10_000, 8, goal=1.05),
    Row("100 x 50, everyone sends", 100, 50, 4, goal=1.05, everyone_sends=True),
    Row("1000 x 4, everyone sends", 1000, 4, 1, goal=1.05, everyone_sends=True),
    Row("10 x 100, 16 KiB payload", 10, 100, 8, goal=0.6, payload_bytes=16_384),
)
OPEN_ROW = OpenRow("10000 opening handshakes", 100, 100, goal=1.3, memory_goal=0.35)
ROWS: tuple[Row | OpenRow, ...] = (*LOAD_ROWS, OPEN_ROW)
