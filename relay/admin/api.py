"""The handlers of the operator's side: figures for people and programs, and orders. No I/O but reading an order's body."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from relay.admin.access import require_json
from relay.admin.census import read_query, take_census
from relay.admin.metrics import Metrics
from relay.admin.operations import Operations
from relay.admin.orders import MAX_BODY_BYTES, Block, Drain, Kick, Unblock, read_order
from relay.admin.snapshot import Relay, Watch, take_snapshot
from relay.channel import Channel
from relay.incoming import Exchange
from relay.protocol import ChannelKey
from relay.requests import Response, json_response

_NO_STORE = (b"Cache-Control: no-store", b"X-Content-Type-Options: nosniff")

T = TypeVar("T", bound=msgspec.Struct)


class Api:
    """Answers for one server. `drain` begins to close it down; `channels` are those that are open; `watch` looks at its load."""

    def __init__(
        self,
        relay: Relay,
        watch: Watch,
        operations: Operations,
        channels: Mapping[ChannelKey, Channel],
        drain: Callable[[], None],
    ) -> None:
        self._relay = relay
        self._watch = watch
        self._operations = operations
        self._channels = channels
        self._drain = drain
        self._metrics = Metrics(lambda: take_snapshot(relay, watch))

    async def ready(self, exchange: Exchange) -> Response:
        """For load balancers: 503 from the moment on that the server closes down."""
        if self._relay.is_ending:
            return Response(503, b"text/plain; charset=utf-8", b"draining", _NO_STORE)
        return Response(200, b"text/plain; charset=utf-8", b"ready", _NO_STORE)

    async def metrics(self, exchange: Exchange) -> Response:
        """For Prometheus, in its text format or as OpenMetrics, as it accepts."""
        accept = exchange.request.headers.get(b"accept", b"").decode("latin-1")
        content_type, content = self._metrics.render(accept)
        return Response(200, content_type.encode(), content, _NO_STORE)

    async def stats(self, exchange: Exchange) -> Response:
        """All figures as JSON."""
        return _json(take_snapshot(self._relay, self._watch))

    async def channels(self, exchange: Exchange) -> Response:
        """How many, of which size; with `names=true` the names of the largest. Raises Refusal 400."""
        _, query = exchange.request.path_and_query
        return _json(await take_census(self._channels, read_query(query)))

    async def blocks(self, exchange: Exchange) -> Response:
        """How many addresses are blocked."""
        return _json({"blocked": self._relay.gauges()["blocked_addresses"]})

    async def kick(self, exchange: Exchange) -> Response:
        """Close a member, or a whole channel. Raises Refusal 400 and 404, as do the following."""
        return _json(await self._operations.kick(await _read(Kick, exchange)))

    async def block(self, exchange: Exchange) -> Response:
        """Refuse an address for a while."""
        return _json(await self._operations.block(await _read(Block, exchange)))

    async def unblock(self, exchange: Exchange) -> Response:
        """Let an address in again."""
        return _json(self._operations.unblock(await _read(Unblock, exchange)))

    async def drain(self, exchange: Exchange) -> Response:
        """Close everyone and end. The answer comes first."""
        await _read(Drain, exchange)
        self._drain()
        return _json({"draining": True}, status=202)


def _json(content: Any, *, status: int = 200) -> Response:
    return json_response(content, *_NO_STORE, status=status)


async def _read(kind: type[T], exchange: Exchange) -> T:
    """The order that a request brings. Raises Refusal."""
    require_json(exchange.request)
    return read_order(kind, await exchange.body.read(MAX_BODY_BYTES))
