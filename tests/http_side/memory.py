"""An HTTP connection in memory, with time that passes when everybody waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

import trio
from trio.testing import MemoryReceiveStream, MemorySendStream, memory_stream_pair

from relay import http
from relay.bodies import BodyRoom
from relay.incoming import Body, Incoming
from relay.requests import ANY_ORIGIN, Refusal, Request, Response, json_response

TIMEOUT = 10.0
LIMIT = 100_000

Stream = trio.StapledStream[MemorySendStream, MemoryReceiveStream]


class Answered(NamedTuple):
    status: int
    body: bytes


async def echo(request: Request, body: Body) -> Response:
    """What the tests serve: a POST gives its body back, a DELETE is refused unread, anything else is answered unread."""
    if request.method == b"POST":
        return json_response((await body.read(LIMIT)).decode("latin-1"))
    if request.method == b"DELETE":
        raise Refusal(405, "not here")
    return json_response(request.target.decode("latin-1"))


class Server:
    """One connection that is served."""

    def __init__(self, answer: Callable[[Request, Body], Awaitable[Response]], stays: bool) -> None:
        self.client, self._served = memory_stream_pair()
        self.room = BodyRoom(1_000_000)
        self.adopted: list[bytes] = []
        self.faults: list[Exception] = []
        self._answer = answer
        self._stays = stays

    async def serve(self, data: bytes = b"") -> None:
        incoming = Incoming(self._served, data, TIMEOUT)
        await http.serve_connection(
            incoming,
            self.adopted.append,
            self._answer,
            http.Service(
                lambda: self._stays,
                self.room,
                trio.CapacityLimiter(1),
                ANY_ORIGIN,
                self.faults.append,
            ),
        )

    async def receive(self) -> bytes:
        return await self.client.receive_some()

    async def receive_to_end(self) -> bytes:
        return b"".join([data async for data in self.client])


@asynccontextmanager
async def serving(
    answer: Callable[[Request, Body], Awaitable[Response]] = echo, *, stays: bool = True
) -> AsyncIterator[Server]:
    """A connection that is over when the context is left, by itself or because the client ends it."""
    server = Server(answer, stays)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.serve)
        yield server
        await server.client.aclose()


async def answers_to(pieces: Iterable[bytes]) -> list[Answered]:
    """The final responses to what is sent in these pieces, each of which is waited for to be read, and then ended."""
    async with serving() as server:
        received = bytearray()

        async def receive() -> None:
            async for data in server.client:
                received.extend(data)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            for piece in pieces:
                try:
                    await server.client.send_all(piece)
                except trio.BrokenResourceError:
                    break
                await trio.testing.wait_all_tasks_blocked()
            await server.client.send_eof()
    assert server.room.held_bytes == 0
    return split_responses(bytes(received))


def split_responses(data: bytes) -> list[Answered]:
    """Every response in these bytes, interim ones left out; each must be whole."""
    found = []
    while data:
        head, separator, data = data.partition(b"\r\n\r\n")
        assert separator, head
        status = int(head[9:12])
        if status == 100:
            continue
        _, named, length = head.lower().partition(b"content-length: ")
        size = int(length.partition(b"\r\n")[0]) if named else 0
        assert len(data) >= size
        found.append(Answered(status, data[:size]))
        data = data[size:]
    return found
