"""From which web sites' pages a connection may come: the Origin header (RFC 6455 section 10.2, RFC 6454).

Browsers set this header and pages cannot forge it, so the list keeps other sites' pages from using the relay with their visitors'
browsers. Everything else can send any Origin it likes: the list keeps no program out, keys do.
"""

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

MAX_ORIGIN_BYTES: Final = 512

_DEFAULT_PORTS: Final = {b"http": b"80", b"https": b"443"}
_WILDCARD: Final = b"://*."
_MAX_PORT: Final = 65535
_LABEL: Final = rb"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_ORIGIN: Final = re.compile(
    rb"([a-z][a-z0-9+.-]*)://"
    rb"(" + _LABEL + rb"(?:\." + _LABEL + rb")*|\[[0-9a-f:.]+\])"
    rb"(?::([1-9][0-9]{0,4}))?"
)


class Origins:
    """A list of allowed origins, such as `https://example.com`, `http://localhost:8000` or `https://*.example.com`.

    An empty list allows any. `*.` stands for one or more labels: `https://*.example.com` allows `https://a.b.example.com`, and
    `https://example.com` only if that is listed too. The case of scheme and host does not matter, and a scheme's own port is the
    same as none. `null`, which sandboxed frames and pages from files send, must be listed like any other. Raises ValueError for
    what is no origin.
    """

    def __init__(self, allowed: Sequence[str]) -> None:
        self._exact = frozenset(_parse(text) for text in allowed if "*" not in text)
        self._wildcards = [_parse_wildcard(text) for text in allowed if "*" in text]
        self._admits_any = not allowed

    def admits(self, origin: bytes | None) -> bool:
        """Whether a request with this Origin header may connect. Without the header it comes from no browser, and may."""
        if self._admits_any or origin is None or origin in self._exact:
            return True
        normalized = _normalize(origin)
        return normalized is not None and self._is_listed(normalized)

    def _is_listed(self, origin: bytes) -> bool:
        return origin in self._exact or any(
            origin.startswith(scheme) and origin.endswith(host) for scheme, host in self._wildcards
        )


def _parse(text: str) -> bytes:
    normalized = _normalize(text.encode("utf-8", "replace"))
    if normalized is None or not _is_host_possible(normalized) or _is_of_sockets(normalized):
        raise _unexpected(text)
    return normalized


def _is_host_possible(origin: bytes) -> bool:
    """Whether what stands in brackets, if anything does, is an IPv6 address."""
    address = origin.partition(b"[")[2].partition(b"]")[0]
    try:
        return not address or bool(ipaddress.IPv6Address(address.decode("ascii")))
    except ValueError:
        return False


def _is_of_sockets(origin: bytes) -> bool:
    """Whether this is where a WebSocket leads; the origin is that of the page, which is never there."""
    return origin.startswith((b"ws://", b"wss://"))


def _parse_wildcard(text: str) -> tuple[bytes, bytes]:
    """How an origin that matches begins and how it ends. As no host begins with a dot there is a label between the two."""
    normalized = _normalize(text.encode("utf-8", "replace").replace(_WILDCARD, b"://", 1))
    if normalized is None or b"[" in normalized or _is_of_sockets(normalized):
        raise _unexpected(text)
    scheme, separator, host = normalized.partition(b"://")
    return scheme + separator, b"." + host


def _unexpected(text: str) -> ValueError:
    expected = "null, or an origin such as https://example.com or https://*.example.com:8443"
    return ValueError(f"origins: expected {expected} (international names as xn--), got {text!r}")


def _normalize(origin: bytes) -> bytes | None:
    """Lower case, and without the port that the scheme implies; None for what is no origin, or longer than a host name can be."""
    if len(origin) > MAX_ORIGIN_BYTES:
        return None
    origin = origin.lower()
    if origin == b"null":
        return origin
    match = _ORIGIN.fullmatch(origin)
    if match is None or int(match[3] or 0) > _MAX_PORT:
        return None
    scheme, host, port = match.groups()
    suffix = b"" if port is None or port == _DEFAULT_PORTS.get(scheme) else b":" + port
    return scheme + b"://" + host + suffix
