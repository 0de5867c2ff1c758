"""What close and reconnect do, whenever they are called."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from python_clients.fake_network import FakeNetwork, refused
from python_clients.recorder import Recorder
from python_clients.sockets import URL, socket_on, to_the_end
from relay.client.reconnecting import ReadyState

# Close


async def test_close_tells_once_and_at_once(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        socket.close(4001, "done")
        assert socket.ready_state is ReadyState.CLOSED
        assert [(event.code, event.reason) for event in told.of("close")] == [(4001, "done")]
        socket.close()
        socket.close()
        network.last.deliver("too late")
        await trio.sleep(1000)
        assert told.types == ["open", "close"]
    assert network.last.closed_with == (4001, "done")
    assert len(network.times) == 1


async def test_close_before_the_first_attempt(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        socket.close()
        assert told.types == ["close"]
        assert socket.ready_state is ReadyState.CLOSED
        await trio.sleep(1000)
        assert (told.types, network.times) == (["close"], [])


async def test_close_while_connecting_to_a_stalled_server(autojump_clock: MockClock) -> None:
    network = FakeNetwork("stall")
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await trio.sleep(1)
        assert socket.ready_state is ReadyState.CONNECTING
        socket.close()
        assert told.types == ["close"]
        await trio.sleep(1000)
        assert told.types == ["close"]
    assert network.given_up == 1


async def test_close_while_waiting_for_the_next_attempt(autojump_clock: MockClock) -> None:
    network = FakeNetwork(refused())
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("error")
        socket.close()
        await trio.sleep(1000)
        assert told.types == ["close", "error"]
    assert len(network.times) == 1


async def test_close_while_a_provider_works(autojump_clock: MockClock) -> None:
    async def never() -> str:
        await trio.sleep(10)
        return URL

    network = FakeNetwork()
    async with socket_on(network, never) as socket:
        await trio.sleep(5)
        socket.close()
        await trio.sleep(1000)
    assert network.times == []


async def test_close_in_the_close_listener(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        socket.onclose = lambda _: socket.close()
        await told.until("open")
        network.last.lose()
        assert await to_the_end(socket) == []
        assert told.types == ["open", "close"]
    assert len(network.times) == 1


async def test_what_was_sent_before_close_is_still_sent(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        await Recorder(socket).until("open")
        for number in range(100):
            assert socket.send(str(number))
        socket.close()
    assert network.last.sent == [str(number) for number in range(100)]


async def test_a_peer_that_does_not_read_cannot_keep_the_socket(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        await Recorder(socket).until("open")
        network.last.reads = False
        socket.send("stuck")
        await trio.testing.wait_all_tasks_blocked()
        closed_at = trio.current_time()
    assert trio.current_time() - closed_at == 5
    assert network.last.closed_with == (1000, "")


@pytest.mark.parametrize("code", [999, 1001, 1006, 2999, 5000])
async def test_close_codes_a_client_may_not_send(autojump_clock: MockClock, code: int) -> None:
    async with socket_on(FakeNetwork()) as socket:
        with pytest.raises(ValueError, match=rf"code: expected 1000, or 3000 to 4999, not {code}"):
            socket.close(code)
        with pytest.raises(ValueError, match="code"):
            socket.reconnect(code)
        assert socket.ready_state is ReadyState.CONNECTING


@pytest.mark.parametrize("code", [1000, 3000, 4999])
async def test_close_codes_a_client_may_send(autojump_clock: MockClock, code: int) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        await Recorder(socket).until("open")
        socket.close(code, "x" * 123)
    assert network.last.closed_with == (code, "x" * 123)


async def test_close_reason_of_124_bytes_is_refused(autojump_clock: MockClock) -> None:
    async with socket_on(FakeNetwork()) as socket:
        with pytest.raises(ValueError, match="reason: expected at most 123 bytes"):
            socket.close(1000, "é" * 62)
        with pytest.raises(TypeError, match="reason"):
            socket.close(1000, None)
        with pytest.raises(TypeError, match="code"):
            socket.close("1000")


# Reconnect


async def test_reconnect_closes_tells_and_connects_anew(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        for number in (1, 2, 3):
            await told.until("open", number)
            network.last.deliver(str(number))
            await told.until("message", number)
            socket.reconnect(4000, "again")
            assert told.types[-1] == "close"
        await told.until("open", 4)
        assert [(event.code, event.reason) for event in told.of("close")] == [(4000, "again")] * 3
    assert network.gaps == [0, 0, 0]
    assert [transport.closed_with for transport in network.transports[:3]] == [(4000, "again")] * 3


async def test_reconnect_after_close(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        socket.close()
        socket.reconnect()
        assert socket.should_reconnect
        await told.until("open", 2)
        assert told.types == ["open", "close", "open"]


async def test_reconnect_while_waiting_does_not_wait_on(autojump_clock: MockClock) -> None:
    network = FakeNetwork(refused(), "open")
    async with socket_on(network, min_reconnection_delay=5) as socket:
        told = Recorder(socket)
        await told.until("error")
        await trio.sleep(1)
        socket.reconnect()
        await told.until("open")
    assert network.gaps == [1]


async def test_reconnect_in_the_close_listener_makes_one_attempt(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        socket.add_event_listener("close", lambda _: socket.reconnect(), once=True)
        network.last.lose()
        await told.until("open", 2)
        await trio.sleep(1000)
        assert told.types == ["open", "close", "open"]
        assert len(network.times) == 2


async def test_reconnect_in_the_close_listener_of_reconnect_makes_one_attempt(
    autojump_clock: MockClock,
) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        socket.add_event_listener("close", lambda _: socket.reconnect(), once=True)
        socket.reconnect()
        await told.until("open", 2)
        assert socket.retry_count == 0
        await trio.sleep(1000)
        assert told.types == ["open", "close", "open"]
        assert len(network.times) == 2


async def test_nothing_comes_from_the_old_connection_after_reconnect(
    autojump_clock: MockClock,
) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        old = network.last
        socket.reconnect()
        old.deliver("from the old one")
        old.lose(1011)
        await told.until("open", 2)
        await trio.sleep(1)
        assert told.types == ["open", "close", "open"]
