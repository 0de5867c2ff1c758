"""Reconnecting sockets on a clock that does not wait: state, events and their order, and what upstream's tests check of them."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from python_clients.fake_network import FakeNetwork, refused
from python_clients.recorder import Recorder
from python_clients.sockets import URL, socket_on, to_the_end
from relay.client.reconnecting import ReadyState

# Getters


async def test_getters_before_and_after_open(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network, protocols=["chat", "other"]) as socket:
        told = Recorder(socket)
        assert socket.ready_state == ReadyState.CONNECTING == 0
        assert (socket.url, socket.protocol, socket.extensions) == ("", "", "")
        assert (socket.retry_count, socket.buffered_amount) == (0, 0)
        assert (socket.should_reconnect, socket.binary_type) == (True, "bytes")
        await told.until("open")
        assert socket.ready_state == ReadyState.OPEN == 1
        assert (socket.url, socket.protocol) == (URL, "chat")
    assert socket.ready_state == ReadyState.CLOSED == 3
    assert not socket.should_reconnect


async def test_started_closed_it_waits_for_reconnect(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network, start_closed=True) as socket:
        told = Recorder(socket)
        assert socket.ready_state is ReadyState.CLOSED
        assert not socket.should_reconnect
        await trio.sleep(100)
        assert network.times == []
        socket.reconnect()
        await told.until("open")
    assert told.types == ["open", "close"]


@pytest.mark.parametrize(
    ("binary_type", "kind"),
    [("bytes", bytes), ("bytearray", bytearray), ("memoryview", memoryview)],
)
async def test_binary_type_says_what_binary_messages_are(
    autojump_clock: MockClock, binary_type: Any, kind: type
) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        socket.binary_type = binary_type
        told = Recorder(socket)
        await told.until("open")
        network.last.deliver(b"\x00\xff", "text")
        await told.until("message", 2)
        binary, text = (event.data for event in told.of("message"))
        assert type(binary) is kind
        assert bytes(binary) == b"\x00\xff"
        assert text == "text"


async def test_unknown_binary_type_is_refused(autojump_clock: MockClock) -> None:
    async with socket_on(FakeNetwork()) as socket:
        with pytest.raises(ValueError, match=r"binary_type: expected one of .* not 'blob'"):
            socket.binary_type = "blob"


# Events and their order


async def test_refused_attempt_tells_close_then_error_then_tries_again(
    autojump_clock: MockClock,
) -> None:
    network = FakeNetwork(refused(), "open")
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        assert told.types == ["close", "error", "open"]
        close, error, _ = told.events
        assert (close.code, close.reason, close.was_clean) == (1000, "", True)
        assert error.message == "cannot connect (Connection refused)"


async def test_stalled_attempt_times_out(autojump_clock: MockClock) -> None:
    network = FakeNetwork("stall", "open")
    async with socket_on(network, connection_timeout=2) as socket:
        told = Recorder(socket)
        await told.until("open")
        assert told.types == ["close", "error", "open"]
        assert told.events[0].reason == "timeout"
        assert told.events[1].message == "TIMEOUT"
    assert network.gaps == [5]


async def test_timeout_runs_from_when_the_providers_have_resolved(
    autojump_clock: MockClock,
) -> None:
    async def slow_url() -> str:
        await trio.sleep(30)
        return URL

    network = FakeNetwork("stall")
    async with socket_on(network, slow_url, connection_timeout=2, max_retries=0) as socket:
        started = trio.current_time()
        await to_the_end(socket)
        assert trio.current_time() - started == 32


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1006, 1008, 1009, 1013, 4000, 4001])
async def test_every_remote_close_reconnects(autojump_clock: MockClock, code: int) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        network.last.lose(code, "why", was_clean=code != 1006)
        await told.until("open", 2)
        close = told.of("close")[0]
        assert (close.code, close.reason, close.was_clean) == (code, "why", code != 1006)
        assert told.types == ["open", "close", "open"]


async def test_state_between_connections_is_closed(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        network.last.lose()
        await told.until("close")
        assert socket.ready_state is ReadyState.CLOSED
        assert socket.should_reconnect
        socket.close()
        assert told.types == ["open", "close"]


async def test_attributes_run_before_listeners(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    order: list[str] = []
    async with socket_on(network) as socket:
        socket.add_event_listener("open", lambda _: order.append("listener"))
        socket.onopen = lambda _: order.append("attribute")
        told = Recorder(socket)
        await told.until("open")
        assert order == ["attribute", "listener"]


async def test_listeners_stay_across_reconnects_and_can_be_removed(
    autojump_clock: MockClock,
) -> None:
    network = FakeNetwork()
    heard: list[str] = []

    def hear(event: Any) -> None:
        heard.append(event.data)

    async with socket_on(network) as socket:
        told = Recorder(socket)
        socket.add_event_listener("message", hear)
        for number in (1, 2):
            await told.until("open", number)
            network.last.deliver(f"{number}")
            await told.until("message", number)
            network.last.lose()
        socket.remove_event_listener("message", hear)
        await told.until("open", 3)
        network.last.deliver("3")
        await told.until("message", 3)
        assert heard == ["1", "2"]


async def test_a_listener_that_raises_stops_nothing(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: Any) -> None:
        raise ValueError(event.data)

    network = FakeNetwork()
    async with socket_on(network) as socket:
        socket.onmessage = fail
        told = Recorder(socket)
        await told.until("open")
        network.last.deliver("the secret")
        await told.until("message")
        assert socket.ready_state is ReadyState.OPEN
    assert "ValueError" in caplog.text
    assert "the secret" not in caplog.text
