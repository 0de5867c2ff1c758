"""What is sent now, what later, and what not."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from python_clients.fake_network import FakeNetwork, refused
from python_clients.recorder import Recorder
from python_clients.sockets import socket_on


async def test_queue_is_flushed_in_order_before_the_open_listeners(
    autojump_clock: MockClock,
) -> None:
    network = FakeNetwork(refused(), "open")
    async with socket_on(network) as socket:
        told = Recorder(socket)
        socket.onopen = lambda _: socket.send("from the listener")
        assert [socket.send(data) for data in ("a", b"b", bytearray(b"c"))] == [False] * 3
        await told.until("open")
        assert socket.send("d")
        await trio.testing.wait_all_tasks_blocked()
        assert network.last.sent == ["a", b"b", b"c", "from the listener", "d"]


@pytest.mark.parametrize("limit", [0, 1, 10])
async def test_queue_takes_max_enqueued_messages(autojump_clock: MockClock, limit: int) -> None:
    network = FakeNetwork()
    async with socket_on(network, max_enqueued_messages=limit) as socket:
        for number in range(limit + 1):
            assert not socket.send(str(number))
        assert socket.buffered_amount == limit
        await Recorder(socket).until("open")
        await trio.testing.wait_all_tasks_blocked()
        assert network.last.sent == [str(number) for number in range(limit)]
        assert socket.buffered_amount == 0


async def test_buffered_amount_counts_utf16_units_and_bytes(autojump_clock: MockClock) -> None:
    async with socket_on(FakeNetwork()) as socket:
        socket.send("é🦆")
        socket.send(b"1234")
        assert socket.buffered_amount == 3 + 4


async def test_drained_messages_are_not_sent(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        socket.send("a")
        socket.send(b"b")
        assert socket.drain_queued_messages() == ["a", b"b"]
        assert socket.drain_queued_messages() == []
        await Recorder(socket).until("open")
        await trio.testing.wait_all_tasks_blocked()
        assert network.last.sent == []


async def test_send_after_close_warns_once_and_is_delivered_after_reconnect(
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        for number in (1, 2):
            await told.until("open", number)
            socket.close()
            assert not socket.send("one")
            assert not socket.send("two")
            assert len(warnings_in(caplog)) == number
            socket.reconnect()
        await told.until("open", 3)
        await trio.testing.wait_all_tasks_blocked()
        assert network.last.sent == ["one", "two"]


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if "send() after close()" in record.message]


async def test_what_a_lost_connection_did_not_take_goes_to_the_next(
    autojump_clock: MockClock,
) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        network.last.reads = False
        for number in range(3):
            assert socket.send(str(number))
        await trio.testing.wait_all_tasks_blocked()
        assert socket.buffered_amount == 2
        network.last.lose()
        await told.until("close")
        socket.send("3")
        await told.until("open", 2)
        await trio.testing.wait_all_tasks_blocked()
        assert network.last.sent == ["1", "2", "3"]


@pytest.mark.parametrize("data", [None, 1, {"a": 1}, ["a"]])
async def test_what_is_no_message_is_refused(autojump_clock: MockClock, data: Any) -> None:
    async with socket_on(FakeNetwork()) as socket:
        with pytest.raises(TypeError, match="data: expected a string or bytes"):
            socket.send(data)
        with pytest.raises(ValueError, match="data: expected text without lone surrogates"):
            socket.send("\ud800")
        assert socket.buffered_amount == 0
