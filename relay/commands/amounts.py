"""Options of the command line whose values have a unit."""

import re
from collections.abc import Callable
from typing import Any, Final

import click

_DIGITS: Final = re.compile(r"\d{1,15}", re.ASCII)


class Amount(click.ParamType[float]):
    """A value with a unit, read as the settings are."""

    def __init__(self, name: str, parse: Callable[[str], float]) -> None:
        self.name = name
        self._parse = parse

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if not isinstance(value, str):
            return float(value)
        try:
            return self._parse(value)
        except ValueError as exc:
            self.fail(str(exc), param, ctx)


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """How a number without a unit is read, from `least` to `most`."""

    def parse(text: str) -> int:
        if not _DIGITS.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError(f"expected a whole number from {least} to {most}, got {text[:40]!r}")
        return int(text)

    return parse


def amount(
    flag: str,
    parse: Callable[[str], float],
    default: str,
    metavar: str,
    text: str,
    name: str | None = None,
) -> Callable[[Any], Any]:
    """An option whose value has a unit."""
    return click.option(
        *(flag, name or flag.removeprefix("--").replace("-", "_")),
        type=Amount(metavar.lower(), parse),
        default=default,
        show_default=True,
        metavar=metavar,
        help=text,
    )
