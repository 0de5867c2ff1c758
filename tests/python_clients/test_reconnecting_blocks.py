"""Sockets that live in a block of trio, and messages that are iterated."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from python_clients.fake_network import FakeNetwork
from python_clients.recorder import Recorder
from python_clients.sockets import socket_on
from relay.client.reconnecting import ReadyState
from relay.client.transport import Closed


async def test_iteration_goes_on_across_reconnects(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        heard = []
        await trio.testing.wait_all_tasks_blocked()
        network.last.deliver("1", b"2")
        async for message in socket:
            heard.append(message)
            if message == b"2":
                network.last.lose()
                await trio.sleep(10)
                network.last.deliver("3")
            if message == "3":
                socket.close()
        assert heard == ["1", b"2", "3"]


async def test_messages_wait_for_iteration_when_nobody_listens(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        await trio.testing.wait_all_tasks_blocked()
        network.last.deliver(*"abc")
        await trio.sleep(10)
        assert [await socket.__anext__() for _ in range(3)] == ["a", "b", "c"]


async def test_close_while_a_message_waits_for_iteration(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network):
        await trio.testing.wait_all_tasks_blocked()
        network.last.deliver("never taken")
        await trio.testing.wait_all_tasks_blocked()
    assert network.last.closed_with == (1000, "")


async def test_lost_while_a_message_waits_for_iteration(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    with trio.fail_after(10):
        async with socket_on(network) as socket:
            await trio.testing.wait_all_tasks_blocked()
            network.last.deliver("never taken")
            network.last.lose()
            socket.send("not taken either")
            await trio.testing.wait_all_tasks_blocked()


async def test_iteration_begins_anew_after_reconnect(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        socket.close()
        assert [message async for message in socket] == []
        socket.reconnect()
        await trio.testing.wait_all_tasks_blocked()
        network.last.deliver("a")
        assert await anext(socket) == "a"


async def test_listeners_alone_do_not_wait_for_iteration(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        network.last.deliver(*"abc")
        await told.until("message", 3)


async def test_iteration_needs_a_block(autojump_clock: MockClock) -> None:
    socket = socket_on(FakeNetwork())
    with pytest.raises(RuntimeError, match="async with"):
        aiter(socket)


async def test_an_error_of_the_block_stays_as_it_is(autojump_clock: MockClock) -> None:
    network = FakeNetwork()

    async def fail() -> None:
        async with socket_on(network) as socket:
            await Recorder(socket).until("open")
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await fail()
    assert network.last.closed_with == (1000, "")


async def test_cancellation_closes(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    with trio.move_on_after(10) as scope:
        async with socket_on(network) as socket:
            told = Recorder(socket)
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert told.types == ["open", "close"]
    assert socket.ready_state is ReadyState.CLOSED


async def test_block_leaves_no_task_behind(autojump_clock: MockClock) -> None:
    before = trio.lowlevel.current_statistics().tasks_living
    async with socket_on(FakeNetwork()) as socket:
        await Recorder(socket).until("open")
    assert trio.lowlevel.current_statistics().tasks_living == before


async def test_a_socket_can_be_entered_once(autojump_clock: MockClock) -> None:
    async with socket_on(FakeNetwork()) as socket:
        with pytest.raises(RuntimeError, match="runs already"):
            await socket.__aenter__()
    with pytest.raises(RuntimeError, match="has ended"):
        socket.reconnect()


async def test_options_reach_the_transport(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(
        network, ping=7, headers={"x-join-key": "k"}, connection_timeout=3, max_message_bytes=9
    ) as socket:
        await Recorder(socket).until("open")
    options = network.options[0]
    assert (options["ping"], options["headers"]) == (7, (("x-join-key", "k"),))
    assert (options["connect_timeout_seconds"], options["max_message_bytes"]) == (3, 9)


async def test_debug_tells_the_logger_no_payload(autojump_clock: MockClock) -> None:
    lines: list[str] = []
    network = FakeNetwork()
    async with socket_on(network, debug=True, debug_logger=lines.append) as socket:
        told = Recorder(socket)
        await told.until("open")
        network.last.deliver("the secret")
        await told.until("message")
    assert any("message event" in line for line in lines)
    assert "the secret" not in "".join(lines)


async def test_wait_would_block_its_own_callbacks(autojump_clock: MockClock) -> None:
    async with socket_on(FakeNetwork()) as socket:
        with pytest.raises(RuntimeError, match="would block"):
            socket.wait()
        socket.close()
        assert socket.wait()


async def test_wait_for_what_nothing_has_started() -> None:
    """It would block for ever, and trio's thread with it."""
    socket = socket_on(FakeNetwork())
    with pytest.raises(RuntimeError, match="async with"):
        socket.wait()
    socket.close()
    assert socket.wait()


def test_closed_says_what_it_is() -> None:
    assert str(Closed(1008, "rate", True)) == "closed with 1008: rate"
