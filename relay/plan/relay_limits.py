"""What the relay itself must be told to allow, because its default is less than the workload asks for."""

from collections.abc import Iterator
from typing import Final

import msgspec

from relay.plan.workload import Workload

MAX_MESSAGE_BYTES: Final = 100 * 1024
BACKLOG_LIMIT_BYTES: Final = 1024 * 1024
MESSAGE_RATE: Final = 250.0
BYTE_RATE: Final = 256 * 1024
BYTE_BURST: Final = 2 * 1024 * 1024
"""Defaults of the relay's settings of these names."""


class RelayLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A setting of `relay serve`: what it must be at least, what it is by default, how it is given, and why."""

    name: str
    needed: int
    default: str
    setting: str
    why: str


def relay_limits(workload: Workload) -> list[RelayLimit]:
    """Those that the workload exceeds by what each connection does, on average."""
    return list(_exceeded(workload))


def _exceeded(workload: Workload) -> Iterator[RelayLimit]:
    payload = -int(-workload.payload_bytes // 1)
    if payload > MAX_MESSAGE_BYTES:
        yield RelayLimit(
            name="max_message",
            needed=payload,
            default="100KiB",
            setting=f"--max-message {payload}",
            why="such messages",
        )
    if payload > BYTE_BURST:
        yield RelayLimit(
            name="byte_burst",
            needed=payload,
            default="2MiB",
            setting=f"--byte-burst {payload}",
            why="one such message at a time",
        )
    frame = -int(-workload.frame_bytes // 1)
    if frame > BACKLOG_LIMIT_BYTES:
        yield RelayLimit(
            name="backlog_limit",
            needed=frame,
            default="1MiB",
            setting=f"--backlog-limit {frame}",
            why="one such message on its way to a reader",
        )
    if workload.messages > MESSAGE_RATE:
        rate = -int(-workload.messages // 1)
        yield RelayLimit(
            name="message_rate",
            needed=rate,
            default="250/s",
            setting=f"--message-rate {rate}",
            why="so many messages of one connection",
        )
    sent = -int(-workload.messages * payload // 1)
    if sent > BYTE_RATE:
        yield RelayLimit(
            name="byte_rate",
            needed=sent,
            default="256KiB/s",
            setting=f"--byte-rate {sent}",
            why="so many bytes of one connection",
        )
