"""What the relay itself must be told to allow, because its default is less than the workload asks for."""

import math
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
    payload = math.ceil(workload.payload_bytes)
    frame = math.ceil(workload.frame_bytes)
    rate, sent = math.ceil(workload.messages), math.ceil(workload.messages * payload)
    asked = (
        ("max_message", payload, MAX_MESSAGE_BYTES, "100KiB", "such messages"),
        ("byte_burst", payload, BYTE_BURST, "2MiB", "one such message at a time"),
        ("backlog_limit", frame, BACKLOG_LIMIT_BYTES, "1MiB", "one such message on its way to a reader"),
        ("message_rate", rate, MESSAGE_RATE, "250/s", "so many messages of one connection"),
        ("byte_rate", sent, BYTE_RATE, "256KiB/s", "so many bytes of one connection"),
    )  # fmt: skip
    return [
        RelayLimit(
            name=name,
            needed=needed,
            default=text,
            setting=f"--{name.replace('_', '-')} {needed}",
            why=why,
        )
        for name, needed, default, text, why in asked
        if needed > default
    ]
