"""The compiled core: framing, envelopes, the log of a channel, and the reactor.

Everything but `Reactor` is sans-I/O: bytes, numbers and time go in, bytes and values come out. Times are seconds of any
steady clock, dates are milliseconds since the epoch, sizes are bytes. The core knows neither trio nor HTTP.
"""

from collections.abc import Callable
from typing import Any, Final, Self, TypeAlias, final

_ReadableBuffer: TypeAlias = bytes | bytearray | memoryview

OP_CONTINUATION: Final[int]
OP_TEXT: Final[int]
OP_BINARY: Final[int]
OP_CLOSE: Final[int]
OP_PING: Final[int]
OP_PONG: Final[int]

AUDIENCE_ALL: Final[int]
AUDIENCE_LIST: Final[int]
AUDIENCE_COUNT: Final[int]

IS_DEBUG: Final[bool]

def is_utf8(data: _ReadableBuffer) -> bool:
    """Whether `data` is well-formed UTF-8 as a whole (Unicode 15, table 3-7: no surrogates, no overlong forms)."""

def apply_mask(data: _ReadableBuffer, key: _ReadableBuffer, offset: int = 0) -> bytes:
    """`data` masked or unmasked with the 4-byte `key` (RFC 6455 section 5.3).

    `offset` is how many bytes of the same payload came before. Raises ValueError when `key` is not 4 bytes or `offset` is
    negative.
    """

def contains_id(payload: _ReadableBuffer) -> bool:
    """Whether the bytes `"id"`, quotes included, occur anywhere in `payload`."""

def encode_frame(
    opcode: int,
    payload: _ReadableBuffer = b"",
    *,
    fin: bool = True,
    mask: _ReadableBuffer | None = None,
) -> bytes:
    """One frame (RFC 6455 section 5.2), with the shortest length form; masked when a 4-byte `mask` is given.

    Raises ValueError for an opcode outside 0..15, a mask that is not 4 bytes, or a control frame over 125 bytes or not final.
    """

def encode_close(code: int, reason: str = "") -> bytes:
    """An unmasked close frame (RFC 6455 section 5.5.1); a reason over 123 bytes of UTF-8 is cut at a character boundary.

    Raises ValueError for a code that must not be sent on the wire.
    """

def encode_event(text: _ReadableBuffer) -> bytes:
    """One event of an event stream whose data is `text`, UTF-8 (the HTML standard, section 9.2.6); line ends become fields."""

def is_json_text(text: bytes) -> bool:
    """Whether `text` is exactly one JSON value in well-formed UTF-8: what may be spliced into an envelope."""

def has_token(value: bytes, token: bytes) -> bool:
    """Whether the list in a header has this token, which is in lower case."""

def accept_token(nonce: bytes) -> bytes:
    """The Sec-WebSocket-Accept for this Sec-WebSocket-Key. Raises ValueError for a key that is not 16 bytes in base 64."""

def percent_decoded(text: bytes) -> bytes:
    """It with each `%` and two hexadecimal digits as the byte that they stand for (RFC 3986 section 2.1), once. An invalid escape
    stays as it is."""

def read_plain_head(head: bytes, max_headers: int) -> Request | None:
    """The `Request` of a plain head: a GET of a path by HTTP/1.1, no body, at most `max_headers` headers, each given once, on a
    line of its own, and none empty. None for any other, which is no verdict on it."""

def split_form(form: bytes, most: int) -> dict[bytes, bytes]:
    """The names and values of a form-urlencoded text, decoded. Of a name given twice the first counts, and what stands behind the
    first `most` pairs is left out."""

@final
class Request:
    """The head of an HTTP request. `headers` have names in lower case; the parser fills in `target` and `headers`, whoever calls
    it `method` and `version`."""

    target: bytes
    method: bytes
    version: str

    @property
    def headers(self) -> dict[bytes, bytes]: ...
    @property
    def is_complete(self) -> bool: ...
    def on_url(self, url: bytes) -> None:
        """httptools may give the target in pieces."""

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header given twice counts as one list (RFC 9110 section 5.3)."""

    def on_headers_complete(self) -> None:
        """The head is whole; a body may follow."""

    @property
    def opens_websocket(self) -> bool:
        """Whether it is an opening handshake of WebSocket version 13, its key and `Upgrade` apart."""

    @property
    def path_and_query(self) -> tuple[bytes, bytes]:
        """The target split at its first `?`, its scheme and authority dropped when it has them (RFC 9112 section 3.2.2)."""

    @property
    def wants_upgrade(self) -> bool:
        """Whether it asks to go on as a WebSocket; how well is for admission to say. Other protocols that it would speak are
        ignored (RFC 9110 section 7.8): Java's client offers HTTP/2 with all that it asks for."""

    @property
    def wants_stream(self) -> bool:
        """Whether it asks for the events of a channel as an event stream."""

    @property
    def wants_membership(self) -> bool:
        """Whether its connection is to become a member's: by an upgrade, or as the event stream of a channel."""

def split_address(text: _ReadableBuffer) -> tuple[bytes | None, int]:
    """The recipient in front of a text message, and the offset at which its payload starts.

    Both spellings count: `@@<uid>@@<json>` and `\\x1F<uid>\\x1F<json>`. No prefix gives `(None, 0)`; an empty uid, which
    means everyone, gives `b""`. Raises ValueError when a prefix is opened and not closed.
    """

def parse_proxy_header(data: _ReadableBuffer) -> tuple[int, bytes] | None:
    """The PROXY protocol header, version 1 or 2, at the start of a connection: its size, and the packed source address.

    The address has 4 or 16 bytes; it is empty when the header names none (UNKNOWN, LOCAL, a family that is not IP), and the
    peer's own address counts. None when `data` may still become a header. Raises ValueError when it cannot.
    """

@final
class Utf8Validator:
    """Checks UTF-8 that arrives in pieces."""

    def feed(self, data: _ReadableBuffer) -> bool:
        """Take the next piece. False from the first byte on that no continuation can make valid."""
    @property
    def is_complete(self) -> bool:
        """Whether what was fed so far is valid and ends on a character boundary."""

@final
class FrameParser:
    """The server's side of RFC 6455 section 5: masked frames in, whole messages and control frames out."""

    def __new__(cls, max_message_bytes: int = 102_400) -> Self: ...
    def feed(self, data: _ReadableBuffer) -> list[tuple[int, bytes]]:
        """Take the next bytes of the stream and return what they complete, as `(opcode, payload)`.

        A text or binary message comes once, whole, however it was fragmented; its opcode is that of its first frame. Ping,
        pong and close come as they are met, also between fragments. Never raises for what a peer sent: what was complete
        before a violation is returned, the violation is kept in `fault`, and everything after it, and after a close frame,
        is ignored.
        """
    @property
    def fault(self) -> tuple[int, str] | None:
        """The close code and the reason the connection must be failed with, or None."""
    @property
    def is_idle(self) -> bool:
        """Whether the parser stands between messages and holds no byte."""
    @property
    def buffered_bytes(self) -> int:
        """Bytes allocated for a message that is not complete yet; grows with what has arrived, not with what was announced."""

@final
class TokenBucket:
    """A token bucket: `burst` tokens at most, refilled by `rate` a second; starts full. A rate of 0 never refuses."""

    def __new__(cls, rate: float, burst: float, now: float = 0.0) -> Self: ...
    def try_consume(self, now: float, cost: float = 1.0) -> bool:
        """Take `cost` tokens if they are there; take none and return False if not. Time that runs backwards refills nothing."""
    def tokens(self, now: float) -> float:
        """How many tokens are there at `now`."""
    def seconds_until(self, now: float, cost: float = 1.0) -> float:
        """How long from `now` until `cost` tokens are there; 0.0 when they are, inf when they never will be."""

@final
class AddressLimiter:
    """A token bucket for each address; a new one starts full. `capacity` is for how many, rounded up to a power of two.

    Addresses are 64-bit keys. Key 0, which means that no limits apply, is never refused; at a rate of 0 none is. When there is no
    room for another, the address that is nearest to a full bucket is forgotten. Raises ValueError for numbers out of range.
    """

    def __new__(cls, rate: float, burst: float, *, capacity: int = 65_536) -> Self: ...
    def try_consume(self, key: int, now: float, cost: float = 1.0) -> bool:
        """Take `cost` tokens of this address if they are there; take none and return False if not. Time that runs backwards
        refills nothing. Raises ValueError for a cost that is negative or no number."""
    def seconds_until(self, key: int, now: float, cost: float = 1.0) -> float:
        """How long from `now` until this address has `cost` tokens; 0.0 when it has, inf when it never will. Raises ValueError
        for a cost that is negative or no number."""
    def configure(self, rate: float, burst: float) -> None:
        """Go on at another rate and burst. Addresses keep the tokens they have, as far as the burst allows."""
    @property
    def allocated_bytes(self) -> int:
        """The size of the table, the same from the start to the end."""

@final
class AddressBlocks:
    """Addresses that are blocked, each until some time. `capacity` is for how many, rounded up to a power of two.

    Addresses are 64-bit keys. Key 0, which means that no limits apply, is never blocked. When there is no room for another, the
    block that ends first is lifted. Raises ValueError for a capacity out of range.
    """

    def __new__(cls, capacity: int = 65_536) -> Self: ...
    def block(self, key: int, until: float) -> None:
        """Block this address until then; a block that ends later stays. Raises ValueError for a time that is no number."""
    def unblock(self, key: int) -> bool:
        """Lift the block of this address. False when there was none; one that has ended may still count."""
    def blocked_until(self, key: int, now: float) -> float:
        """When the block of this address ends; 0.0 when it is not blocked."""
    def count(self, now: float) -> int:
        """How many addresses are blocked. Looks at all of the table: for reports."""
    @property
    def allocated_bytes(self) -> int:
        """The size of the table, the same from the start to the end."""

@final
class Stamper:
    """Stamps payloads with their envelope. One instance serves all members: what differs is the member's prefix.

    `prefix` is `"uid":<json>,"alias":<json>,"date":` (alias left out when there is none), as `relay.protocol` prepares it.
    `boot` are 8 URL-safe ASCII characters which make ids of different processes differ. Raises ValueError for other lengths.
    """

    def __new__(cls, boot: bytes) -> Self: ...
    def stamp(self, prefix: bytes, payload: _ReadableBuffer, date: int) -> bytes:
        """A whole text frame, `{"id":I,<prefix>D,"message":<payload>}`; no id when the payload contains `"id"`.

        The payload must have been validated: it is spliced byte for byte.
        """

@final
class Member:
    """One connection in a channel: who it is, how far it has read the channel's log, and what waits for it alone.

    `prefix` is what `Stamper` takes and must start with `"uid":"<uid>"`. In a verbatim room it may be empty. `mute`: what it
    sends is answered by an error. `address` is the key of the address that answers for it, 0 for none. `stream`: it reads an
    event stream over HTTP instead of frames, and what it sends is thrown away.
    """

    def __new__(
        cls,
        prefix: bytes,
        *,
        echo: bool = False,
        announce: bool = False,
        lists: bool = False,
        verbatim: bool = False,
        mute: bool = False,
        stream: bool = False,
        address: int = 0,
    ) -> Self: ...
    @property
    def uid(self) -> str: ...
    @property
    def prefix(self) -> bytes: ...
    @property
    def echo(self) -> bool: ...
    @property
    def announce(self) -> bool: ...
    @property
    def lists(self) -> bool: ...
    @property
    def verbatim(self) -> bool: ...
    @property
    def mute(self) -> bool: ...
    @property
    def stream(self) -> bool: ...
    @property
    def address(self) -> int: ...
    @property
    def log(self) -> Log | None:
        """The log it is attached to; None before it joined and from the moment it left."""
    @property
    def fileno(self) -> int:
        """Its socket's descriptor; -1 when it has none (yet, or any more)."""
    @property
    def is_behind(self) -> bool:
        """Whether there is more for it, in the log or in its private queue; entries it will not get count until it moves."""
    @property
    def backlog_bytes(self) -> int:
        """How many bytes it is behind, log and private queue together; entries it will not get count until it moves."""
    def enqueue(self, data: bytes, *, is_message: bool = False) -> None:
        """Queue bytes for this member alone, to follow all that is in the log now and to precede all that comes later. A slow
        consumer may miss what `is_message`, and is told of it."""
    def gather(self) -> list[bytes]:
        """What would be sent to it now, piece by piece, in order (what the reactor hands to sendmsg)."""
    def advance(self, sent: int) -> None:
        """Note that the first `sent` bytes of what `gather` showed were taken. Raises ValueError when that is more than waits."""
    def skip(self, limit_bytes: int) -> int:
        """Let the oldest messages that wait for it go, when all that waits costs more than `limit_bytes`, until about half of
        that is left. Returns how many it will not get, those of earlier calls that it was not told of included."""
    def tell_gap(self, frame: bytes, missed: int) -> None:
        """Queue the frame that tells of what `skip` returned, before all that was kept."""
    def close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake: leave the channel, send what the socket takes at once, then a close frame, whole.

        The owner's `on_leave` is called before this returns. Does nothing on a connection that is closing already. The
        socket stays until the peer has closed, or `abort` is called.
        """
    def abort(self) -> None:
        """Leave the channel, forget what waits, close the socket. Does nothing the second time."""

@final
class Log:
    """The framed bytes a channel has yet to deliver, an index of their entries, and a cursor per attached member.

    `owner` is the channel; the core calls `owner.on_leave(member, is_lingering)` once when an attached member has left for
    any reason, where `is_lingering` says that its socket still waits for the peer's part of the closing handshake. It calls
    `owner.on_error(member, kind, detail)`, which returns the frame to send or None, for a message that cannot be relayed:
    kind "json", "binary", "address", "send_key" (detail None), "recipient" (detail: the recipient as sent, bytes),
    "message_rate" and "byte_rate" (detail: seconds until it would be accepted, inf for never). And `owner.on_gap(member,
    missed)`, which returns the frame that tells a slow consumer of messages it will not get, or None.
    """

    def __new__(cls, owner: Any = None) -> Self: ...
    @property
    def owner(self) -> Any: ...
    def disown(self) -> None:
        """Let go of the owner, so that the two are no cycle any more. Raises ValueError while a member is attached."""
    @property
    def members(self) -> list[Member]: ...
    @property
    def member_count(self) -> int: ...
    @property
    def list_count(self) -> int:
        """How many attached members asked for `list`."""
    @property
    def is_empty(self) -> bool:
        """Whether every member has caught up; an empty log holds no buffer."""
    @property
    def backlog_bytes(self) -> int:
        """Bytes held for the member that is furthest behind."""
    @property
    def allocated_bytes(self) -> int: ...
    @property
    def entry_count(self) -> int: ...
    @property
    def is_late(self) -> bool: ...
    def attach(self, member: Member) -> None:
        """Let `member` read all that is appended from now on. Raises ValueError when it is attached somewhere, or connected."""
    def detach(self, member: Member) -> None:
        """Take `member` out without a word to the owner. Raises ValueError when it is not attached here, or is connected."""
    def append(
        self,
        frame: bytes,
        sender: Member | None = None,
        audience: int = 0,
        *,
        is_message: bool = False,
    ) -> None:
        """Append one whole frame for `audience`: all, those with `list`, or those without.

        It counts as an event, or as a message, which a slow consumer that misses it is told of. A `sender` is left out unless it
        has echo. Raises ValueError for a sender that is not attached here.
        """
    def publish(self, payload: bytes, sender: Member, stamper: Stamper, date: int) -> None:
        """Stamp a validated payload straight into the log, as the reactor does."""
    def post(self, prefix: bytes, payload: bytes) -> None:
        """Stamp a validated payload that no member sent, with the reactor's next id and the present date. `prefix` is what
        `Stamper` takes, with or without a uid. Raises ValueError for a log that no reactor serves."""
    def find(self, uid: bytes) -> Member | None:
        """The member with this uid, attached here or to the streams."""
    @property
    def streams(self) -> Log | None:
        """A log whose members read event streams: each text frame that is appended here is appended there as an event, made once
        for all of them. None when there is none."""
    @streams.setter
    def streams(self, streams: Log | None) -> None: ...
    def close_members(self, code: int, reason: str = "") -> None:
        """`Member.close` for every attached member."""
    def missed(self, member: Member) -> int:
        """How many whole entries meant for `member` it has not been sent yet."""

@final
class Reactor:
    """The epoll set with the listeners, the connections still in their opening handshake, and the members.

    `admit(head, peer, source)` is called with the bytes of each request's head, its empty line included, the packed address of
    the peer (4 or 16 bytes; none for a Unix socket) and the one that a PROXY protocol header named, if any. It returns what
    becomes of the connection: a `Member` that is attached and has its 101 response queued, bytes to refuse it with, or None when
    it is no upgrade; then `on_http(fileno, data, peer, source)` gets the descriptor, for good, and all bytes read so far.
    `on_kick(address)` is told of a member with an address that was closed for its rate.
    `on_crash(owner, exc)` is told of every exception that was contained: `owner` is the log's owner when its callback raised,
    otherwise None. With `proxy_protocol` a connection must begin with a PROXY protocol header. The rest is for `configure`.
    """

    def __init__(
        self,
        admit: Callable[[bytes, bytes, bytes], Member | bytes | None],
        *,
        boot: bytes,
        on_http: Callable[[int, bytes, bytes, bytes], None],
        on_crash: Callable[[Any, BaseException], None],
        on_kick: Callable[[int], None] | None = None,
        max_head_bytes: int = 16_384,
        max_connections: int = 1_000_000,
        proxy_protocol: bool = False,
        **settings: float,
    ) -> None: ...
    def configure(
        self,
        *,
        message_rate: float = 250.0,
        message_burst: float = 1000.0,
        byte_rate: float = 262_144.0,
        byte_burst: float = 2_097_152.0,
        kick_after: int = 3,
        dry_run: bool = False,
        max_message_bytes: int = 102_400,
        max_party_message_bytes: int = 1_048_576,
        backlog_limit_bytes: int = 1_048_576,
        skip_for_slow: bool = False,
        handshake_timeout_seconds: float = 10.0,
        ping_interval_seconds: float = 25.0,
    ) -> None:
        """Set what may change while connections are open; what is not given gets its default. A rate of 0 is no limit. With
        `dry_run` what exceeds a rate is counted, and passes. With `skip_for_slow` a member that is further behind than the
        backlog limit misses messages (`owner.on_gap`), and is otherwise closed with 1013."""
    def fileno(self) -> int:
        """The epoll descriptor; readable when a turn is due."""
    def add_listener(self, fileno: int) -> None:
        """Accept from this listening, non-blocking socket. The reactor does not own it."""
    def remove_listener(self, fileno: int) -> None:
        """Accept no more from this socket. Raises ValueError when it was not added."""
    def turn(self, budget_seconds: float = 0.004, linger_seconds: float = 0.0) -> bool:
        """Read what is ready, stamp it, send it; stop when the budget is spent. True when work is left. Where the next event has
        lately come within `linger_seconds` (at most 1 ms) of the last, wait that long for it before the turn is over."""

    def adopt(self, fileno: int, data: bytes = b"", peer: bytes = b"", source: bytes = b"") -> None:
        """Take over a connected, non-blocking socket, with the bytes that have been read from it: it is treated as one that
        was just accepted, and had its PROXY protocol header. Raises RuntimeError in the middle of a turn."""
    def open_log(self, owner: Any) -> Log:
        """A log whose members this reactor serves."""
    def close(self) -> None:
        """Close every connection at once, without a word, and the epoll set."""
    @property
    def connection_count(self) -> int:
        """Open sockets: handshakes, members, and members whose closing handshake is under way."""
    @property
    def handshake_count(self) -> int: ...
    def stats(self) -> dict[str, int]:
        """Plain counters since the start: accepted, refused, admitted, turns, messages, bytes_in, bytes_out, …, and by close code
        `closed_<code>`: 1005 for a close frame without a status, 1006 for members that were gone without one."""
    def histograms(self) -> dict[str, dict[str, Any]]:
        """How long turns took, and to how many members messages went, by powers of two: `{name: {"bounds": upper bounds,
        "counts": one more than bounds, not cumulative, "sum": sum}}`."""
    @property
    def busy_seconds(self) -> float:
        """Time spent in turns since the start."""
    def backlogs(self, limit: int = 10) -> tuple[int, list[int]]:
        """How many members have a socket that does not take what waits for them, and the `limit` largest of their backlogs in
        bytes, the largest first. Looks at these members alone, however many others there are. Raises ValueError for a
        limit outside 0 to 64."""
