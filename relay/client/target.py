"""What a URL and the arguments beside it ask for. Pure: no I/O."""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HOST_NAME: Final = re.compile(r"[0-9A-Za-z._~-]+")
_WHOLE: Final = "a ws:// or wss:// URL with a host"
_DEFAULT_PORTS: Final = {"ws": 80, "wss": 443}
_KEPT_IN_RESOURCE: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_OWN_HEADERS: Final = frozenset({"host", "connection", "upgrade"})


class Place(NamedTuple):
    """Where a URL leads."""

    is_secure: bool
    host: str
    port: int
    host_header: str


class Target(NamedTuple):
    """Where to connect, and what to ask for there."""

    is_secure: bool
    host: str
    port: int
    host_header: str
    resource: str
    subprotocols: tuple[str, ...]
    headers: tuple[tuple[bytes, bytes], ...]


def parse_target(
    url: str, subprotocols: Iterable[str], headers: Mapping[str, str] | Iterable[tuple[str, str]]
) -> Target:
    """Raises TypeError or ValueError, which names the argument and shows neither a path nor a query."""
    return Target(
        *parse_place(url),
        http_resource(url),
        _checked_subprotocols(subprotocols),
        checked_headers(headers),
    )


def parse_place(url: str, argument: str = "url") -> Place:
    """Where a ws:// or wss:// URL leads. Raises as `parse_target` does, in the name of `argument`.

    What is after the host is checked, too. Fragments are refused, for a WebSocket has none (RFC 6455 section 3).
    """
    if not isinstance(url, str):
        raise TypeError(f"{argument}: expected a string, not {type(url).__name__}")
    _check_characters(url, argument)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        if parts.netloc.startswith("["):
            _check_brackets(parts.netloc)
    except ValueError:
        raise ValueError(f"{argument}: expected {_WHOLE} and a port up to 65535") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"{argument}: expected the scheme ws or wss, not {parts.scheme!r}")
    if not host:
        raise ValueError(f"{argument}: expected a host name after the scheme, or an address")
    if parts.username is not None:
        raise ValueError(f"{argument}: expected no user name in it; pass headers instead")
    if port == 0:
        raise ValueError(f"{argument}: expected a port from 1 to 65535, or none, not 0")
    if "#" in url:
        raise ValueError(f"{argument}: expected no fragment, which a WebSocket has not (#)")
    default_port = _DEFAULT_PORTS[parts.scheme]
    header = _host_header(host, port, default_port, argument)
    return Place(parts.scheme == "wss", host, default_port if port is None else port, header)


def _check_brackets(netloc: str) -> None:
    """Raises ValueError, which some versions of `urlsplit` do only later, or never."""
    address, _, rest = netloc[1:].partition("]")
    IPv6Address(address)
    if rest and not rest.startswith(":"):
        raise ValueError("characters between the address and its port")


def _check_characters(url: str, argument: str) -> None:
    """`urlsplit` drops controls and spaces around: another URL than the one that was given would be asked for."""
    if url != url.strip() or not all(ord(c) >= 0x20 and c != "\x7f" for c in url):
        raise ValueError(f"{argument}: expected a URL without control characters or spaces around")
    if any("\ud800" <= c <= "\udfff" for c in url):
        raise ValueError(f"{argument}: expected text in Unicode, got half a surrogate pair")


def _host_header(host: str, port: int | None, default_port: int, argument: str) -> str:
    name = f"[{host}]" if ":" in host else _ascii_host(host, argument)
    return name if port in (None, default_port) else f"{name}:{port}"


def _ascii_host(host: str, argument: str) -> str:
    try:
        name = host.encode("idna").decode()
    except UnicodeError:
        name = ""
    if not _HOST_NAME.fullmatch(name):
        raise ValueError(f"{argument}: expected a host name after the scheme, or an address")
    return name


def http_resource(url: str) -> str:
    """Path and query as they are written, an empty query included; what is not ASCII is percent-encoded (RFC 3986)."""
    rest = url.partition("://")[2].partition("#")[0]
    end = min((found for found in (rest.find("/"), rest.find("?")) if found >= 0), default=None)
    resource = "/" if end is None else rest[end:]
    if not resource.startswith("/"):
        resource = "/" + resource
    return quote(resource, safe=_KEPT_IN_RESOURCE)


def _checked_subprotocols(subprotocols: Iterable[str]) -> tuple[str, ...]:
    if isinstance(subprotocols, str) or not isinstance(subprotocols, Iterable):
        raise TypeError(f"subprotocols: expected several strings, not {subprotocols!r}")
    names = tuple(subprotocols)
    for name in names:
        if not (isinstance(name, str) and _TOKEN.fullmatch(name)):
            raise ValueError(f"subprotocols: {name!r} is no token (RFC 6455 section 4.1)")
    if len(set(names)) < len(names):
        raise ValueError("subprotocols: each may be offered once")
    return names


def checked_headers(
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
) -> tuple[tuple[bytes, bytes], ...]:
    """Values are never shown: keys are among them."""
    return tuple((name.encode(), value.encode()) for name, value in header_pairs(headers))


def header_pairs(
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
) -> tuple[tuple[str, str], ...]:
    """Checked, and kept: an iterator would have none left for the second attempt. Raises TypeError and ValueError."""
    pairs: Any = headers.items() if isinstance(headers, Mapping) else headers
    try:
        if isinstance(pairs, str | bytes):
            raise TypeError("one text")
        found = [(name, value) for name, value in pairs]
    except (TypeError, ValueError):
        raise TypeError("headers: expected a dict, or pairs of name and value") from None
    return tuple(_checked_header(name, value) for name, value in found)


def _checked_header(name: str, value: str) -> tuple[str, str]:
    if not (isinstance(name, str) and _TOKEN.fullmatch(name)):
        raise ValueError(f"headers: {name!r} is no header name")
    if name.lower() in _OWN_HEADERS or name.lower().startswith("sec-websocket-"):
        raise ValueError(f"headers: {name!r} belongs to the opening handshake itself")
    if (
        not isinstance(value, str)
        or not value.isascii()
        or not all(character == "\t" or character.isprintable() for character in value)
    ):
        raise ValueError(f"headers: the value of {name!r} must be printable ASCII")
    return name, value.strip()
