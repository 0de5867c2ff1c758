"""`python -m benchmarks.streams`: what a delivery to a reader of an event stream costs, beside one in a frame.

One server has two channels, one whose members read frames and one whose members read events. Each gets the same messages in
turn, so many at a time, from one member that waits for its own echo before it goes on.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Self

from benchmarks.client import HOST, READ_BYTES, REQUEST, Client, masked_text
from benchmarks.contenders import relay
from benchmarks.figures import median_ratio
from benchmarks.measure import FILES_BESIDE_CONNECTIONS
from benchmarks.process import ServerProcess, pinned_to_load_core
from benchmarks.study import Finding, Goal, Study, main
from relay.bench.usage import raise_file_limit

READERS = 1000
AT_ONCE = (1, 16)
PAYLOAD = b'"' + b"x" * 62 + b'"'
UNLIMITED = {"--message-rate": "0", "--byte-rate": "0"}
STREAM_REQUEST = "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: text/event-stream\r\n\r\n"
SILENCE_SECONDS = 0.2
ECHO_SECONDS = 10.0
GOAL = 1.1


class Crowd:
    """So many connections of one kind in one channel, read from and thrown away, and a member that sends."""

    def __init__(self, port: int, path: str, request: str) -> None:
        self._stack = ExitStack()
        self._epoll = self._stack.enter_context(select.epoll())
        self._sockets: dict[int, socket.socket] = {}
        self.received_bytes = 0
        with ExitStack() as undo:
            undo.enter_context(self._stack)
            self._sender = self._stack.enter_context(Client(port, f"{path}?echo=true"))
            for _ in range(READERS):
                self._open(port, request.format(path=path, host=HOST, port=port).encode())
                self.read(0.0)
            self.settle()
            self._delivery_bytes = self._measure_delivery()
            undo.pop_all()

    def _open(self, port: int, request: bytes) -> None:
        reader = self._stack.enter_context(socket.create_connection((HOST, port)))
        reader.sendall(request)
        reader.setblocking(False)
        self._epoll.register(reader, select.EPOLLIN)
        self._sockets[reader.fileno()] = reader

    def read(self, seconds: float) -> bool:
        """Read what is there; wait so long for some. Raises ConnectionError when a reader has been cut off."""
        ready = self._epoll.poll(seconds, READERS)
        for fileno, _ in ready:
            data = self._sockets[fileno].recv(READ_BYTES)
            if not data:
                raise ConnectionError("the server has ended a connection")
            self.received_bytes += len(data)
        return bool(ready)

    def settle(self) -> None:
        """Read until nothing comes any more."""
        while self.read(SILENCE_SECONDS) or self._sender.read_some(0.0):
            pass

    def _measure_delivery(self) -> int:
        """The bytes of one message as a reader gets it, the same for all."""
        before = self.received_bytes
        self._sender.socket.sendall(masked_text(PAYLOAD))
        self.settle()
        return (self.received_bytes - before) // READERS

    def send(self, count: int) -> None:
        """So many messages in one write; returns when all readers have them."""
        self._sender.socket.sendall(masked_text(PAYLOAD) * count)
        expected = self.received_bytes + READERS * count * self._delivery_bytes
        deadline = time.monotonic() + ECHO_SECONDS
        while self.received_bytes < expected:
            if time.monotonic() > deadline:
                raise TimeoutError("not everything that was sent has come")
            self.read(0.1)
        self._sender.read_some(0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    raise_file_limit(2 * READERS + FILES_BESIDE_CONNECTIONS)
    with (
        pinned_to_load_core(),
        ServerProcess(relay(UNLIMITED).command) as server,
        ExitStack() as stack,
    ):
        frames = stack.enter_context(Crowd(server.port, "/c/frames", REQUEST))
        events = stack.enter_context(Crowd(server.port, "/c/events", STREAM_REQUEST))
        for at_once in AT_ONCE:
            pairs = [
                (
                    microseconds_per_delivery(server, events, at_once, seconds),
                    microseconds_per_delivery(server, frames, at_once, seconds),
                )
                for _ in range(rounds)
            ]
            yield finding(at_once, pairs)


def microseconds_per_delivery(
    server: ServerProcess, crowd: Crowd, at_once: int, seconds: float
) -> float:
    """Processor time of the server, per message and reader."""
    crowd.send(at_once)
    deliveries = 0
    before = server.usage()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        crowd.send(at_once)
        deliveries += at_once * READERS
    return (server.usage() - before).ran / deliveries * 1e6


def finding(at_once: int, pairs: list[tuple[float, float]]) -> Finding:
    middle = len(pairs) // 2
    return Finding(
        f"{READERS} readers, {at_once} at once",
        {
            "events: us": sorted(events for events, _ in pairs)[middle],
            "frames: us": sorted(frames for _, frames in pairs)[middle],
            "ratio": median_ratio(pairs),
        },
        (Goal("ratio", most=GOAL),),
    )


STUDY = Study(
    "benchmarks.streams",
    "What does a delivery cost in an event stream? Server's processor time, beside the same in frames.",
    measure,
    rounds=5,
    seconds=1.0,
)

if __name__ == "__main__":
    main(STUDY)
