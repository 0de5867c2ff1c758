"""How amounts are written on the command line of `relay plan`, and shown."""

import math
import re
from typing import Final

_COUNT: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKmM]?)\s*", re.ASCII)
_THOUSANDS: Final = {"": 1, "k": 1_000, "m": 1_000_000}
_COUNT_MAX: Final = 1_000_000_000_000
_PERCENT: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*", re.ASCII)
_BITS: Final = 8
_LEAST: Final = 1e-6
_LEAST_PERCENT: Final = 0.01
_LEAST_SECONDS: Final = 1e-6


def parse_count(text: str) -> int:
    """A number from `"50k"`, `"1.5M"` or plain `"2500"`. Raises ValueError, also for half a connection."""
    match = _COUNT.fullmatch(text)
    if match is None:
        raise ValueError(f'expected a number such as "50k", "1.5M" or "2500", got {text!r}')
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


def show_number(value: float, digits: int = 3) -> str:
    """With so many significant digits, never with an exponent; whole, in groups of three digits, where it has more, or
    no fraction."""
    if value == round(value) or value >= 10**digits - 0.5:
        return f"{round(value):,}".replace(",", " ")
    if value < _LEAST:
        return f"under {_LEAST:f}"
    places = max(digits - 1 - math.floor(math.log10(value)), 0)
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(number: float, one: str, many: str) -> str:
    """A number with its noun."""
    text = show_number(number)
    return f"{text} {one if text == '1' else many}"


def show_share(share: float, digits: int = 2) -> str:
    """As a percentage."""
    percent = share * 100
    return f"under {_LEAST_PERCENT:g}%" if 0 < percent < _LEAST_PERCENT else f"{show_number(percent, digits)}%"  # fmt: skip


def show_bytes(value: float) -> str:
    """In the decimal unit in which it has up to three digits before the point."""
    return _in_units(value, ("B", "kB", "MB", "GB", "TB", "PB"))


def show_bits(bytes_per_second: float) -> str:
    """A rate on the wire, as networks are sold."""
    units = ("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s")
    return _in_units(bytes_per_second * _BITS, units)


def _in_units(value: float, units: tuple[str, ...]) -> str:
    power = 0
    while value >= 999.5 and power < len(units) - 1:
        value /= 1000
        power += 1
    return f"{show_number(value)} {units[power]}"


def show_milliseconds(seconds: float) -> str:
    """With two digits; in seconds from ten of them."""
    if 0 < seconds < _LEAST_SECONDS:
        return f"under {_LEAST_SECONDS * 1e3:g} ms"
    return f"{show_number(seconds * 1e3, 2)} ms" if seconds < 10 else f"{show_number(seconds)} s"
