"""What becomes of a request for an upgrade or an event stream: a member of a channel, or a refusal; and who may publish without
being one. Pure decisions.

No I/O. One call per connection, on the way of every opening handshake (RFC 6455 section 4.2), so it does no more than it must.
What costs a flooding address least comes first: its limits, then the shape of the request, then origin and keys.
"""

from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

from relay._core import accept_token, has_token, percent_decoded
from relay.addresses import ClientAddresses
from relay.keys import (
    JOIN_KEY_HEADER,
    SEND_KEY_HEADER,
    Keys,
    Lock,
    Namespaces,
    find_keys,
)
from relay.limits import AddressLimits
from relay.options import parse_options
from relay.origins import Origins
from relay.protocol import ChannelKey, Options
from relay.requests import Refusal, Request
from relay.settings.config import Settings

MAX_CHANNEL_BYTES: Final = 512
PUSH_PATH: Final = b"/push/"

_PERCENT: Final = b"%"[0]
_ESCAPED_BYTES: Final = 3  # what one byte takes at most in a target

_SWITCHING: Final = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "

# It ends with the connection. Proxies are asked to pass each event on at once, and not to keep any.
_STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\n"
    b"Access-Control-Allow-Origin: *\r\nX-Accel-Buffering: no\r\nConnection: close\r\n\r\n"
)


class Locked(Protocol):
    """An open channel, as far as admission knows it."""

    lock: Lock | None


class Upgrade(msgspec.Struct, frozen=True):
    """An admitted connection: where it goes, what it asked for, what it may do, and the response, a 101 or the head of an event
    stream.

    `lock` is what its channel gets if it opens it; `address` is the key of the address that answers for it, 0 for none.
    `is_return`: it has read this event stream before, and missed what came meanwhile.
    """

    key: ChannelKey
    options: Options
    is_legacy: bool
    is_mute: bool
    is_stream: bool
    is_return: bool
    lock: Lock | None
    address: int
    response: bytes


class Post(msgspec.Struct, frozen=True):
    """What may be published by a request: where to, the keys it showed, what it asked for, and the key of its address, 0 for
    none."""

    key: ChannelKey
    keys: Keys
    options: Options
    address: int


class Admission:
    """Decides on upgrades by the settings it is made of. `limits` outlives it: a change of settings makes a new one."""

    def __init__(self, settings: Settings, limits: AddressLimits) -> None:
        self._limits = limits
        self._origins = Origins(settings.origins)
        self._addresses = ClientAddresses(
            settings.trusted_proxies, limit_loopback=settings.limit_loopback
        )
        self._namespaces = Namespaces(
            {
                name: (namespace.join_keys, namespace.send_keys)
                for name, namespace in settings.namespaces.items()
            }
        )
        self._ephemeral_keys = settings.ephemeral_keys

    def accept(
        self,
        request: Request,
        peer: bytes,
        source: bytes,
        channels: Mapping[ChannelKey, Locked],
        now: float,
    ) -> Upgrade:
        """Decide on a request that wants membership. Raises Refusal.

        `peer` is the packed address it came from, `source` the one that a PROXY protocol header named, if any; `channels` are
        those that are open.
        """
        address = self._find_address(request, peer, source)
        self._limits.check_arrival(address, now)
        is_stream = not request.wants_upgrade
        if not is_stream and not request.opens_websocket:
            raise _refuse_handshake(request)
        self._require_origin(request)
        path, query = request.path_and_query
        key, is_legacy = find_channel(path)
        options = parse_options(query)
        keys = find_keys(options, request.headers)
        reserved = self._namespaces.find(key)
        lock = reserved or self._find_ephemeral_lock(key, keys, channels)
        if lock is not None and not lock.admits(keys):
            raise Refusal(403, "the join key is missing or wrong", reason="join_key")
        response = _STREAM_HEAD if is_stream else _switching_response(request.headers)
        self._limits.check_room(address)
        return Upgrade(
            key,
            options,
            is_legacy,
            lock is not None and not lock.lets_send(keys),
            is_stream,
            is_stream and bool(request.headers.get(b"last-event-id")),
            None if reserved else lock,
            address,
            response,
        )

    def accept_plain(self, request: Request, peer: bytes, source: bytes, now: float) -> None:
        """Decide on a connection that begins with a request for something else than an upgrade. Raises Refusal."""
        self._limits.check_connection(self._find_address(request, peer, source), now)

    def accept_post(
        self,
        request: Request,
        peer: bytes,
        source: bytes,
        channels: Mapping[ChannelKey, Locked],
        now: float,
    ) -> Post:
        """Decide on a request to publish, before its body is read. Raises Refusal. The arguments are those of `accept`."""
        address = self._find_address(request, peer, source)
        self._limits.check_published(address, now)
        self._require_origin(request)
        path, query = request.path_and_query
        options = parse_options(query)
        post = Post(find_target(path), find_keys(options, request.headers), options, address)
        self.check_keys(post, channels, now)
        return post

    def check_keys(self, post: Post, channels: Mapping[ChannelKey, Locked], now: float) -> None:
        """Who publishes must be able to join and to send. Raises Refusal: 401 for a key that is missing, 403 for a wrong one.

        A channel that nobody is in has no keys but those of its namespace, and what is shown puts none on it.
        """
        lock = self._namespaces.find(post.key)
        if lock is None and self._ephemeral_keys:
            channel = channels.get(post.key)
            lock = None if channel is None else channel.lock
        if lock is None:
            return
        self._limits.check_guesses(post.address, now)
        if not lock.admits(post.keys):
            raise self._refuse_key("join", JOIN_KEY_HEADER, post.keys.join, post.address, now)
        if not lock.lets_send(post.keys):
            raise self._refuse_key("send", SEND_KEY_HEADER, post.keys.send, post.address, now)

    def _refuse_key(
        self, name: str, header: bytes, shown: bytes | None, address: int, now: float
    ) -> Refusal:
        reason = f"{name}_key"
        if shown is None:
            challenge = b"WWW-Authenticate: Key header=" + header  # RFC 9110 section 15.5.2
            return Refusal(401, f"the {name} key is missing", challenge, reason=reason)
        self._limits.count_guess(address, now)
        return Refusal(403, f"the {name} key is wrong", reason=reason)

    def _require_origin(self, request: Request) -> None:
        if not self._origins.admits(request.headers.get(b"origin")):
            raise Refusal(403, "connections from this origin are not allowed", reason="origin")

    def _find_address(self, request: Request, peer: bytes, source: bytes) -> int:
        """The key of the client's address. Raises Refusal when a PROXY protocol header came from who may not speak for others."""
        forwarded_for = request.headers.get(b"x-forwarded-for")
        if not source:
            return self._addresses.find(peer, forwarded_for)
        if not self._addresses.is_trusted(peer):
            raise Refusal(403, "this address is no trusted proxy", reason="proxy")
        return self._addresses.find(source, forwarded_for, is_spoken_for=True)

    def _find_ephemeral_lock(
        self, key: ChannelKey, keys: Keys, channels: Mapping[ChannelKey, Locked]
    ) -> Lock | None:
        """The lock that the first member's keys have put, or now put, on an unreserved channel."""
        if not self._ephemeral_keys:
            return None
        channel = channels.get(key)
        return Lock.from_first_member(keys) if channel is None else channel.lock


def _refuse_handshake(request: Request) -> Refusal:
    """Why this is no opening handshake of WebSocket version 13."""
    if request.method != b"GET":
        return Refusal(405, "a WebSocket handshake is a GET request", b"Allow: GET")
    if request.version != "1.1":
        return Refusal(400, "a WebSocket handshake needs HTTP/1.1")
    if not has_token(request.headers.get(b"connection", b""), b"upgrade"):
        return Refusal(400, "the Connection header does not say Upgrade")
    return Refusal(426, "the WebSocket version must be 13", b"Sec-WebSocket-Version: 13")


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


def find_target(path: bytes) -> ChannelKey:
    """The channel that a path publishes to. Raises Refusal as `find_channel`."""
    if path.startswith(PUSH_PATH):
        return _name(path[len(PUSH_PATH) :])
    return find_channel(path)[0]


def _party_room(party: bytes, rest: bytes) -> ChannelKey:
    """What follows the room's segment is a sub path and does not matter."""
    room = rest.partition(b"/")[0]
    return _name(party), _name(room)


def _name(text: bytes) -> bytes:
    """Percent-decoded once; an invalid escape stays as it is."""
    if _PERCENT not in text:
        if len(text) <= MAX_CHANNEL_BYTES:
            return text
    # more need not be decoded to see that it is too long
    elif len(text) <= MAX_CHANNEL_BYTES * _ESCAPED_BYTES:
        name = percent_decoded(text)
        if len(name) <= MAX_CHANNEL_BYTES:
            return name
    raise Refusal(414, f"the channel name is longer than {MAX_CHANNEL_BYTES} bytes")


def _switching_response(headers: dict[bytes, bytes]) -> bytes:
    try:
        response = _SWITCHING + accept_token(headers.get(b"sec-websocket-key", b""))
    except ValueError as exc:
        raise Refusal(400, "Sec-WebSocket-Key must be 16 bytes in base64") from exc
    offered = headers.get(b"sec-websocket-protocol")
    protocol = offered.strip(b", \t").partition(b",")[0].strip() if offered else b""
    if protocol:
        # browsers fail a connection that offered subprotocols and got none; the relay speaks them all
        response += b"\r\nSec-WebSocket-Protocol: " + protocol
    return response + b"\r\n\r\n"
