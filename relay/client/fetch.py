"""One HTTP request with the standard library: for rooms that also answer to http."""

import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from relay.client.dial import ConnectError
from relay.client.target import checked_headers, http_resource

FETCH_TIMEOUT_SECONDS: Final = 30.0


class Response(msgspec.Struct, frozen=True):
    """What the server has answered; header names are in lower case. Redirects are not followed."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Raises ValueError when the body is no JSON."""
        return msgspec.json.decode(self.body)

    def text(self) -> str:
        return self.body.decode(errors="replace")


def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: str | bytes | None = None,
    timeout_seconds: float = FETCH_TIMEOUT_SECONDS,
    ssl_context: ssl.SSLContext | None = None,
) -> Response:
    """Blocks until the whole answer is there. Raises ConnectError, and ValueError or TypeError for a bad argument."""
    if not (isinstance(method, str) and method.isascii() and method.isalpha()):
        raise ValueError(f"method: expected the name of an HTTP method, not {method!r}")
    pairs = {name.decode(): value for name, value in checked_headers(headers or {})}
    encoded = body.encode() if isinstance(body, str) else body
    connection = _connection(url, timeout_seconds, ssl_context)
    try:
        connection.request(method.upper(), http_resource(url), encoded, pairs)
        answer = connection.getresponse()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, fields, answer.read())
    except (OSError, HTTPException) as exc:
        raise ConnectError(f"no answer ({_reason(exc)})") from exc
    finally:
        connection.close()


def _connection(
    url: str, timeout_seconds: float, ssl_context: ssl.SSLContext | None
) -> HTTPConnection:
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("host: expected a host name or an address")
    if parts.scheme == "https":
        context = ssl_context or ssl.create_default_context()
        return HTTPSConnection(parts.hostname, parts.port, timeout=timeout_seconds, context=context)
    return HTTPConnection(parts.hostname, parts.port, timeout=timeout_seconds)


def _reason(exc: Exception) -> str:
    """Never an address."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"the server's certificate is not accepted: {exc.verify_message}"
    if isinstance(exc, TimeoutError):
        return "it took too long"
    return (exc.strerror if isinstance(exc, OSError) else None) or type(exc).__name__
