"""Plain requests are answered a few at a time, between the turns that move messages."""

import itertools
import socket

import pytest
import trio
import trio.testing

from relay.bodies import BodyRoom
from relay.http import Service, serve_connection
from relay.incoming import Body, Incoming
from relay.public import REQUESTS_AT_ONCE
from relay.requests import Request, Response

REQUEST = b"GET /health HTTP/1.1\r\nHost: relay.test\r\n\r\n"
PIPELINED = 5


@pytest.mark.parametrize("callers", [REQUESTS_AT_ONCE - 1, REQUESTS_AT_ONCE, 40])
async def test_no_more_than_so_many_between_two_turns(callers: int) -> None:
    """However many connections have requests to be answered, each pipelined behind the other."""
    turns = trio.CapacityLimiter(REQUESTS_AT_ONCE)
    answered, counts = 0, [0]

    async def answer(request: Request, body: Body) -> Response:
        nonlocal answered
        answered += 1
        return Response(204)

    async def serve(end: socket.socket) -> None:
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(end))
        incoming = Incoming(stream, REQUEST * PIPELINED, 1.0)
        service = Service(lambda: True, BodyRoom(1000), turns, (), _have_no_fault)
        await serve_connection(incoming, _adopt_nothing, answer, service)

    pairs = [socket.socketpair() for _ in range(callers)]
    async with trio.open_nursery() as nursery:
        for ours, theirs in pairs:
            theirs.shutdown(socket.SHUT_WR)
            nursery.start_soon(serve, ours)
        while answered < callers * PIPELINED:
            await trio.lowlevel.checkpoint()
            counts.append(answered)
    for _, theirs in pairs:
        theirs.close()
    # tasks of one pass run in any order, so two of their passes may lie between two looks
    most = max(after - before for before, after in itertools.pairwise(counts))
    assert most <= 2 * REQUESTS_AT_ONCE


def _have_no_fault(exc: Exception) -> None:
    raise exc


def _adopt_nothing(data: bytes) -> None:
    raise AssertionError("nobody asked for an upgrade")
