"""When a reconnecting socket tries again, and when no more."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from python_clients.fake_network import FakeNetwork, refused
from python_clients.recorder import Recorder
from python_clients.sockets import socket_on, to_the_end

# Delays and retries


async def test_delays_grow_to_the_maximum(autojump_clock: MockClock) -> None:
    network = FakeNetwork(refused())
    options = {
        "min_reconnection_delay": 0.05,
        "max_reconnection_delay": 0.5,
        "reconnection_delay_grow_factor": 2,
        "max_retries": 6,
    }
    async with socket_on(network, **options) as socket:
        assert not await to_the_end(socket)
    assert network.gaps == [0.05, 0.1, 0.2, 0.4, 0.5, 0.5]


async def test_default_delays(autojump_clock: MockClock) -> None:
    network = FakeNetwork(refused())
    async with socket_on(network, max_retries=7) as socket:
        await to_the_end(socket)
    assert network.gaps == [3, 3.9, 5.07, 6.591, 8.568, 10, 10]


@pytest.mark.parametrize("max_retries", [0, 1, 5])
async def test_max_retries_allows_one_attempt_more(
    autojump_clock: MockClock, max_retries: int
) -> None:
    network = FakeNetwork(refused())
    async with socket_on(network, max_retries=max_retries) as socket:
        told = Recorder(socket)
        await to_the_end(socket)
        assert len(network.times) == len(told.of("error")) == max_retries + 1
        assert socket.retry_count == max_retries
        assert socket.should_reconnect
        await trio.sleep(1000)
        assert len(network.times) == max_retries + 1


async def test_reconnect_revives_after_the_last_retry(autojump_clock: MockClock) -> None:
    network = FakeNetwork(refused(), refused(), "open")
    async with socket_on(network, max_retries=1) as socket:
        told = Recorder(socket)
        await to_the_end(socket)
        socket.reconnect()
        await told.until("open")
        assert socket.retry_count == 0


async def test_retry_count_returns_to_zero_after_min_uptime(autojump_clock: MockClock) -> None:
    """Three lives below `min_uptime`, then longer ones: 1, 2, 3, 1, 1, 1."""
    network = FakeNetwork(0.1, 0.1, 0.1, 1, 1, 1, "open")
    counts: list[int] = []
    async with socket_on(network, min_uptime=0.5, min_reconnection_delay=0.01) as socket:
        socket.onclose = lambda _: counts.append(socket.retry_count)
        told = Recorder(socket)
        await told.until("open", 7)
        assert counts == [1, 2, 3, 1, 1, 1]


@pytest.mark.parametrize(("life", "then"), [(4.999, 2), (5.001, 1)])
async def test_a_life_just_around_min_uptime(
    autojump_clock: MockClock, life: float, then: int
) -> None:
    network = FakeNetwork(refused(), life, "open")
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open", 2)
        assert socket.retry_count == then


async def test_jitter_only_shortens(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.client.policy.random.random", iter([0.0, 0.5, 1.0]).__next__)
    network = FakeNetwork(refused())
    async with socket_on(
        network, jitter=0.5, max_retries=3, reconnection_delay_grow_factor=1
    ) as socket:
        await to_the_end(socket)
    assert network.gaps == [3, 2.25, 1.5]


# Should_reconnect_on_close


async def test_predicate_stops_before_the_close_listeners_run(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    seen: list[bool] = []
    asked: list[int] = []

    def predicate(event: Any) -> bool:
        asked.append(event.code)
        return event.code != 1008

    async with socket_on(network, should_reconnect_on_close=predicate) as socket:
        told = Recorder(socket)
        socket.onclose = lambda _: seen.append(socket.should_reconnect)
        await told.until("open")
        network.last.lose(1001)
        await told.until("open", 2)
        network.last.lose(1008)
        assert await to_the_end(socket) == []
        assert (asked, seen) == ([1001, 1008], [True, False])
        socket.reconnect()
        await told.until("open", 3)


async def test_predicate_that_reconnects_has_the_last_word_by_that(
    autojump_clock: MockClock,
) -> None:
    network = FakeNetwork()

    def predicate(_: Any) -> bool:
        socket.reconnect()
        return False

    async with socket_on(network, should_reconnect_on_close=predicate) as socket:
        told = Recorder(socket)
        await told.until("open")
        network.last.lose()
        await told.until("open", 2)
        assert socket.should_reconnect
        await trio.sleep(1000)
        assert len(network.times) == 2


async def test_predicate_is_asked_about_failed_attempts(autojump_clock: MockClock) -> None:
    network = FakeNetwork(refused())
    async with socket_on(network, should_reconnect_on_close=lambda _: False) as socket:
        told = Recorder(socket)
        await to_the_end(socket)
        assert told.types == ["close", "error"]


async def test_predicate_that_raises_counts_as_yes(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    network = FakeNetwork(1, "open")
    async with socket_on(network, should_reconnect_on_close=lambda _: 1 / 0 > 0) as socket:
        await Recorder(socket).until("open", 2)
    assert "ZeroDivisionError in should_reconnect_on_close" in caplog.text
