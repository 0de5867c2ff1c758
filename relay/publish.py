"""What is posted to a party room: read, judged, and relayed to its members as it is. Knows no trio and no socket."""

import time
from collections.abc import Mapping
from typing import Final

from relay import _core
from relay.admission import Admission
from relay.channel import Channel
from relay.incoming import Exchange
from relay.limits import AddressLimits
from relay.protocol import ChannelKey
from relay.requests import Request, Response, json_response
from relay.settings.config import Settings

_BINARY_TYPE: Final = b"application/octet-stream"


class Publisher:
    """Publishes without being a member: whoever posts gets nothing back but how many it went to.

    `channels` are those that are open; a post opens none.
    """

    def __init__(
        self,
        settings: Settings,
        admission: Admission,
        limits: AddressLimits,
        channels: Mapping[ChannelKey, Channel],
    ) -> None:
        self._limits = limits
        self._channels = channels
        self.configure(settings, admission)

    def configure(self, settings: Settings, admission: Admission) -> None:
        """Go by these from now on."""
        self._settings = settings
        self._admission = admission

    async def post(self, exchange: Exchange) -> Response:
        """`{"delivered": n}`. Raises Refusal; what can be refused before the body is read is."""
        request, channels = exchange.request, self._channels
        post = self._admission.accept_post(
            request, exchange.peer, exchange.source, channels, time.monotonic()
        )
        payload = await exchange.body.read(self._settings.max_party_message)
        now = time.monotonic()
        self._admission.check_keys(post, channels, now)  # they may have changed since
        self._limits.check_published_bytes(post.address, len(payload), now)
        channel = channels.get(post.key)
        delivered = 0
        if channel is not None:
            delivered = channel.publish_verbatim(payload, is_binary=_is_binary(request, payload))
        return json_response({"delivered": delivered})


def _is_binary(request: Request, payload: bytes) -> bool:
    """Whether it goes into a binary frame: it is called so, or it cannot be text (RFC 6455 section 5.6)."""
    media_type = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return media_type == _BINARY_TYPE or not _core.is_utf8(payload)
