"""When a channel connects again, by trio's clock: with a network that fails as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import pytest
import trio
from trio.testing import MockClock

from relay.client import conversation
from relay.client.address import Address
from relay.client.backoff import Backoff
from relay.client.conversation import STAY_SECONDS, Conversation
from relay.client.transport import Closed, ConnectError

EVEN = Backoff(jitter=0)
REFUSED = ConnectError("refused")

Fate = ConnectError | float
"""Of an attempt: the error it raises, or the seconds for which its connection stays."""


class Connection:
    """Takes what is sent, and ends by itself after its time."""

    def __init__(self, seconds: float, sent: list[str]) -> None:
        self._seconds = seconds
        self._sent = sent
        self._closed: Closed | None = None

    async def send(self, text: str) -> None:
        self._sent.append(text)

    async def receive(self) -> str:
        if self._closed is None:
            await trio.sleep(self._seconds)
            self._closed = Closed(1012, "restart", True)
        raise self._closed

    async def aclose(self) -> None:
        self._closed = Closed(1000, "", True)
        self._seconds = 0


class Network:
    """Attempts meet their fates in order; the last one repeats."""

    def __init__(self, *fates: Fate) -> None:
        self._fates = [*fates]
        self.attempts: list[float] = []
        self.sent: list[str] = []

    @asynccontextmanager
    async def open_transport(self, *_: Any, **__: Any) -> AsyncIterator[Connection]:
        self.attempts.append(round(trio.current_time(), 3))
        fate = self._fates.pop(0) if len(self._fates) > 1 else self._fates[0]
        if isinstance(fate, ConnectError):
            raise fate
        yield Connection(fate, self.sent)


MakeNetwork: TypeAlias = Callable[..., Network]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> MakeNetwork:
    def make(*fates: Fate) -> Network:
        made = Network(*fates)
        monkeypatch.setattr(conversation, "open_transport", made.open_transport)
        return made

    return make


def new_conversation(backoff: Backoff | None = EVEN) -> Conversation:
    return Conversation(Address("ws://h/c/room"), backoff)


async def run_for(made: Conversation, seconds: float) -> bool:
    """Whether it goes on after that."""
    with trio.move_on_after(seconds) as limit:
        await made.run()
    return limit.cancelled_caught


async def test_delays_grow_while_there_is_no_relay(
    autojump_clock: MockClock, network: MakeNetwork
) -> None:
    net = network(REFUSED)
    assert await run_for(new_conversation(), 100)
    assert net.attempts == [0, 1, 3, 7, 15, 31, 61, 91]


@pytest.mark.parametrize(
    ("stays", "attempts"),
    [
        (STAY_SECONDS - 0.5, [0, 1, 3, 11.5, 19.5]),
        (STAY_SECONDS, [0, 1, 3, 9, 11]),
        (STAY_SECONDS + 0.5, [0, 1, 3, 9.5, 11.5]),
    ],
)
async def test_delays_begin_anew_after_a_connection_that_stayed(
    autojump_clock: MockClock, network: MakeNetwork, stays: float, attempts: list[float]
) -> None:
    net = network(REFUSED, REFUSED, stays, REFUSED, REFUSED)
    assert await run_for(new_conversation(), 28)
    assert net.attempts[:5] == attempts


@pytest.mark.parametrize("status", [400, 401, 403, 404, 414, 426])
async def test_refusals_that_last_end_it(
    autojump_clock: MockClock, network: MakeNetwork, status: int
) -> None:
    net = network(ConnectError("no", status))
    assert not await run_for(new_conversation(), 100)
    assert net.attempts == [0]


@pytest.mark.parametrize("status", [399, 408, 425, 429, 500, 502, 503])
async def test_refusals_that_pass_do_not(
    autojump_clock: MockClock, network: MakeNetwork, status: int
) -> None:
    net = network(ConnectError("not now", status))
    assert await run_for(new_conversation(), 2)
    assert net.attempts == [0, 1]


async def test_without_a_backoff_there_is_one_attempt(
    autojump_clock: MockClock, network: MakeNetwork
) -> None:
    for fate in (REFUSED, 3.0):
        net = network(fate)
        assert not await run_for(new_conversation(None), 100)
        assert len(net.attempts) == 1


@pytest.mark.parametrize(("queued", "attempts"), [([], [0]), (["1", "2"], [0, 0.5])])
async def test_an_end_during_a_delay(
    autojump_clock: MockClock, network: MakeNetwork, queued: list[str], attempts: list[float]
) -> None:
    """With something to send it is tried once more, at once; without, it is over."""
    net = network(REFUSED, 10.0)
    made = new_conversation()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.run)
        await trio.sleep(0.5)
        for text in queued:
            made.queue.put(text)
        made.queue.end()
    assert net.attempts == attempts
    assert net.sent == queued
    assert (made.failure is None) == bool(queued)
