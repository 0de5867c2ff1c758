"""Where a client connects to, and what it shows: the URL with its options, and the keys as headers."""

import os
from collections.abc import Iterator
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

import msgspec

DEFAULT_BASE_URL: Final = "ws://127.0.0.1:8787"
BASE_URL_VARIABLE: Final = "RELAY_URL"

_WEBSOCKET: Final = ("ws://", "wss://")
_SAME_AS_WEBSOCKET: Final = {"http://": "ws://", "https://": "wss://"}
_SWITCHES: Final = ("announce", "echo", "list_")


class Address(msgspec.Struct, frozen=True):
    """A URL, and headers that belong to it."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_channel(
        cls,
        channel_or_url: str,
        *,
        base_url: str | None = None,
        alias: str | None = None,
        as_: str | None = None,
        announce: bool = False,
        echo: bool = False,
        list_: bool = False,
        join_key: str | None = None,
        send_key: str | None = None,
    ) -> Self:
        """The address of a channel's name, below the base URL, or of a URL, which is used as it is.

        `as_` and `alias` are the same option. Keys become headers: they stay out of logs. Raises TypeError and ValueError,
        which name the argument.
        """
        texts = {"channel": channel_or_url, "base_url": base_url, "alias": alias, "as_": as_}
        _check_texts({**texts, "join_key": join_key, "send_key": send_key})
        switches = dict(zip(_SWITCHES, (announce, echo, list_), strict=True))
        url = _channel_url(channel_or_url, base_url)
        return cls(
            _with_query(url, [*_alias_option(as_, alias), *_switch_options(switches)]),
            tuple(_key_headers(join_key, send_key)),
        )

    @classmethod
    def of_room(
        cls,
        name: str,
        *,
        base_url: str | None = None,
        echo: bool = False,
        join_key: str | None = None,
        send_key: str | None = None,
    ) -> Self:
        """The address of a party room, `party/room`, or `room` of the party `main`, or a URL. Raises as `of_channel` does."""
        _check_texts({"room": name, "base_url": base_url, "join_key": join_key})
        party, slash, room = name.rpartition("/")
        path = f"/parties/{_quote('room', party if slash else 'main')}/{_quote('room', room)}"
        is_url = name.startswith(_WEBSOCKET)
        url = name if is_url else websocket_base(base_url) + path
        options = [*_switch_options({"echo": echo})]
        return cls(_with_query(url, options), tuple(_key_headers(join_key, send_key)))


def websocket_base(base_url: str | None) -> str:
    """The URL below which channels are: the argument, or `RELAY_URL`, or this machine's. Raises ValueError."""
    given = base_url or os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL
    for prefix, same in _SAME_AS_WEBSOCKET.items():
        if given.startswith(prefix):
            given = same + given.removeprefix(prefix)
    if not given.startswith(_WEBSOCKET) or "?" in given or "#" in given:
        name = "base_url" if base_url else BASE_URL_VARIABLE
        raise ValueError(
            f"{name}: expected a URL that begins with ws:// or wss:// and has no query, got {given!r}"
        )
    return given.rstrip("/")


def _channel_url(channel_or_url: str, base_url: str | None) -> str:
    if channel_or_url.startswith(_WEBSOCKET):
        return channel_or_url
    return f"{websocket_base(base_url)}/c/{_quote('channel', channel_or_url)}"


def _quote(argument: str, name: str) -> str:
    try:
        return quote(name, safe="")
    except UnicodeEncodeError:
        raise ValueError(
            f"{argument}: expected text in Unicode, got half a surrogate pair"
        ) from None


def _with_query(url: str, options: list[tuple[str, str]]) -> str:
    if not options:
        return url
    return url + ("&" if "?" in url else "?") + urlencode(options)


def _alias_option(as_: str | None, alias: str | None) -> Iterator[tuple[str, str]]:
    name = as_ or alias
    if name:
        _quote("as_" if as_ else "alias", name)
        yield "as", name


def _switch_options(switches: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name}: expected True or False, got {type(value).__name__}")
        if value:
            yield name.rstrip("_"), "true"


def _key_headers(join_key: str | None, send_key: str | None) -> Iterator[tuple[str, str]]:
    for name, key in (("join_key", join_key), ("send_key", send_key)):
        if key:
            if not (key.isascii() and key.isprintable() and key == key.strip()):
                raise ValueError(
                    f"{name}: expected printable ASCII without spaces around it, as headers hold it"
                )
            yield f"x-{name.replace('_', '-')}", key


def _check_texts(texts: dict[str, object]) -> None:
    for name, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise TypeError(f"{name}: expected text, got {type(text).__name__}")
