"""What the values of settings must be: ranges, words, origins, networks. Each rule can put itself in words."""

import ipaddress
import json
import math
import re
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from relay.addresses import ClientAddresses
from relay.origins import Origins
from relay.settings.units import Kind

MAX_SHOWN_CHARACTERS: Final = 60

_HOST: Final = re.compile(r"[^ /\[\]*]+")


class Unfit(ValueError):  # noqa: N818 - a verdict on a value
    """A value breaks a rule; the text says what was expected. `path` leads to the part of the value that it is about."""

    def __init__(self, text: str, *path: str) -> None:
        super().__init__(text)
        self.path = path


class Rule(Protocol):
    """What a value must be."""

    def describe(self, kind: Kind) -> str:
        """In words, the values spelt as `kind` spells them."""

    def settle(self, value: Any, expected: str, given: object) -> Any:
        """The value in its final form. Raises Unfit, whose text tells what was `expected` and what was `given` for it."""


class Range(msgspec.Struct, frozen=True):
    """Numbers from `low` to `high`, or without an end. `zero` says what 0 means, and allows it also below `low`."""

    low: float
    high: float | None = None
    zero: str = ""
    above_low: bool = False

    def describe(self, kind: Kind) -> str:
        low = kind.show(self.low)
        if self.above_low:
            low = f"more than {low}"
        if self.zero:
            low = f"0 ({self.zero})" if self.low == 0 else f"0 ({self.zero}), or {low}"
        return f"{low} or more" if self.high is None else f"{low} to {kind.show(self.high)}"

    def settle(self, value: Any, expected: str, given: object) -> Any:
        if not self._holds(value):
            raise unfit(expected, given)
        return value

    def _holds(self, value: float) -> bool:
        if self.zero and value == 0:
            return True
        is_high_enough = value > self.low if self.above_low else value >= self.low
        return is_high_enough and _is_finite(value) and (self.high is None or value <= self.high)


class OneOf(msgspec.Struct, frozen=True):
    """One of some words."""

    words: tuple[str, ...]

    def describe(self, kind: Kind) -> str:
        return f"{', '.join(self.words[:-1])} or {self.words[-1]}"

    def settle(self, value: Any, expected: str, given: object) -> Any:
        if value not in self.words:
            raise unfit(expected, given)
        return value


class Fits(msgspec.Struct, frozen=True):
    """What a predicate holds for."""

    words: str
    holds: Callable[[Any], bool]

    def describe(self, kind: Kind) -> str:
        return self.words

    def settle(self, value: Any, expected: str, given: object) -> Any:
        if not self.holds(value):
            raise unfit(expected, given)
        return value


class Each(msgspec.Struct, frozen=True):
    """A list, each item of which passes `check(item, expected)`, which raises Unfit."""

    words: str
    check: Callable[[str, str], None]

    def describe(self, kind: Kind) -> str:
        return self.words

    def settle(self, value: Any, expected: str, given: object) -> Any:
        for item in value:
            if not isinstance(item, str):
                raise unfit(expected, item)
            self.check(item, expected)
        return list(value)


def is_host(text: str) -> bool:
    """Whether it may be a name or an address to listen on; no port, no URL, and nothing that stands for every address unseen."""
    if not text.isprintable() or not _HOST.fullmatch(text):
        return False
    return ":" not in text or _network_around(text.partition("%")[0]) is not None


def check_origin(text: str, expected: str) -> None:
    """What `relay.origins` can be told to allow. Raises Unfit."""
    try:
        Origins([text])
    except ValueError as exc:
        raise unfit(expected, text) from exc


def check_network(text: str, expected: str) -> None:
    """What `relay.addresses` can be told to trust. Raises Unfit, also for an address within its network (`10.0.0.1/8`)."""
    try:
        ClientAddresses([text])
    except ValueError as exc:
        network = _network_around(text)
        raise unfit(
            f'a network without host bits, here "{network}"' if network else expected, text
        ) from exc


def unfit(expected: str, given: object) -> Unfit:
    """The verdict, in the words that all share."""
    return Unfit(f"expected {expected}, got {spell(given)}")


def spell(value: object) -> str:
    """A value as a file would spell it, in one line and not at any length; of what is nested only the kind."""
    match value:
        case str():
            text = json.dumps(value, ensure_ascii=not value.isprintable())
            return text if len(text) <= MAX_SHOWN_CHARACTERS else f'{text[:MAX_SHOWN_CHARACTERS]}…"'
        case bool():
            return "true" if value else "false"
        case int() if abs(value) >= 10**MAX_SHOWN_CHARACTERS:
            return f"a number of more than {MAX_SHOWN_CHARACTERS} digits"
        case int() | float():
            return str(value)
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or a time"


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond what C's double holds
        return False


def _network_around(text: str) -> str | None:
    """The network that an address with a prefix length lies in."""
    try:
        return None if "%" in text else str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return None
