"""Values as people write them: sizes, times, rates, numbers, switches, lists; read from text, and shown to read back."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

_SIZES: Final = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "kib": 2**10,
    "mb": 10**6,
    "mib": 2**20,
    "gb": 10**9,
    "gib": 2**30,
}
_TIMES: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_SECONDS_OF: Final = {"s": 1, "m": 60, "min": 60, "h": 3600}
_SWITCHES: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_QUANTITY: Final = re.compile(
    r"\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([a-z]*)\s*", re.ASCII | re.IGNORECASE
)
_WHOLE: Final = re.compile(r"\s*-?\d{1,100}\s*", re.ASCII)


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """How the values of one kind are written.

    `parse` reads text and raises ValueError; `show` is its opposite; `types` is what a value may be that is no text.
    """

    metavar: str
    types: tuple[type, ...]
    parse: Callable[[str], Any]
    show: Callable[[Any], str]
    has_unit: bool = False


def parse_size(text: str) -> int:
    """Bytes from `"1MiB"`, `"64 kB"` or plain `"4096"`. Raises ValueError."""
    size = _parse_quantity(text, _SIZES, 'a size such as "64KiB" or plain bytes')
    return round(size) or math.ceil(size)  # a little is not nothing: 0 often means off


def parse_duration(text: str) -> float:
    """Seconds from `"25s"`, `"100ms"`, `"2m"` or plain `"25"`. Raises ValueError."""
    return _parse_quantity(text, _TIMES, 'a time such as "25s" or plain seconds')


def parse_rate(text: str) -> float:
    """A rate per second from `"250/s"`, `"15/m"`, `"1000/h"` or plain `"250"`. Raises ValueError."""
    expected = 'a rate such as "250/s" or a plain number a second'
    amount, slash, unit = text.partition("/")
    seconds = _SECONDS_OF.get(unit.strip().lower()) if slash else 1
    if seconds is None:
        raise ValueError(f"expected {expected}, got {text!r}")
    return _parse_quantity(amount, {"": 1}, expected) / seconds


def parse_byte_rate(text: str) -> int:
    """Bytes per second from `"256KiB/s"`, `"256KiB"` or plain `"262144"`. Raises ValueError."""
    amount, slash, unit = text.partition("/")
    if slash and unit.strip().lower() != "s":
        raise ValueError(f'expected bytes a second such as "256KiB/s", got {text!r}')
    return parse_size(amount)


def parse_amount(text: str) -> float:
    """A number without a unit, such as `"1000"`. Raises ValueError."""
    return _parse_quantity(text, {"": 1}, "a number")


def parse_whole(text: str) -> int:
    """A whole number. Raises ValueError."""
    if _WHOLE.fullmatch(text) is None:
        raise ValueError(f"expected a whole number, got {text!r}")
    return int(text)


def parse_switch(text: str) -> bool:
    """True from `true`, `1`, `yes`, `on`, False from `false`, `0`, `no`, `off`, in any case. Raises ValueError."""
    value = _SWITCHES.get(text.strip().lower())
    if value is None:
        raise ValueError(f"expected true or false, got {text!r}")
    return value


def parse_list(text: str) -> list[str]:
    """What stands between commas; an empty text is an empty list."""
    return [item.strip() for item in text.split(",")] if text.strip() else []


class Repeated(msgspec.Struct, frozen=True):
    """Stands in a table for the values of a name that it has more than once."""


def parse_json(text: str) -> Any:
    """The value of a JSON text; a name that its table has more than once gets Repeated, and not its last value.

    Raises ValueError.
    """
    try:
        return json.loads(text, object_pairs_hook=_table, parse_constant=_refuse_constant)
    except RecursionError as exc:
        raise ValueError("expected JSON that is nested less deeply") from exc


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name, value in pairs:
        table[name] = Repeated() if name in table else value
    return table


def _refuse_constant(name: str) -> None:
    """NaN and the infinities, which are Python's and not JSON's."""
    raise ValueError(f"expected JSON, got {name}")


def _parse_quantity(text: str, units: Mapping[str, float], expected: str) -> float:
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2].lower() not in units:
        raise ValueError(f"expected {expected}, got {text!r}")
    value = float(match[1]) * units[match[2].lower()]
    if math.isinf(value):
        raise ValueError(f"expected {expected}, got {text!r}")
    return value


def show_size(value: int) -> str:
    """In the largest binary unit that divides it."""
    for unit in ("GiB", "MiB", "KiB"):
        if value and value % _SIZES[unit.lower()] == 0:
            return f"{value // _SIZES[unit.lower()]}{unit}"
    return f"{value}B"


def show_duration(value: float) -> str:
    """In the largest unit of which it is a whole number."""
    for unit in ("h", "m", "s", "ms"):
        count = round(value / _TIMES[unit])
        if count and count * _TIMES[unit] == value:
            return f"{count}{unit}"
    return f"{show_amount(value)}s"


def show_rate(value: float) -> str:
    """In the shortest time in which it is a whole number."""
    for unit, seconds in (("s", 1), ("m", 60), ("h", 3600)):
        count = round(value * seconds)
        if count / seconds == value:
            return f"{count}/{unit}"
    return f"{show_amount(value)}/s"


def show_byte_rate(value: int) -> str:
    """As a size a second."""
    return f"{show_size(value)}/s"


def show_amount(value: float) -> str:
    """Without a fraction that is none."""
    return str(int(value)) if value == int(value) else repr(value)


def show_switch(value: bool) -> str:
    """As files and flags spell it."""
    return "true" if value else "false"


SIZE: Final = Kind(
    metavar="SIZE", types=(int,), parse=parse_size, show=show_size, has_unit=True
)  # fmt: skip
DURATION: Final = Kind(
    metavar="TIME", types=(float, int), parse=parse_duration, show=show_duration, has_unit=True
)
RATE: Final = Kind(
    metavar="RATE",
    types=(float, int),
    parse=parse_rate,
    show=show_rate,
    has_unit=True,
)
BYTE_RATE: Final = Kind(
    metavar="SIZE/s",
    types=(int,),
    parse=parse_byte_rate,
    show=show_byte_rate,
    has_unit=True,
)
AMOUNT: Final = Kind(
    metavar="NUMBER", types=(float, int), parse=parse_amount, show=show_amount
)  # fmt: skip
WHOLE: Final = Kind(metavar="NUMBER", types=(int,), parse=parse_whole, show=str)
SWITCH: Final = Kind(metavar="", types=(bool,), parse=parse_switch, show=show_switch)
TEXT: Final = Kind(metavar="TEXT", types=(str,), parse=str, show=str)
LIST: Final = Kind(metavar="LIST", types=(list,), parse=parse_list, show=",".join)
TABLE: Final = Kind(
    metavar="JSON", types=(dict,), parse=parse_json, show=lambda table: str(len(table) or "")
)
