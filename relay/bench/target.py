"""What is loaded: a URL, taken apart and held against the rule that only this machine may be loaded."""

import ipaddress
import secrets
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from relay.bench.faults import PlanError, UnreachableError
from relay.bench.query import HIDDEN, shown_query

PROTOCOLS: Final = ("itty", "party", "template")
_PATHS: Final = {
    "itty": "/c/bench-{run}-{{channel}}",
    "party": "/parties/main/bench-{run}-{{channel}}",
}
_NO_REMOTE: Final = (
    "is not this machine, and a load generator that is pointed at a server of others is an attack on it;"
    " give --remote if it is yours to load"
)


@dataclass(frozen=True)
class Target:
    """`address` and `port` are connected to, `host` goes into the request, `path` may hold {channel} and {member}."""

    host: str
    address: str
    port: int
    path: str
    protocol: str
    is_remote: bool

    @property
    def url(self) -> str:
        """For a report: of the query only what can be no key."""
        path, mark, query = self.path.partition("?")
        return f"ws://{self.host}{path}{mark}{shown_query(query)}"


def target_of(
    url: str, protocol: str, *, is_remote: bool = False, has_echo: bool = False
) -> Target:
    """Read a ws:// URL. Without a path of its own it gets one that no other run has.

    Raises PlanError when the URL cannot be loaded, UnreachableError when its host has no address.
    """
    parts = _split(url)
    port = _port(parts)
    address = _address(parts.hostname or "", is_remote)
    host = parts.hostname if port == 80 else f"{parts.hostname}:{port}"
    path = _path(parts, protocol, has_echo)
    return Target(host or "", address, port, path, protocol, is_remote)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme in ("wss", "https"):
        raise PlanError(
            f"URL: expected ws://, got {parts.scheme}://: the generator speaks no TLS, which would cost it more than the server;"
            " give the plain listener behind the proxy, as ws://HOST:PORT"
        )
    if parts.scheme not in ("ws", "http") or not parts.hostname or parts.fragment or parts.username:
        raise PlanError(
            f"URL: expected ws://HOST:PORT, with or without a path, got {_shown(url)!r}"
        )
    return parts


def _shown(url: str) -> str:
    """For an error, which ends up in logs: without a user's password, or what else may be secret in what is no URL of ours."""
    rest, sharp, _ = url.partition("#")
    rest, mark, query = rest.partition("?")
    scheme, slashes, place = rest.rpartition("//")
    _, at, host = place.rpartition("@")
    user = HIDDEN if at else ""
    fragment = HIDDEN if sharp else ""
    return f"{scheme}{slashes}{user}{at}{host}{mark}{shown_query(query)}{sharp}{fragment}"


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise PlanError("URL: expected a port from 1 to 65535")
    return port or 80


def _address(host: str, is_remote: bool) -> str:
    """The IPv4 address to connect to. Names of others are not even looked up unless they may be loaded."""
    if host == "localhost" or host.endswith(".localhost"):
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not is_remote:
            raise PlanError(f"URL: {host} {_NO_REMOTE}") from None
        return _resolve(host)
    if address.version == 6:
        raise PlanError(f"URL: only IPv4 addresses can be loaded, got {host}")
    if not address.is_loopback and not is_remote:
        raise PlanError(f"URL: {host} {_NO_REMOTE}")
    return host


def _resolve(host: str) -> str:
    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        reason = getattr(exc, "strerror", None) or "no such name"
        raise UnreachableError(f"{host} has no IPv4 address: {reason.lower()}") from None
    return str(found[0][4][0])


def _path(parts: SplitResult, protocol: str, has_echo: bool) -> str:
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if parts.path in ("", "/") and protocol in _PATHS:
        path = _PATHS[protocol].format(run=secrets.token_hex(3)) + (
            f"?{parts.query}" if parts.query else ""
        )
    if has_echo and protocol in _PATHS and "echo=" not in parts.query:
        path += ("&" if parts.query else "?") + "echo=true"
    return path or "/"


def sources_of(values: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses, and ranges of them such as 127.0.0.1-127.0.0.20. Raises PlanError."""
    found: list[str] = []
    for value in values:
        first, dash, last = value.partition("-")
        try:
            lowest, highest = (
                int(ipaddress.IPv4Address(each.strip()))
                for each in (first, last if dash else first)
            )
        except ValueError:
            lowest, highest = 1, 0
        if not lowest <= highest < lowest + 65536:
            raise PlanError(
                f"--source-address: expected an IPv4 address, or a range such as 127.0.0.1-127.0.0.20, got {value!r}"
            )
        found += [str(ipaddress.IPv4Address(number)) for number in range(lowest, highest + 1)]
    return tuple(found)
