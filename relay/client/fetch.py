"""One HTTP request with the standard library: for rooms that also answer to http."""

import re
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final

import msgspec

from relay.client.checks import check_number, check_ssl_context, check_text
from relay.client.dial import ConnectError
from relay.client.target import checked_headers, http_resource, parse_place

FETCH_TIMEOUT_SECONDS: Final = 30.0
_LONGEST_SECONDS: Final = 1e6
_HTTP: Final = re.compile(r"http(s?)://")


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
    if not isinstance(method, str):
        raise TypeError(f"method: expected a string, not {type(method).__name__}")
    if not (method.isascii() and method.isalpha()):
        raise ValueError(f"method: expected the name of an HTTP method, not {method!r}")
    check_number("timeout_seconds", timeout_seconds, 0.001, _LONGEST_SECONDS)
    check_ssl_context("ssl_context", ssl_context)
    pairs = {name.decode(): value for name, value in checked_headers(headers or {})}
    encoded = _encoded_body(body)
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


def _encoded_body(body: object) -> bytes | None:
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    if body is not None and not isinstance(body, str):
        raise TypeError(f"body: expected a string or bytes, not {type(body).__name__}")
    if body is not None:
        check_text("body", body)
    return None if body is None else body.encode()


def _connection(
    url: str, timeout_seconds: float, ssl_context: ssl.SSLContext | None
) -> HTTPConnection:
    place = parse_place(_as_websocket(url))
    if place.is_secure:
        context = ssl_context or ssl.create_default_context()
        return HTTPSConnection(place.host, place.port, timeout=timeout_seconds, context=context)
    return HTTPConnection(place.host, place.port, timeout=timeout_seconds)


def _as_websocket(url: object) -> str:
    """The same place by the other scheme, for one check of both. Raises TypeError, ValueError."""
    check_text("url", url)
    found = _HTTP.match(str(url))
    if found is None:
        raise ValueError("url: expected the scheme http or https")
    return f"ws{found[1]}://{str(url)[found.end() :]}"


def _reason(exc: Exception) -> str:
    """Never an address."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"the server's certificate is not accepted: {exc.verify_message}"
    if isinstance(exc, TimeoutError):
        return "it took too long"
    return (exc.strerror if isinstance(exc, OSError) else None) or type(exc).__name__
