"""Plain requests are answered a few at a time, between the turns that move messages."""

import itertools
import socket

import pytest
import trio
import trio.testing

from relay.http import serve_connection
from relay.server import HTTP_REQUESTS_AT_ONCE

REQUEST = b"GET /health HTTP/1.1\r\nHost: relay.test\r\n\r\n"
PIPELINED = 5


@pytest.mark.parametrize("callers", [HTTP_REQUESTS_AT_ONCE - 1, HTTP_REQUESTS_AT_ONCE, 40])
async def test_no_more_than_so_many_between_two_turns(callers: int) -> None:
    """However many connections have requests to be answered, each pipelined behind the other."""
    turns = trio.CapacityLimiter(HTTP_REQUESTS_AT_ONCE)
    answered, counts = 0, [0]

    def may_stay() -> bool:
        """Asked once for each request."""
        nonlocal answered
        answered += 1
        return True

    async def serve(end: socket.socket) -> None:
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(end))
        await serve_connection(stream, REQUEST * PIPELINED, _adopt_nothing, may_stay, turns, 1.0)

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
    assert most <= 2 * HTTP_REQUESTS_AT_ONCE


def _adopt_nothing(data: bytes) -> None:
    raise AssertionError("nobody asked for an upgrade")
