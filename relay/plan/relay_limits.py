"""What the relay itself must be told to allow, because its default is less than the workload asks for."""

from collections.abc import Iterator
from typing import Final

import msgspec

from relay.plan.workload import Workload
from relay.settings.config import Settings
from relay.settings.units import show_byte_rate, show_rate, show_size

_DEFAULTS: Final = Settings()


class RelayLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A setting of `relay serve`: what it must be at least, what it is by default, how it is given, and why."""

    name: str
    needed: float
    default: str
    setting: str
    why: str


def relay_limits(workload: Workload) -> list[RelayLimit]:
    """Those that the workload exceeds by what each connection does, on average."""
    return list(_exceeded(workload))


def _exceeded(workload: Workload) -> Iterator[RelayLimit]:
    payload = -int(-workload.payload_bytes // 1)
    if payload > _DEFAULTS.max_message:
        yield RelayLimit(
            name="max_message",
            needed=payload,
            default=show_size(_DEFAULTS.max_message),
            setting=f"--max-message {payload}",
            why="such messages",
        )
    if workload.messages > _DEFAULTS.message_rate:
        rate = -int(-workload.messages // 1)
        yield RelayLimit(
            name="message_rate",
            needed=rate,
            default=show_rate(_DEFAULTS.message_rate),
            setting=f"--message-rate {rate}",
            why="so many messages of one connection",
        )
    sent = -int(-workload.messages * payload // 1)
    if sent > _DEFAULTS.byte_rate:
        yield RelayLimit(
            name="byte_rate",
            needed=sent,
            default=show_byte_rate(_DEFAULTS.byte_rate),
            setting=f"--byte-rate {sent}",
            why="so many bytes of one connection",
        )
