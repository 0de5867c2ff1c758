"""Namespaces as settings: a name, and the keys that whoever joins or sends below it must show.

Neither a key nor a name is in any error or representation: they would reach logs.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from relay.keys import is_key
from relay.settings.rules import Unfit
from relay.settings.units import Kind, Repeated

MAX_NAME_BYTES: Final = 512

_FIELDS: Final = (
    "expected join_keys and send_keys and nothing else (settings stand above all tables)"
)
_WORDS: Final = "tables of join_keys and send_keys, by name; as text in JSON"


class Namespace(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of one namespace; a list without keys leaves that side open."""

    join_keys: list[str] = []
    send_keys: list[str] = []

    def __repr__(self) -> str:
        return f"Namespace({len(self.join_keys)} join keys, {len(self.send_keys)} send keys)"


class Namespaces(msgspec.Struct, frozen=True):
    """The rule: a table of names, each with a table of keys."""

    def describe(self, kind: Kind) -> str:
        return _WORDS

    def settle(self, value: Any, expected: str, given: object) -> dict[str, Namespace]:
        return {
            name: _read(name, entry, number)
            for number, (name, entry) in enumerate(value.items(), 1)
        }


def count_keys(namespaces: Mapping[str, Namespace]) -> str:
    """What may be told of them: `2 namespaces with 3 join keys and 1 send key`."""
    joins = sum(len(namespace.join_keys) for namespace in namespaces.values())
    sends = sum(len(namespace.send_keys) for namespace in namespaces.values())
    return (
        f"{_count(len(namespaces), 'namespace')} with"
        f" {_count(joins, 'join key')} and {_count(sends, 'send key')}"
    )


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _read(name: str, entry: Any, number: int) -> Namespace:
    """One namespace, the `number`-th of its table. Raises Unfit."""
    if isinstance(entry, Namespace):
        entry = msgspec.structs.asdict(entry)
    for path, text in _faults(name, entry):
        raise Unfit(f"namespace {number}: {text}", *path)
    return Namespace(**entry)


def _faults(name: str, entry: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    if not 1 <= len(_utf8(name)) <= MAX_NAME_BYTES:
        yield (name,), f"expected a name of 1 to {MAX_NAME_BYTES} bytes"
    if isinstance(entry, Repeated):
        yield (name,), "expected its name once, got it again"
        return
    if not isinstance(entry, dict):
        yield (name,), "expected a table of join_keys and send_keys"
        return
    for field, keys in entry.items():
        if field not in Namespace.__struct_fields__:
            yield (name, field), f"{_FIELDS}{_hint(field)}"
        elif isinstance(keys, Repeated):
            yield (name, field), f"{field}: expected once, got it again"
        elif not _are_keys(keys):
            expected = "a list of keys that are text, not empty, and not undefined or null"
            yield (name, field), f"{field}: expected {expected}"


def _are_keys(keys: Any) -> bool:
    return isinstance(keys, list) and all(_is_key(key) for key in keys)


def _is_key(key: Any) -> bool:
    return isinstance(key, str) and is_key(_utf8(key))


def _utf8(text: str) -> bytes:
    """Nothing for text that cannot be encoded: half of a surrogate pair, which JSON can spell."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return b""


def _hint(field: str) -> str:
    """Only a near miss is helped: what else stands there may be a key."""
    close = difflib.get_close_matches(field, Namespace.__struct_fields__, 1)
    return f"; did you mean {close[0]}?" if close else ""
