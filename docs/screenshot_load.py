"""A small load for the pictures: people who chat, come and go, read slowly, flood and are refused. Bounded, on loopback."""

from __future__ import annotations

import contextlib
import math
import random
import selectors
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import trio
from support.connection import Connection
from support.member import Visitors
from support.process import RelayProcess
from support.websocket import TEXT, encode_frame, upgrade_head

from relay import open_channel

READERS: Final = {"lobby": 60, "game/7": 32, "board": 20, "cursors": 12, "news": 8, "support": 4}
STREAMS: Final = 5
SLOW_READERS: Final = {"lobby": 1, "game/7": 1, "board": 1, "cursors": 1, "news": 2}
MOST_MESSAGES_A_SECOND: Final = 24.0
TICK_SECONDS: Final = 0.25
FLOOD_EVERY_SECONDS: Final = 12.0
FLOOD_MESSAGES: Final = 60

RELAY_FLAGS: Final = (
    *("--admin", "127.0.0.1:0"),
    *("--message-rate", "100", "--message-burst", "200"),
    *("--ping-interval", "10m"),  # readers here do not answer pings
    *("--origins", "https://chat.example"),
)


class Load:
    """What happens until it is ended; everything it opened is closed then."""

    def __init__(self, relay: RelayProcess) -> None:
        self._relay = relay
        self._is_over = threading.Event()
        self._chance = random.Random(7)
        self._readable = selectors.DefaultSelector()

    @contextmanager
    def running(self) -> Iterator[None]:
        """The load, in threads of its own."""
        with ExitStack() as stack:
            visitors = stack.enter_context(Visitors(self._relay.address))
            self._fill(visitors)
            tasks: list[Callable[[], None]] = [self._read, self._chat, self._churn, self._flood]
            threads = [threading.Thread(target=task) for task in tasks]
            for thread in threads:
                thread.start()
            try:
                yield
            finally:
                self._is_over.set()
                for thread in threads:
                    thread.join()

    def _fill(self, visitors: Visitors) -> None:
        for channel, number in READERS.items():
            for _ in range(number):
                self._watch(visitors.join(channel))
        for channel, number in SLOW_READERS.items():
            for _ in range(number):
                visitors.join(channel, receive_buffer_bytes=4096)  # what comes is never read
        host, port = self._relay.address
        for _ in range(STREAMS):
            stream = visitors.connect()
            stream.send(
                f"GET /c/lobby HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: text/event-stream\r\n\r\n".encode()
            )
            self._watch(stream)

    def _watch(self, connection: Connection) -> None:
        connection.socket.setblocking(False)
        self._readable.register(connection.socket, selectors.EVENT_READ)

    def _read(self) -> None:
        """Take what comes, so that only those who are meant to be slow are."""
        while not self._is_over.is_set():
            for key, _ in self._readable.select(TICK_SECONDS):
                with contextlib.suppress(BlockingIOError):
                    if not key.fileobj.recv(1 << 18):  # type: ignore[union-attr]
                        self._readable.unregister(key.fileobj)

    def _chat(self) -> None:
        trio.run(self._chat_everywhere)

    async def _chat_everywhere(self) -> None:
        async with trio.open_nursery() as nursery:
            for place, channel in enumerate(READERS):
                nursery.start_soon(self._chat_in, channel, place)

    async def _chat_in(self, channel: str, place: int) -> None:
        """Messages come in waves, a little different in each channel."""
        host, port = self._relay.address
        async with open_channel(channel, as_="Ann", base_url=f"ws://{host}:{port}") as own:
            while not self._is_over.is_set():
                wave = 0.6 + 0.4 * math.sin(trio.current_time() / (5 + place))
                for _ in range(round(wave * MOST_MESSAGES_A_SECOND * TICK_SECONDS)):
                    await own.send({"text": "o" * self._chance.randint(40, 1600 // (1 + place))})
                await trio.sleep(TICK_SECONDS * self._chance.uniform(0.8, 1.2))

    def _churn(self) -> None:
        """Visits: most end properly, some break off, some are not let in."""
        while not self._is_over.wait(self._chance.uniform(0.1, 0.6)):
            with Visitors(self._relay.address) as visitors:
                visit = self._chance.random()
                if visit < 0.12:
                    visitors.call(
                        upgrade_head("/c/lobby", headers={"Origin": "https://elsewhere.example"})
                    ).receive_response()
                elif visit < 0.2:
                    visitors.call(upgrade_head("/c/" + "x" * 600)).receive_response()
                elif visit < 0.35:
                    visitors.join("news").reset()
                else:
                    visitors.join(self._chance.choice([*READERS])).leave()

    def _flood(self) -> None:
        """Now and then somebody sends too much, until the relay has had enough."""
        while not self._is_over.wait(FLOOD_EVERY_SECONDS):
            with Visitors(self._relay.address) as visitors, contextlib.suppress(OSError):
                flooder = visitors.join("flood")
                while not self._is_over.wait(TICK_SECONDS):
                    flooder.send(encode_frame(TEXT, b"1") * FLOOD_MESSAGES)
