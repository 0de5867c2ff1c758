"""The head of an HTTP request, parsed, and responses, written: what admission and the HTTP side share. No I/O."""

from typing import Final

import httptools
import msgspec

MAX_HEAD_BYTES: Final = 16 * 1024
MAX_HEADERS: Final = 100

ANY_ORIGIN: Final = (b"Access-Control-Allow-Origin: *",)
"""The headers of a listener whose responses the pages of every origin may read."""

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


class Request:
    """The head of an HTTP request, filled in by httptools."""

    __slots__ = ("headers", "is_complete", "method", "target", "version")

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.target = b""
        self.method = b""
        self.version = "1.1"
        self.is_complete = False

    def on_url(self, url: bytes) -> None:
        """httptools may give the target in pieces."""
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header given twice counts as one list (RFC 9110 section 5.3)."""
        name = name.lower()
        value = value.strip()  # the parser leaves the white space behind a value
        if name in self.headers:
            value = self.headers[name] + b", " + value
        self.headers[name] = value

    def on_headers_complete(self) -> None:
        """The head is whole; a body may follow."""
        self.is_complete = True

    @property
    def path_and_query(self) -> tuple[bytes, bytes]:
        """The target split at its first `?`, its scheme and authority dropped when it has them (RFC 9112 section 3.2.2)."""
        target = self.target
        if not target.startswith(b"/"):
            _, _, rest = target.partition(b"://")
            _, slash, path = rest.partition(b"/")
            target = slash + path
        path, _, query = target.partition(b"?")
        return path, query

    @property
    def wants_upgrade(self) -> bool:
        """Whether it asks to go on as a WebSocket; how well is for admission to say. Other protocols that it would speak are
        ignored (RFC 9110 section 7.8): Java's client offers HTTP/2 with all that it asks for."""
        return has_token(self.headers.get(b"upgrade", b""), b"websocket")

    @property
    def wants_membership(self) -> bool:
        """Whether its connection is to become a member's: by an upgrade, or as the event stream of a channel."""
        return self.wants_upgrade or self.wants_stream

    @property
    def wants_stream(self) -> bool:
        """Whether it asks for the events of a channel as an event stream."""
        return (
            self.method == b"GET"
            and b"text/event-stream" in self.headers.get(b"accept", b"").lower()
            and self.path_and_query[0].startswith((b"/c/", b"/r/"))
            and not self.wants_upgrade
        )


def parse_head(head: bytes) -> Request:
    """Parse the head of a request. Raises Refusal for what is no HTTP/1.x request, and for too many headers: lists joined piece
    by piece cost the square of their length."""
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
    if request.version == "1.1" and b"," in request.headers.get(b"host", b","):
        raise Refusal(400, "exactly one Host header is needed")  # RFC 9112 section 3.2
    return request


def has_token(value: bytes, token: bytes) -> bool:
    """Whether the list in a header has this token, which is in lower case."""
    value = value.lower()
    return value == token or token in (part.strip() for part in value.split(b","))


def json_response(content: object, *headers: bytes, status: int = 200) -> Response:
    """A response whose body is this as JSON."""
    return Response(status, b"application/json", msgspec.json.encode(content), headers)
