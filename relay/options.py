"""What a connection asks for in its query string, read into `Options`."""

import re
from collections.abc import Callable
from typing import Any, Final

from relay._core import split_form
from relay.protocol import Options

MAX_ALIAS_CHARACTERS: Final = 64
MAX_OPTIONS: Final = 100

_FALSE_WORDS: Final = frozenset({b"false", b"0", b"no", b"off", b"undefined", b"null"})
_NO_ALIAS: Final = frozenset({"", "undefined", "null"})
_PARTY_ID: Final = re.compile(rb"[ !#-\[\]-~]{1,128}")
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DEFAULT_OPTIONS: Final = Options()


def parse_options(query: bytes) -> Options:
    """Options from a form-urlencoded query string. Of a name given twice the first counts; unknown names are ignored, and what
    stands behind the first hundred: else a head of nothing but `&` would cost thousands of times what others do."""
    if not query:
        return _DEFAULT_OPTIONS
    given = split_form(query, MAX_OPTIONS)
    asked: dict[str, Any] = {}
    for name, value in given.items():
        known = _OPTIONS.get(name)
        if known is not None:
            field, read = known
            asked[field] = read(value)
    if b"as" in given and b"alias" in given:
        asked["alias"] = _clean_alias(given[b"as"]) or _clean_alias(given[b"alias"])
    return Options(**asked)


def _is_true(value: bytes) -> bool:
    return value.lower() not in _FALSE_WORDS


def _party_id(value: bytes) -> str | None:
    """The id a party connection goes by; None for one that nobody could name: PartySocket's own are short and plain."""
    return value.decode("ascii") if _PARTY_ID.fullmatch(value) else None


def _clean_alias(value: bytes) -> str | None:
    alias = value.decode("utf-8", "replace")
    if not alias.isprintable():
        alias = _CONTROL_CHARACTERS.sub("", alias)
    alias = alias[:MAX_ALIAS_CHARACTERS]
    return None if alias in _NO_ALIAS else alias


def _as_sent(value: bytes) -> bytes:
    return value


_OPTIONS: Final[dict[bytes, tuple[str, Callable[[bytes], Any]]]] = {
    b"echo": ("echo", _is_true),
    b"announce": ("announce", _is_true),
    b"list": ("list", _is_true),
    b"batch": ("batch", _is_true),
    b"as": ("alias", _clean_alias),
    b"alias": ("alias", _clean_alias),
    b"_pk": ("party_id", _party_id),
    b"joinKey": ("join_key", _as_sent),
    b"sendKey": ("send_key", _as_sent),
}
