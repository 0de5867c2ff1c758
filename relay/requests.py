"""The head of an HTTP request, parsed, and responses, written: what admission and the HTTP side share. No I/O."""

from typing import Final

import httptools
import msgspec

from relay._core import Request as Request  # from here on it belongs to the HTTP side
from relay._core import read_plain_head

MAX_HEAD_BYTES: Final = 16 * 1024
MAX_HEADERS: Final = 100

ANY_ORIGIN: Final = (b"Access-Control-Allow-Origin: *",)
"""The headers of a listener whose responses the pages of every origin may read."""

_COMMA: Final = b","[0]  # looking for a number costs a third of looking for a bytes
_OTHER_LINES: Final = 2  # the request line and the empty one

_REASONS: Final = {
    200: b"OK",
    202: b"Accepted",
    204: b"No Content",
    304: b"Not Modified",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    413: b"Content Too Large",
    414: b"URI Too Long",
    415: b"Unsupported Media Type",
    426: b"Upgrade Required",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}


class Response(msgspec.Struct, frozen=True):
    """An HTTP response; `headers` are whole lines. One without a content type has no content."""

    status: int
    content_type: bytes = b""
    body: bytes = b""
    headers: tuple[bytes, ...] = ()

    def render(
        self, common: tuple[bytes, ...], *, keeps_alive: bool = False, has_body: bool = True
    ) -> bytes:
        """The bytes of it; without `has_body` only its head (RFC 9110 section 9.3.2).

        `common` are the headers that all responses of its listener have.
        """
        head = [
            b"HTTP/1.1 %d %s" % (self.status, _REASONS[self.status]),
            *common,
            b"Connection: " + (b"keep-alive" if keeps_alive else b"close"),
            *self.headers,
        ]
        if self.content_type:
            head.append(b"Content-Type: " + self.content_type)
            head.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join([*head, b"", self.body if has_body else b""])


class Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """A request that is answered with an HTTP error."""

    def __init__(self, status: int, text: str, *headers: bytes, reason: str = "request") -> None:
        """`reason` is what it is counted under."""
        super().__init__(status, text)
        self.status = status
        self.text = text
        self.headers = headers
        self.reason = reason

    def response(self) -> Response:
        """It as an answer: JSON `{"error": text}`."""
        return json_response({"error": self.text}, *self.headers, status=self.status)


def parse_head(head: bytes) -> Request:
    """Parse the head of a request. Raises Refusal for what is no HTTP/1.x request, and for too many headers: lists joined piece
    by piece cost the square of their length."""
    request = read_plain_head(head, MAX_HEADERS) or _parse_any(head)
    if request.version == "1.1" and _COMMA in request.headers.get(b"host", b","):
        raise Refusal(400, "exactly one Host header is needed")  # RFC 9112 section 3.2
    return request


def _parse_any(head: bytes) -> Request:
    if head.count(b"\n") > MAX_HEADERS + _OTHER_LINES:
        raise Refusal(431, f"there are more than {MAX_HEADERS} headers")
    request = Request()
    parser = httptools.HttpRequestParser(request)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        pass
    except (httptools.HttpParserError, UnicodeDecodeError) as exc:
        raise Refusal(400, "malformed request") from exc
    if not request.is_complete:
        raise Refusal(400, "malformed request")
    request.method = parser.get_method()
    request.version = parser.get_http_version()
    if request.version not in ("1.0", "1.1"):
        raise Refusal(400, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    return request


def json_response(content: object, *headers: bytes, status: int = 200) -> Response:
    """A response whose body is this as JSON."""
    return Response(status, b"application/json", msgspec.json.encode(content), headers)
