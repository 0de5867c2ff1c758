"""What a URL and the arguments beside it ask for. Pure: no I/O."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_DEFAULT_PORTS: Final = {"ws": 80, "wss": 443}
_KEPT_IN_RESOURCE: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_OWN_HEADERS: Final = frozenset({"host", "connection", "upgrade"})


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
    if not isinstance(url, str):
        raise TypeError(f"url: expected a string, not {type(url).__name__}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise ValueError(
            "url: expected a ws:// or wss:// URL with a host and a port up to 65535"
        ) from exc
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"url: expected the scheme ws or wss, not {parts.scheme!r}")
    if not host:
        raise ValueError("url: expected a host name after the scheme, or an address")
    if parts.username is not None:
        raise ValueError("url: expected no user name in it; pass headers instead")
    default_port = _DEFAULT_PORTS[parts.scheme]
    return Target(
        parts.scheme == "wss",
        host,
        default_port if port is None else port,
        _host_header(host, port, default_port),
        http_resource(url),
        _checked_subprotocols(subprotocols),
        checked_headers(headers),
    )


def _host_header(host: str, port: int | None, default_port: int) -> str:
    name = f"[{host}]" if ":" in host else _ascii_host(host)
    return name if port in (None, default_port) else f"{name}:{port}"


def _ascii_host(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        raise ValueError("url: expected a host name after the scheme, or an address") from None


def http_resource(url: str) -> str:
    """Path and query as they are written, an empty query included; what is not ASCII is percent-encoded (RFC 3986)."""
    rest = url.partition("://")[2].partition("#")[0]
    end = min((found for found in (rest.find("/"), rest.find("?")) if found >= 0), default=None)
    resource = "/" if end is None else rest[end:]
    if not resource.startswith("/"):
        resource = "/" + resource
    return quote(resource, safe=_KEPT_IN_RESOURCE)


def _checked_subprotocols(subprotocols: Iterable[str]) -> tuple[str, ...]:
    if isinstance(subprotocols, str):
        raise TypeError("subprotocols: expected several strings, not one")
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
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return tuple(_checked_header(name, value) for name, value in pairs)


def _checked_header(name: str, value: str) -> tuple[bytes, bytes]:
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
    return name.encode(), value.strip().encode()
