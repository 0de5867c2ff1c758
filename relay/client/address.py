"""Where a client connects to, and what it shows: the URL with its options, and the keys as headers."""

import os
import re
from collections.abc import Iterator
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

import msgspec

from relay.client.target import parse_place

DEFAULT_BASE_URL: Final = "ws://127.0.0.1:8787"
BASE_URL_VARIABLE: Final = "RELAY_URL"

_WEBSOCKET: Final = re.compile(r"wss?://", re.IGNORECASE)
_HTTP: Final = re.compile(r"http(s?)://", re.IGNORECASE)
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
        texts = {"base_url": base_url, "alias": alias, "as_": as_}
        _check_text("channel", channel_or_url)
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
        _check_text("room", name)
        _check_texts({"base_url": base_url, "join_key": join_key, "send_key": send_key})
        party, slash, room = name.rpartition("/")
        path = f"/parties/{_quote('room', party if slash else 'main')}/{_quote('room', room)}"
        url = _own_url(name, "room") or websocket_base(base_url) + path
        options = [*_switch_options({"echo": echo})]
        return cls(_with_query(url, options), tuple(_key_headers(join_key, send_key)))


def websocket_base(base_url: str | None) -> str:
    """The URL below which channels are: the argument, or `RELAY_URL`, or this machine's. Raises ValueError."""
    if base_url is not None:
        return _checked_base(base_url, "base_url")
    given = os.environ.get(BASE_URL_VARIABLE)
    return _checked_base(given, BASE_URL_VARIABLE) if given else DEFAULT_BASE_URL


def _checked_base(given: str, name: str) -> str:
    """An empty argument is refused, for it may have been meant to lead elsewhere; so is what could hide a channel's path."""
    url = _HTTP.sub(lambda found: f"ws{found[1].lower()}://", given, count=1)
    if not _WEBSOCKET.match(url) or "?" in url or "#" in url:
        shown = "one with a user name" if "@" in given else ascii(given)
        raise ValueError(
            f"{name}: expected a URL that begins with ws, wss, http or https and has no query, got {shown}"
        )
    parse_place(url, name)
    return url.rstrip("/")


def _channel_url(channel_or_url: str, base_url: str | None) -> str:
    own = _own_url(channel_or_url, "channel")
    return own or f"{websocket_base(base_url)}/c/{_quote('channel', channel_or_url)}"


def _own_url(name_or_url: str, argument: str) -> str | None:
    """The URL that stands in place of a name. Raises ValueError when it leads nowhere."""
    if not _WEBSOCKET.match(name_or_url):
        return None
    parse_place(name_or_url, argument)
    return name_or_url


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
        if text is not None:
            _check_text(name, text)


def _check_text(name: str, text: object) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{name}: expected text, got {type(text).__name__}")
