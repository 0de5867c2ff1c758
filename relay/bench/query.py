"""A URL's query for a report, which is shown to others: all names of options, and of the values those that can be no secret."""

import re
from typing import Final
from urllib.parse import unquote_plus

HIDDEN: Final = "***"
_PLAIN: Final = frozenset({"as", "alias", "echo", "announce", "list"})  # of a relay's channels
_KEY_LIKE: Final = re.compile(
    r"key|token|secret|pass|pwd|pw$|pin$|auth|sig|jwt|sess|sid|cred|code|ticket|otp|nonce|bearer|hmac|hash|cookie",
    re.IGNORECASE,
)
_HARMLESS: Final = re.compile(r"|true|false|on|off|yes|no|[0-9]{1,3}", re.IGNORECASE)
_PLACES: Final = ("{channel}", "{member}")  # what names a room or a user of a load run is none


def shown_query(query: str) -> str:
    """The query as it was, without what may be secret.

    What a secret is called elsewhere nobody knows, so an unknown option shows its value only when that is a switch, a small
    number, or one that differs by channel or member. Text without a `=` may be a key by itself.
    """
    return "&".join(map(_shown, query.split("&")))


def _shown(option: str) -> str:
    name, equals, value = option.partition("=")
    if not equals:
        return name if not name or unquote_plus(name) in _PLAIN else HIDDEN
    return f"{name}={value if _is_harmless(unquote_plus(name), unquote_plus(value)) else HIDDEN}"


def _is_harmless(name: str, value: str) -> bool:
    if _KEY_LIKE.search(name) or ";" in value:  # which some servers take for an ampersand
        return not value
    return (
        name in _PLAIN
        or _HARMLESS.fullmatch(value) is not None
        or any(place in value for place in _PLACES)
    )
