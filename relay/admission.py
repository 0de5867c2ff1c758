"""What becomes of a request: a member of a channel, a refusal, or plain HTTP. Pure decisions, no I/O.

One call per connection, on the way of every opening handshake (RFC 6455 section 4.2), so it does no more than it must.
"""

import binascii
import hashlib
from typing import Final
from urllib.parse import unquote_to_bytes

import httptools
import msgspec

from relay.protocol import ChannelKey, Options, parse_options

MAX_CHANNEL_BYTES: Final = 512
MAX_HEAD_BYTES: Final = 16 * 1024

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SWITCHING: Final = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
_REASONS: Final = {
    400: b"Bad Request",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    414: b"URI Too Long",
    426: b"Upgrade Required",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
}


class Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """A request that is answered with an HTTP error."""

    def __init__(self, status: int, text: str, *headers: bytes) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text
        self.headers = headers

    def response(self, *, keeps_alive: bool = False, has_body: bool = True) -> bytes:
        """The whole response: JSON `{"error": text}`, open to every origin."""
        body = msgspec.json.encode({"error": self.text})
        return render_response(
            self.status,
            b"application/json",
            body,
            *self.headers,
            keeps_alive=keeps_alive,
            has_body=has_body,
        )


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
        """Whether it asks for an upgrade at all; to what and how well is for `accept_upgrade` to say."""
        return b"upgrade" in self.headers


class Upgrade(msgspec.Struct, frozen=True):
    """An admitted connection: where it goes, what it asked for, and the 101 response."""

    key: ChannelKey
    options: Options
    is_legacy: bool
    response: bytes


def parse_head(head: bytes) -> Request:
    """Parse the head of a request. Raises Refusal for what is no HTTP/1.x request."""
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


def accept_upgrade(request: Request) -> Upgrade:
    """Decide on a request that wants an upgrade. Raises Refusal."""
    headers = request.headers
    if request.method != b"GET":
        raise Refusal(405, "a WebSocket handshake is a GET request", b"Allow: GET")
    if request.version != "1.1":
        raise Refusal(400, "a WebSocket handshake needs HTTP/1.1")
    if not _has_token(headers.get(b"upgrade", b""), b"websocket"):
        raise Refusal(426, "the only protocol to upgrade to is websocket", b"Upgrade: websocket")
    if not _has_token(headers.get(b"connection", b""), b"upgrade"):
        raise Refusal(400, "the Connection header does not say Upgrade")
    if headers.get(b"sec-websocket-version") != b"13":
        raise Refusal(426, "the WebSocket version must be 13", b"Sec-WebSocket-Version: 13")
    path, query = request.path_and_query
    key, is_legacy = find_channel(path)
    return Upgrade(key, parse_options(query), is_legacy, _switching_response(headers))


def find_channel(path: bytes) -> tuple[ChannelKey, bool]:
    """The channel a path names, and whether it came by the legacy path. Raises Refusal 404 or 414."""
    if path.startswith((b"/c/", b"/r/")):
        return _name(path[3:]), path[1:2] == b"r"
    if path.startswith(b"/parties/"):
        party, slash, room = path[9:].partition(b"/")
        if slash:
            return _party_room(party, room), False
    elif path.startswith(b"/party/"):
        return _party_room(b"main", path[7:]), False
    raise Refusal(404, "there is nothing here; channels are at /c/<channel>")


def _party_room(party: bytes, rest: bytes) -> ChannelKey:
    """What follows the room's segment is a sub path and does not matter."""
    room = rest.partition(b"/")[0]
    return _name(party), _name(room)


def _name(text: bytes) -> bytes:
    """Percent-decoded once; an invalid escape stays as it is."""
    name = unquote_to_bytes(text) if b"%" in text else text
    if len(name) > MAX_CHANNEL_BYTES:
        raise Refusal(414, f"the channel name is longer than {MAX_CHANNEL_BYTES} bytes")
    return name


def _has_token(value: bytes, token: bytes) -> bool:
    value = value.lower()
    return value == token or token in (part.strip() for part in value.split(b","))


def _switching_response(headers: dict[bytes, bytes]) -> bytes:
    key = headers.get(b"sec-websocket-key", b"")
    try:
        is_nonce = len(key) == 24 and len(binascii.a2b_base64(key, strict_mode=True)) == 16
    except binascii.Error:
        is_nonce = False
    if not is_nonce:
        raise Refusal(400, "Sec-WebSocket-Key must be 16 bytes in base64")
    digest = hashlib.sha1(key + _GUID, usedforsecurity=False).digest()
    response = _SWITCHING + binascii.b2a_base64(digest, newline=False)
    protocol = headers.get(b"sec-websocket-protocol", b"").strip(b", \t").partition(b",")[0].strip()
    if protocol:
        # browsers fail a connection that offered subprotocols and got none; the relay speaks them all
        response += b"\r\nSec-WebSocket-Protocol: " + protocol
    return response + b"\r\n\r\n"


def render_response(
    status: int,
    content_type: bytes,
    body: bytes,
    *headers: bytes,
    keeps_alive: bool = False,
    has_body: bool = True,
) -> bytes:
    """An HTTP/1.1 response with `Access-Control-Allow-Origin: *`; without `has_body` only its head (RFC 9110 section 9.3.2)."""
    head = [
        b"HTTP/1.1 %d %s" % (status, _REASONS.get(status, b"OK")),
        b"Content-Type: " + content_type,
        b"Content-Length: %d" % len(body),
        b"Access-Control-Allow-Origin: *",
        b"Connection: " + (b"keep-alive" if keeps_alive else b"close"),
        *headers,
    ]
    return b"\r\n".join([*head, b"", body if has_body else b""])
