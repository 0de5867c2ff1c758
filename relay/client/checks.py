"""Checks of arguments that several modules take."""

from math import inf


def check_number(name: str, value: object, low: float, high: float = inf) -> None:
    """Raises TypeError or ValueError, which name the argument, its value and its range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: expected a number, not {value!r}")
    if not low <= value <= high:
        limits = f"at least {low:g}" if high == inf else f"from {low:g} to {high:g}"
        raise ValueError(f"{name}: expected a number {limits}, not {value!r}")
