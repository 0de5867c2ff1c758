"""Quantities as a person reads them in a terminal. None, which is not known, is a dash, and so is what no number can be told of:
sums and rates of the numbers of a relay that is out of its mind are infinite, or none."""

import math
from typing import Final, TypeGuard

NOTHING: Final = "-"
_BYTE_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_MOST_FOLD: Final = 100
_SPARKS: Final = "▁▂▃▄▅▆▇"  # a full block would run into the line above


def count(value: float | None) -> str:
    return _large(value) if _is_known(value) else NOTHING


def rate(value: float | None) -> str:
    """A second."""
    return f"{_short(value)}/s" if _is_known(value) else NOTHING


def size(value: float | None) -> str:
    """Bytes."""
    if not _is_known(value):
        return NOTHING
    power = 0
    while value >= 1024 and power < len(_BYTE_UNITS) - 1:
        value /= 1024
        power += 1
    return f"{value:,.{0 if value >= 100 or not power else 1}f} {_BYTE_UNITS[power]}"


def size_rate(value: float | None) -> str:
    """Bytes a second."""
    return f"{size(value)}/s" if _is_known(value) else NOTHING


def share(value: float | None) -> str:
    return f"{_short(value * 100)} %" if _is_known(value) else NOTHING


def fold(value: float | None) -> str:
    """So many times as much; beyond a hundred the number means nothing."""
    if not _is_known(value):
        return NOTHING
    return f"{value:.1f} x" if value < _MOST_FOLD else f"{_MOST_FOLD} x"


def seconds(value: float | None) -> str:
    if not _is_known(value):
        return NOTHING
    if value < 0.001:
        return f"{_short(value * 1e6)} µs"
    return f"{_short(value * 1e3)} ms" if value < 1 else f"{_short(value)} s"


def span(total: float) -> str:
    """A span of time in seconds, in its two largest units."""
    whole = int(total)
    parts = [
        (whole // 86400, "d"),
        (whole // 3600 % 24, "h"),
        (whole // 60 % 60, "min"),
        (whole % 60, "s"),
    ]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in parts[:2])


def sparkline(values: list[float | None], width: int) -> str:
    """The values from 0 to the largest, in at most `width` characters, each the largest of its share; None is a gap.

    What is below 0 counts as 0.
    """
    per_place = max(-(-len(values) // width), 1)
    places = [
        values[i : i + per_place] for i in range(len(values) % per_place, len(values), per_place)
    ]
    most = max(filter(_is_known, values), default=0.0)
    return "".join(_spark(place, most) for place in places)


def _spark(place: list[float | None], most: float) -> str:
    known = [max(value, 0.0) for value in place if _is_known(value)]
    if not known:
        return " "
    return _SPARKS[round(max(known) / most * (len(_SPARKS) - 1))] if most > 0 else _SPARKS[0]


def _is_known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _large(value: float) -> str:
    return f"{value:,.0f}" if value < 1e6 else f"{value / 1e6:,.2f} M"


def _short(value: float) -> str:
    if value >= 100 or math.isinf(value) or abs(value - round(value)) < 1e-9:
        return _large(value)
    return f"{value:.1f}" if value >= 0.1 else f"{value:.2g}"
