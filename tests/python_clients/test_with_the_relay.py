"""Sockets of threads and of trio with the real relay: restarts, close codes, order, many at once, whole programs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest
import trio
from support.connection import LIMIT_SECONDS
from support.process import RelayProcess
from support.websocket import TEXT

import relay as package
from python_clients.programs import run_program
from relay.client import background, faults
from relay.client.party import PartySocket
from relay.client.reconnecting import ReadyState

FAST: dict[str, Any] = {"min_reconnection_delay": 0.01, "max_reconnection_delay": 0.05}


class Ear:
    """What a socket tells, for a thread that waits."""

    def __init__(self, socket: PartySocket) -> None:
        self._queues: dict[str, SimpleQueue[Any]] = {}
        for event_type in ("open", "message", "close", "error"):
            queue = self._queues[event_type] = SimpleQueue()
            socket.add_event_listener(event_type, queue.put)

    def hears(self, event_type: str) -> Any:
        return self._queues[event_type].get(timeout=LIMIT_SECONDS)


@pytest.fixture
def enter(relay: RelayProcess, channel: str) -> Iterator[Callable[..., tuple[PartySocket, Ear]]]:
    """Sockets of threads in one room; at the end they are closed, and nothing is left."""
    sockets: list[PartySocket] = []

    def enter(server: RelayProcess = relay, **options: Any) -> tuple[PartySocket, Ear]:
        socket = PartySocket(
            **{"host": host_of(server), "room": channel, "start_closed": True, **FAST, **options}
        )
        sockets.append(socket)
        ear = Ear(socket)
        socket.reconnect()
        return socket, ear

    yield enter
    for socket in sockets:
        socket.close()
    for thread in threading.enumerate():
        if thread.name == background.THREAD_NAME:
            thread.join(LIMIT_SECONDS)
    assert background.THREAD_NAME not in {thread.name for thread in threading.enumerate()}


def host_of(server: RelayProcess) -> str:
    host, port = server.address
    return f"{host}:{port}"


def test_package_exports_the_clients() -> None:
    assert package.PartySocket is PartySocket
    assert "ReconnectingWebSocket" in dir(package)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        package.Nothing  # noqa: B018


def test_messages_both_ways(enter: Callable[..., tuple[PartySocket, Ear]]) -> None:
    one, hears_one = enter()
    other, hears_other = enter()
    hears_one.hears("open")
    hears_other.hears("open")
    for data in ("text é🦆", b"\x00\xff", b"", ""):
        assert one.send(data)
        assert hears_other.hears("message").data == data
        assert other.send(data)
        assert hears_one.hears("message").data == data


def test_thousands_of_messages_in_order(enter: Callable[..., tuple[PartySocket, Ear]]) -> None:
    socket, ear = enter(query={"echo": True})
    for number in range(500):
        socket.send(str(number))
    ear.hears("open")
    for number in range(500, 900):
        assert socket.send(str(number))
    assert [ear.hears("message").data for _ in range(900)] == [str(n) for n in range(900)]


def test_thousands_from_a_relay_without_limits(
    enter: Callable[..., tuple[PartySocket, Ear]], start_relay: Callable[..., RelayProcess]
) -> None:
    server = start_relay("--message-rate", "0", "--byte-rate", "0")
    sender, _ = enter(server)
    _, ear = enter(server)
    ear.hears("open")
    for number in range(5000):
        sender.send(str(number))
    assert [ear.hears("message").data for _ in range(5000)] == [str(n) for n in range(5000)]


def test_restart_of_the_relay_loses_nothing_queued(
    enter: Callable[..., tuple[PartySocket, Ear]], start_relay: Callable[..., RelayProcess]
) -> None:
    server = start_relay()
    socket, ear = enter(server, query={"echo": True})
    ear.hears("open")
    assert server.stop(signal.SIGTERM) == 0
    ended = ear.hears("close")
    assert (ended.code, ended.was_clean) == (1001, True)
    for number in range(100):
        assert not socket.send(str(number))
    assert ear.hears("error").message.startswith("cannot connect (")
    start_relay("--port", str(server.address[1]))
    ear.hears("open")
    assert [ear.hears("message").data for _ in range(100)] == [str(n) for n in range(100)]


def test_kicked_with_1008(
    enter: Callable[..., tuple[PartySocket, Ear]], start_relay: Callable[..., RelayProcess]
) -> None:
    server = start_relay("--message-rate", "1", "--message-burst", "1", "--kick-after", "1")
    socket, ear = enter(server, should_reconnect_on_close=lambda event: event.code != 1008)
    ear.hears("open")
    codes: SimpleQueue[int] = SimpleQueue()
    socket.onclose = lambda event: codes.put(event.code)
    while codes.empty():  # the relay warns once a second, and kicks with the warning after
        socket.send("x")
        socket.wait(0.01)
    assert codes.get() == 1008
    assert socket.wait(LIMIT_SECONDS)


def test_too_big_with_1009(enter: Callable[..., tuple[PartySocket, Ear]]) -> None:
    socket, ear = enter(max_retries=0)
    ear.hears("open")
    socket.send(b"x" * (2**20 + 1))
    ended = ear.hears("close")
    assert (ended.code, ended.reason, ended.was_clean) == (1009, "message too big", True)


async def test_too_slow_with_1013(
    start_relay: Callable[..., RelayProcess], visit_at: Callable[..., Any], channel: str
) -> None:
    """Nobody takes the messages, so the socket reads no further, and the relay gives it up."""
    server = start_relay("--backlog-limit", "64KiB", "--byte-rate", "0", "--message-rate", "0")
    sender = visit_at(server).open(f"/parties/main/{channel}?_pk=s")
    async with PartySocket(host=host_of(server), room=channel, max_retries=0) as socket:
        opened = trio.Event()
        socket.onopen = lambda _: opened.set()
        await opened.wait()
        for _ in range(400):
            await trio.to_thread.run_sync(sender.send_frame, TEXT, b"x" * 60_000)
        closes: list[Any] = []
        socket.onclose = closes.append
        with trio.fail_after(LIMIT_SECONDS):
            async for _ in socket:
                pass
    assert [event.code for event in closes] == [1013]


def test_close_is_told_in_the_callers_thread(enter: Callable[..., tuple[PartySocket, Ear]]) -> None:
    socket, ear = enter()
    threads: list[str] = []
    ear.hears("open")
    socket.onclose = lambda _: threads.append(threading.current_thread().name)
    socket.close(4000, "bye")
    assert threads == [threading.current_thread().name]
    assert socket.ready_state is ReadyState.CLOSED


def test_callbacks_may_call_any_method(enter: Callable[..., tuple[PartySocket, Ear]]) -> None:
    socket, ear = enter(query={"echo": True})
    ear.hears("open")

    def on_message(event: Any) -> None:
        assert faults.is_background_thread()
        if event.data == "reconnect":
            socket.reconnect()
            socket.send("close")
        else:
            socket.close()

    socket.onmessage = on_message
    socket.send("reconnect")
    ear.hears("close")
    ear.hears("close")
    assert socket.wait(LIMIT_SECONDS)


def test_a_hundred_sockets_in_one_thread(enter: Callable[..., tuple[PartySocket, Ear]]) -> None:
    pairs = [enter() for _ in range(100)]
    for _, ear in pairs:
        ear.hears("open")
    names = [thread.name for thread in threading.enumerate()]
    assert names.count(background.THREAD_NAME) == 1
    pairs[0][0].send("hello")
    for _, ear in pairs[1:]:
        assert ear.hears("message").data == "hello"


def test_refusal_is_an_error_event(enter: Callable[..., tuple[PartySocket, Ear]]) -> None:
    _, ear = enter(base_path="nothing", max_retries=0)
    assert ear.hears("error").message.startswith("the server answered 404 Not Found: ")


async def test_trio_socket_runs_in_the_callers_thread(relay: RelayProcess, channel: str) -> None:
    threads: set[threading.Thread] = set()
    async with PartySocket(host=host_of(relay), room=channel, query={"echo": True}) as socket:
        socket.onopen = lambda _: threads.add(threading.current_thread())
        socket.send("first")
        async for message in socket:
            if message == "first":
                await trio.to_thread.run_sync(socket.send, "from another thread")
            else:
                await trio.to_thread.run_sync(socket.close)
    assert message == "from another thread"
    assert threads == {threading.current_thread()}


PREAMBLE = """
import sys
from relay import PartySocket
socket = PartySocket(host=sys.argv[1], room=sys.argv[2])
"""
PROGRAMS = {
    "nothing after send": "socket.send('hi')",
    "close after send": "socket.send('hi'); socket.close(); socket.reconnect()",
    "a block": "with socket:\n    opened = []\n    socket.onopen = opened.append\n    socket.send('hi')\n"
    "    while not opened: pass",
    "asyncio": "import asyncio\nasync def main():\n    socket.send('hi')\nasyncio.run(main())",
    "sys.exit in the middle": "socket.send('hi'); sys.exit(0)",
    "another thread": "import threading\nthreading.Thread(target=socket.send, args=['hi']).start()",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_lose_nothing_and_end(
    name: str, relay: RelayProcess, channel: str, visit: Any
) -> None:
    witness = visit.open(f"/parties/main/{channel}?_pk=w")
    assert run_program(PREAMBLE + PROGRAMS[name], host_of(relay), channel) == ""
    assert witness.receive() == (TEXT, b"hi")


def test_program_without_a_relay_ends() -> None:
    program = "socket.send('hi'); socket.drain_queued_messages()"
    assert run_program(PREAMBLE + program, "127.0.0.1:1", "r") == ""


def test_clients_need_no_compiled_core() -> None:
    program = """
import sys
sys.modules['relay._core'] = None
from relay import PartySocket, ReconnectingWebSocket
print(sorted(name for name in sys.modules if name in ('click', 'httptools', 'relay.server')))
"""
    assert run_program(program) == "[]\n"
