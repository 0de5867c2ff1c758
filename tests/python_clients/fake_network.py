"""Transports that do what a test says, at the time of trio's clock."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from relay.client.dial import ConnectError, timed_out
from relay.client.transport import Closed

NORMAL = Closed(1000, "", True)


class FakeTransport:
    """The client's end of a connection; `deliver` and `lose` are what the peer does."""

    def __init__(self, subprotocol: str = "") -> None:
        self.subprotocol = subprotocol
        self.sent: list[str | bytes] = []
        self.closed_with: tuple[int, str] | None = None
        self.reads = True
        self.buffered_bytes = 0
        self._inbound: deque[str | bytes | Closed] = deque()
        self._changed = trio.Event()

    async def send(self, data: str | bytes) -> None:
        await trio.lowlevel.checkpoint()
        if not self.reads:
            await trio.sleep_forever()
        self.sent.append(data)

    async def receive(self) -> str | bytes:
        await trio.lowlevel.checkpoint()
        while not self._inbound:
            self._changed = trio.Event()
            await self._changed.wait()
        item = self._inbound[0]
        if isinstance(item, Closed):
            raise Closed(item.code, item.reason, item.was_clean)
        return self._inbound.popleft()

    async def aclose(self, code: int = 1000, reason: str = "") -> None:
        if self.closed_with is None:
            self.closed_with = (code, reason)
        self._put(NORMAL)

    def deliver(self, *messages: str | bytes) -> None:
        for message in messages:
            self._put(message)

    def lose(self, code: int = 1006, reason: str = "", *, was_clean: bool = False) -> None:
        self._put(Closed(code, reason, was_clean))

    def _put(self, item: str | bytes | Closed) -> None:
        self._inbound.append(item)
        self._changed.set()


class FakeNetwork:
    """Answers every attempt by the next of `script`: "open", "stall", an error, or after how many seconds it is lost.

    The last one answers all that follow.
    """

    def __init__(self, *script: str | float | Exception) -> None:
        self.script = deque(script or ("open",))
        self.times: list[float] = []
        self.urls: list[str] = []
        self.options: list[dict[str, Any]] = []
        self.transports: list[FakeTransport] = []
        self.given_up = 0

    @property
    def gaps(self) -> list[float]:
        """Seconds between the attempts."""
        pairs = zip(self.times, self.times[1:], strict=False)
        return [round(later - earlier, 3) for earlier, later in pairs]

    @property
    def last(self) -> FakeTransport:
        return self.transports[-1]

    @asynccontextmanager
    async def open(self, url: str, **options: Any) -> AsyncIterator[FakeTransport]:
        self.times.append(trio.current_time())
        self.urls.append(url)
        self.options.append(options)
        outcome = self.script.popleft() if len(self.script) > 1 else self.script[0]
        if isinstance(outcome, Exception):
            await trio.lowlevel.checkpoint()
            raise outcome
        if outcome == "stall":
            await self._stall(options["connect_timeout_seconds"])
        await trio.lowlevel.checkpoint()
        transport = FakeTransport(next(iter(options["subprotocols"]), ""))
        self.transports.append(transport)
        async with trio.open_nursery() as nursery:
            if isinstance(outcome, int | float):
                nursery.start_soon(self._lose_after, transport, outcome)
            yield transport
            await transport.aclose()
            nursery.cancel_scope.cancel()

    async def _stall(self, seconds: float) -> None:
        try:
            await trio.sleep(seconds)
        except trio.Cancelled:
            self.given_up += 1
            raise
        raise timed_out(seconds)

    async def _lose_after(self, transport: FakeTransport, seconds: float) -> None:
        await trio.sleep(seconds)
        transport.lose()


def refused() -> ConnectError:
    return ConnectError("cannot connect (Connection refused)")
