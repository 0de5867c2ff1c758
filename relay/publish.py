"""What is posted: read, judged, and relayed to the members of a channel or a party room. Knows no trio and no socket."""

import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from relay import _core
from relay.admission import Admission, Post
from relay.channel import Channel
from relay.incoming import Exchange
from relay.limits import AddressLimits
from relay.protocol import ChannelKey, anonymous_prefix
from relay.requests import Refusal, Request, Response, json_response
from relay.settings.config import Settings

MAX_BATCH_MESSAGES: Final = 1000
MAX_BATCH_BYTES: Final = 256 * 1024
"""A body is looked through in one go, and this much of the smallest messages takes the time that others can wait."""

_QUICK_BODY_BYTES: Final = 16 * 1024

_BINARY_TYPE: Final = b"application/octet-stream"
_batch_decoder: Final = msgspec.json.Decoder(list[msgspec.Raw])


class Publisher:
    """Publishes without being a member: whoever posts gets nothing back but how many it went to.

    `channels` are those that are open; a post opens none. `next_turn()` returns when what waited for the fan-out had a turn.
    Within `one_by_one` the larger bodies are looked through, with time for others in between, however many come at once.
    """

    def __init__(
        self,
        settings: Settings,
        admission: Admission,
        limits: AddressLimits,
        channels: Mapping[ChannelKey, Channel],
        next_turn: Callable[[], Awaitable[None]],
        one_by_one: contextlib.AbstractAsyncContextManager[object],
    ) -> None:
        self._limits = limits
        self._channels = channels
        self._next_turn = next_turn
        self._one_by_one = one_by_one
        self.configure(settings, admission)

    def configure(self, settings: Settings, admission: Admission) -> None:
        """Go by these from now on."""
        self._settings = settings
        self._admission = admission

    async def post(self, exchange: Exchange) -> Response:
        """`{"delivered": n}`. Raises Refusal; what can be refused before the body is read is."""
        request = exchange.request
        post = self._admission.accept_post(
            request, exchange.peer, exchange.source, self._channels, time.monotonic()
        )
        body = await exchange.body.read(self._max_body_bytes(post))
        is_quick = len(body) <= _QUICK_BODY_BYTES and not post.options.batch
        patience = time.monotonic() + self._settings.handshake_timeout
        while time.monotonic() < patience:
            async with contextlib.nullcontext() if is_quick else self._one_by_one:
                if not self._is_late(post.key):
                    return json_response({"delivered": self._relay(request, post, body)})
            await self._next_turn()
        text = "the channel has more to send than its members take, try again"
        raise Refusal(503, text, b"Retry-After: 1", reason="late_channel")

    def _relay(self, request: Request, post: Post, body: bytes) -> int:
        now = time.monotonic()
        self._admission.check_keys(post, self._channels, now)  # they may have changed since
        self._limits.check_published_bytes(post.address, len(body), now)
        if isinstance(post.key, tuple):
            return self._relay_verbatim(post, body, _is_binary(request, body))
        return self._relay_messages(post, body, now)

    def _is_late(self, key: ChannelKey) -> bool:
        channel = self._channels.get(key)
        return channel is not None and channel.is_late

    def _max_body_bytes(self, post: Post) -> int:
        if isinstance(post.key, tuple):
            return self._settings.max_party_message
        if post.options.batch:
            return max(self._settings.max_message, MAX_BATCH_BYTES)
        return self._settings.max_message

    def _relay_verbatim(self, post: Post, payload: bytes, is_binary: bool) -> int:
        channel = self._channels.get(post.key)
        return 0 if channel is None else channel.publish_verbatim(payload, is_binary=is_binary)

    def _relay_messages(self, post: Post, body: bytes, now: float) -> int:
        payloads = [body]
        if post.options.batch:
            payloads = _split_batch(body, self._settings.max_message)
            if len(payloads) > 1:  # for one it was checked before the body was read
                self._limits.check_published(post.address, now, len(payloads) - 1)
        elif not _core.is_json_text(body):
            raise Refusal(400, "the body is not one valid JSON value", reason="json")
        channel = self._channels.get(post.key)
        if channel is None:
            return 0
        prefix = anonymous_prefix(post.options.alias)
        return sum(channel.publish(prefix, payload) for payload in payloads)


def _split_batch(body: bytes, max_message_bytes: int) -> list[bytes]:
    """The messages of a batch, each as it was sent. Raises Refusal."""
    if not _core.is_utf8(body):
        raise Refusal(400, "the body is not valid UTF-8", reason="json")
    try:
        messages = _batch_decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError) as exc:
        text = "the body of a batch is no JSON array of messages (half a surrogate pair has no place in it)"
        raise Refusal(400, text, reason="json") from exc
    if len(messages) > MAX_BATCH_MESSAGES:
        raise Refusal(413, f"a batch has at most {MAX_BATCH_MESSAGES} messages")
    payloads = [bytes(message) for message in messages]
    if any(len(payload) > max_message_bytes for payload in payloads):
        raise Refusal(413, f"a message of the batch is larger than {max_message_bytes} bytes")
    return payloads


def _is_binary(request: Request, payload: bytes) -> bool:
    """Whether it goes into a binary frame: it is called so, or it cannot be text (RFC 6455 section 5.6)."""
    media_type = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return media_type == _BINARY_TYPE or not _core.is_utf8(payload)
