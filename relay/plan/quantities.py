"""How amounts are written on the command line of `relay plan`, and shown."""

import math
import re
from typing import Final

_COUNT: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKmM]?)\s*", re.ASCII)
_THOUSANDS: Final = {"": 1, "k": 1_000, "m": 1_000_000}
_COUNT_MAX: Final = 1_000_000_000_000
_PERCENT: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*", re.ASCII)
_BITS: Final = 8


def parse_count(text: str) -> int:
    """A number from `"50k"`, `"1.5M"` or plain `"2500"`. Raises ValueError, also for half a connection."""
    match = _COUNT.fullmatch(text)
    if match is None:
        raise ValueError(f'expected a number such as "50k" or "2500", got {text!r}')
    number = float(match[1]) * _THOUSANDS[match[2].lower()]
    if not number.is_integer() or number > _COUNT_MAX:
        raise ValueError(f"expected a whole number up to {_COUNT_MAX:,}, got {text[:40]!r}")
    return int(number)


def parse_share(text: str) -> float:
    """A share from `"30%"` or `"0.3"`. Raises ValueError for what is not from 0 to less than 1."""
    match = _PERCENT.fullmatch(text)
    value = float(match[1]) / (100 if match[2] else 1) if match else math.nan
    if not 0 <= value < 1:
        raise ValueError(f'expected a share such as "30%", less than all, got {text!r}')
    return value


def show_count(value: float) -> str:
    """In groups of three digits."""
    if value < 10 and value != round(value):
        return f"{value:.1f}"
    return f"{round(value):,}".replace(",", " ")


def show_bytes(value: float) -> str:
    """In the decimal unit in which it has up to three digits before the point."""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def show_bits(bytes_per_second: float) -> str:
    """A rate on the wire, as networks are sold."""
    value = bytes_per_second * _BITS
    for unit in ("bit/s", "kbit/s", "Mbit/s"):
        if value < 999.5:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} Gbit/s"


def show_milliseconds(seconds: float) -> str:
    """With two digits."""
    return f"{seconds * 1e3:.2g} ms" if seconds < 0.0995 else f"{seconds * 1e3:.0f} ms"
