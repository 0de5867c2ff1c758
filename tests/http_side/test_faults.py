"""An answer that fails is a response with 500, and not the end of anything else."""

from __future__ import annotations

import json

import pytest
import trio

from relay.incoming import Body
from relay.requests import Request, Response, json_response

from .memory import serving, split_responses

POST = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
GET = b"GET /y HTTP/1.1\r\nHost: x\r\n\r\n"


async def fail(request: Request, body: Body) -> Response:
    if request.method == b"POST":
        await body.read(100)
        raise ValueError("a key")
    return json_response("served")


async def test_a_failed_answer_is_told_and_the_next_request_is_answered() -> None:
    async with serving(fail) as server:
        await server.client.send_all(POST + GET)
        await server.client.send_eof()
        failed, following = split_responses(await server.receive_to_end())
    assert (failed.status, json.loads(failed.body)) == (500, {"error": "internal error"})
    assert (following.status, following.body) == (200, b'"served"')
    assert [type(fault) for fault in server.faults] == [ValueError]


@pytest.mark.parametrize("error", [trio.BrokenResourceError, trio.TooSlowError])
async def test_a_broken_connection_is_no_fault(error: type[Exception]) -> None:
    async def give_up(request: Request, body: Body) -> Response:
        raise error

    async with serving(give_up) as server:
        await server.client.send_all(GET)
        assert await server.receive_to_end() == b""
    assert server.faults == []
