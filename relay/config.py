"""Every setting of the server, once: its name, its unit, its default.

Knows no trio and no socket. The command line makes its flags from `Settings`.
"""

import math
import re
from typing import Annotated, Literal

import msgspec

Bytes = Annotated[int, "bytes"]
Seconds = Annotated[float, "seconds"]

_SIZE_UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "kib": 2**10,
    "mb": 10**6,
    "mib": 2**20,
    "gb": 10**9,
    "gib": 2**30,
}
_TIME_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", re.ASCII)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What `relay serve` runs with. Sizes are bytes, times are seconds, rates are per second."""

    host: str = "127.0.0.1"
    port: int = 8787
    message_rate: float = 250.0
    message_burst: float = 1000.0
    byte_rate: Bytes = 256 * 1024
    byte_burst: Bytes = 2 * 1024 * 1024
    kick_after: int = 3
    max_message: Bytes = 100 * 1024
    max_party_message: Bytes = 1024 * 1024
    backlog_limit: Bytes = 1024 * 1024
    handshake_timeout: Seconds = 10.0
    ping_interval: Seconds = 25.0
    presence: Literal["all", "auto", "off"] = "auto"
    presence_limit: int = 1000

    def __post_init__(self) -> None:
        """Raises ValueError that names the setting and what was expected."""
        _require("port", self.port, 0 <= self.port <= 65535, "a port from 0 to 65535")
        _require(
            "message_rate",
            self.message_rate,
            _is_amount(self.message_rate),
            "0 (off) or more a second",
        )
        _require(
            "message_burst",
            self.message_burst,
            _is_amount(self.message_burst) and self.message_burst >= 1,
            "1 or more",
        )
        _require("byte_rate", self.byte_rate, self.byte_rate >= 0, "0 (off) or more bytes a second")
        _require("byte_burst", self.byte_burst, self.byte_burst >= 1, "1 byte or more")
        _require(
            "kick_after", self.kick_after, 0 <= self.kick_after <= 255, "0 (never) to 255 warnings"
        )
        _require("max_message", self.max_message, 1 <= self.max_message <= 2**30, "1 byte to 1 GiB")
        _require(
            "max_party_message",
            self.max_party_message,
            1 <= self.max_party_message <= 2**30,
            "1 byte to 1 GiB",
        )
        _require(
            "backlog_limit",
            self.backlog_limit,
            1024 <= self.backlog_limit <= 2**31,
            "1 KiB to 2 GiB",
        )
        _require(
            "ping_interval",
            self.ping_interval,
            self.ping_interval == 0 or 0.1 <= self.ping_interval <= 3600,
            "0 (off), or 0.1 s to 1 h",
        )
        _require(
            "handshake_timeout",
            self.handshake_timeout,
            0 < self.handshake_timeout <= 3600,
            "more than 0 s, at most 1 h",
        )
        _require(
            "presence", self.presence, self.presence in ("all", "auto", "off"), "all, auto or off"
        )
        _require(
            "presence_limit", self.presence_limit, self.presence_limit >= 0, "0 or more members"
        )


def _is_amount(value: float) -> bool:
    return 0 <= value < math.inf


def _require(name: str, value: object, is_good: bool, expected: str) -> None:
    if not is_good:
        raise ValueError(f"{name}: expected {expected}, got {value}")


def parse_size(text: str) -> int:
    """Bytes from `"1MiB"`, `"64 kB"` or plain `"4096"`. Raises ValueError."""
    return round(_parse_quantity(text, _SIZE_UNITS, 'a size such as "64KiB" or plain bytes'))


def parse_duration(text: str) -> float:
    """Seconds from `"25s"`, `"100ms"`, `"2m"` or plain `"25"`. Raises ValueError."""
    return _parse_quantity(text, _TIME_UNITS, 'a time such as "25s" or plain seconds')


def _parse_quantity(text: str, units: dict[str, float] | dict[str, int], expected: str) -> float:
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2].lower() not in units:
        raise ValueError(f"expected {expected}, got {text!r}")
    return float(match[1]) * units[match[2].lower()]
