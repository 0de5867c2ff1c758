"""How long a body may take, what is said before it comes, and when the connection is kept."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relay.incoming import MAX_DISCARDED_BYTES, MIN_BODY_RATE, Body
from relay.requests import Refusal, Request, Response, json_response

from .memory import LIMIT, TIMEOUT, Server, serving, split_responses

POST = b"POST / HTTP/1.1\r\nHost: relay.test\r\n%s\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LATE = TIMEOUT + 0.1
IN_TIME = TIMEOUT - 0.1


@pytest.mark.parametrize("extra", [b"Content-Length: 8\r\n", b"Transfer-Encoding: chunked\r\n"])
@pytest.mark.parametrize(("pause", "status"), [(IN_TIME, None), (LATE, 408)])
async def test_a_body_that_pauses(
    mock_clock: MockClock, extra: bytes, pause: float, status: int | None
) -> None:
    async with serving() as server:
        await server.client.send_all(POST % extra + b"4")
        await wait_all_tasks_blocked()
        mock_clock.jump(pause)
        await wait_all_tasks_blocked()
        if status is None:
            await server.client.send_all(b"\r\nabcd\r\n0\r\n\r\n")
            assert split_responses(await server.receive())[0].status == 200
        else:
            assert split_responses(await server.receive_to_end())[0].status == status


async def test_a_body_that_came_fast_and_stops(mock_clock: MockClock) -> None:
    """What it has sent buys it time to go on, and none to rest."""
    async with serving() as server:
        size = 20 * MIN_BODY_RATE
        await server.client.send_all(POST % b"Content-Length: %d\r\n" % (size + 1) + b"x" * size)
        await wait_all_tasks_blocked()
        mock_clock.jump(LATE)
        assert split_responses(await server.receive_to_end())[0].status == 408


async def test_a_body_that_drips(mock_clock: MockClock) -> None:
    """Something every second is progress, and still too slow."""
    async with serving() as server:
        await server.client.send_all(POST % b"Content-Length: 100\r\n")
        for second in range(20):
            await wait_all_tasks_blocked()
            assert trio.current_time() < LATE or second > TIMEOUT
            if second > TIMEOUT:
                break
            await server.client.send_all(b"x")
            mock_clock.jump(1.0)
        assert split_responses(await server.receive_to_end())[0].status == 408


@pytest.mark.parametrize(("rate", "status"), [(MIN_BODY_RATE, 200), (MIN_BODY_RATE // 2, 408)])
async def test_a_large_body_has_the_time_it_needs(
    mock_clock: MockClock, rate: int, status: int
) -> None:
    size = 24 * MIN_BODY_RATE
    assert size <= LIMIT
    async with serving() as server:
        await server.client.send_all(POST % b"Content-Length: %d\r\n" % size)
        for _ in range(size // rate):
            await wait_all_tasks_blocked()
            try:
                await server.client.send_all(b"x" * rate)
            except trio.BrokenResourceError:
                break
            await wait_all_tasks_blocked()
            mock_clock.jump(1.0)
        assert server.client.receive_stream is not None
        response = await server.receive()
        assert response.startswith(b"HTTP/1.1 %d " % status)


async def test_what_is_held_is_let_go_of(autojump_clock: MockClock) -> None:
    async with serving() as server:
        await server.client.send_all(POST % b"Content-Length: 9\r\n" + b"x" * 8)
        await wait_all_tasks_blocked()
        assert server.room.held_bytes == 8
        await server.receive_to_end()
        assert server.room.held_bytes == 0


async def test_continue_is_said_once_to_who_waits(autojump_clock: MockClock) -> None:
    async with serving() as server:
        await server.client.send_all(POST % b"Expect: 100-Continue\r\nContent-Length: 4\r\n")
        assert await server.receive() == CONTINUE
        await server.client.send_all(b"bo")
        await wait_all_tasks_blocked()
        await server.client.send_all(b"dy")
        assert (await server.receive()).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "head",
    [
        POST % b"Expect: 100-continue\r\nContent-Length: 4\r\n" + b"body",
        POST % b"Expect: 100-continue\r\n",
        POST % b"Expect: something\r\nContent-Length: 4\r\n",
        (POST % b"Expect: 100-continue\r\nContent-Length: 4\r\n").replace(b"1.1", b"1.0"),
        POST % b"Expect: 100-continue\r\nContent-Length: %d\r\n" % (LIMIT + 1),
        (POST % b"Expect: 100-continue\r\nContent-Length: 4\r\n").replace(b"POST", b"DELETE"),
    ],
)
async def test_continue_is_not_said(autojump_clock: MockClock, head: bytes) -> None:
    """The body is there already, or there is none, or nobody waits for the word, or it is not wanted."""
    async with serving() as server:
        await server.client.send_all(head)
        assert b"100 Continue" not in await server.receive()


@pytest.mark.parametrize(
    ("size", "stays"),
    [
        (MAX_DISCARDED_BYTES - 1, True),
        (MAX_DISCARDED_BYTES, True),
        (MAX_DISCARDED_BYTES + 1, False),
    ],
)
async def test_a_body_nobody_wants(autojump_clock: MockClock, size: int, stays: bool) -> None:
    head = (POST % b"Content-Length: %d\r\n" % size).replace(b"POST", b"DELETE")
    async with serving() as server:
        await server.client.send_all(head + b"x" * size + POST % b"")
        data = await server.receive() if not stays else b""
        while data.count(b"HTTP/1.1") < 2 and stays:
            data += await server.receive()
    assert [answer.status for answer in split_responses(data)] == ([405, 200] if stays else [405])
    assert (b"Connection: keep-alive" in data) is stays


async def test_when_there_is_no_room(autojump_clock: MockClock) -> None:
    async with serving() as server:
        server.room.grow(0, 999_990)
        await server.client.send_all(POST % b"Content-Length: 11\r\n" + b"x" * 11)
        assert (await server.receive_to_end()).startswith(b"HTTP/1.1 503")
        assert server.room.held_bytes == 999_990


async def test_no_request_follows_where_none_may_stay(autojump_clock: MockClock) -> None:
    async with serving(stays=False) as server:
        await server.client.send_all(POST % b"" * 2)
        assert (await server.receive_to_end()).count(b"HTTP/1.1") == 1


async def test_a_body_is_not_waited_for_where_none_may_stay(autojump_clock: MockClock) -> None:
    """Bodies that do not come must not take the places of all other requests."""
    for size, status in ((4, 200), (5, 503)):
        async with serving(stays=False) as server:
            await server.client.send_all(POST % b"Content-Length: %d\r\n" % size + b"body")
            assert split_responses(await server.receive_to_end())[0].status == status


async def test_a_failure_of_a_handler_lets_go_and_is_not_hidden() -> None:
    failure = RuntimeError("on purpose")

    async def fail(request: Request, body: Body) -> Response:
        await body.read(LIMIT)
        raise failure

    server = Server(fail, stays=True)
    await server.client.send_all(POST % b"Content-Length: 1\r\n" + b"x")
    await server.client.send_eof()
    await server.serve()
    assert server.faults == [failure]
    assert server.room.held_bytes == 0


async def test_a_refusal_after_the_body_keeps_the_connection(autojump_clock: MockClock) -> None:
    async def refuse(request: Request, body: Body) -> Response:
        if await body.read(LIMIT):
            raise Refusal(429, "too many")
        return json_response(None)

    async with serving(refuse) as server:
        await server.client.send_all(POST % b"Content-Length: 1\r\n" + b"x" + POST % b"")
        data = await server.receive()
        while data.count(b"HTTP/1.1") < 2:
            data += await server.receive()
    assert [answer.status for answer in split_responses(data)] == [429, 200]


async def test_an_upgrade_behind_a_body(autojump_clock: MockClock) -> None:
    upgrade = b"GET /c/x HTTP/1.1\r\nHost: relay.test\r\nUpgrade: websocket\r\n\r\n"
    async with serving() as server:
        await server.client.send_all(POST % b"Content-Length: 1\r\n" + b"x" + upgrade + b"rest")
        await server.receive_to_end()
    assert server.adopted == [upgrade + b"rest"]
