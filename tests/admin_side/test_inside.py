"""The operator's listener in this process, where an answer can be made to fail or to wait."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from trio.testing import MockClock

from relay import vitals
from relay.admin.listener import FAREWELL_SECONDS, AdminListener
from relay.incoming import Exchange
from relay.listeners import open_admin_listeners
from relay.requests import Refusal, Response

GET = b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"

Answer = Callable[[Exchange], Awaitable[Response]]
Dial = Callable[[], Awaitable[trio.SocketStream]]


@asynccontextmanager
async def serving(answer: Answer, refusals: Counter[str]) -> AsyncIterator[tuple[AdminListener, Dial]]:  # fmt: skip
    [listening] = open_admin_listeners("127.0.0.1", 0)
    with listening:
        port = listening.getsockname()[1]
        listener = AdminListener(answer, refusals, lambda: 10.0, 10)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.serve, [listening])
            yield listener, partial(trio.open_tcp_stream, "127.0.0.1", port)
            nursery.cancel_scope.cancel()


async def test_an_answer_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(exchange: Exchange) -> Response:
        raise ValueError(exchange.request.headers[b"host"])

    async with serving(fail, Counter()) as (_, dial), await dial() as client:
        for _ in range(2):
            await client.send_all(GET)
            data = await client.receive_some()
            assert data.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
            assert data.endswith(b'{"error":"internal error"}')
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "a request of an operator failed and is answered with 500: ValueError" in record.message
    assert "localhost" not in record.message


async def test_refusals_are_counted_by_reason() -> None:
    async def refuse(exchange: Exchange) -> Response:
        raise Refusal(403, "no", reason="admin_origin")

    refusals: Counter[str] = Counter()
    async with serving(refuse, refusals) as (_, dial), await dial() as client:
        await client.send_all(GET)
        assert (await client.receive_some()).startswith(b"HTTP/1.1 403 ")
    assert refusals == {"admin_origin": 1}


async def test_an_answer_under_way_gets_out_before_the_end() -> None:
    is_asked, may_go_on = trio.Event(), trio.Event()
    finished: list[str] = []

    async def wait(exchange: Exchange) -> Response:
        is_asked.set()
        await may_go_on.wait()
        return Response(204)

    async with serving(wait, Counter()) as (listener, dial), await dial() as client:
        await listener.finish()  # nothing is under way yet
        await client.send_all(GET)
        await is_asked.wait()
        async with trio.open_nursery() as nursery:

            async def finish() -> None:
                await listener.finish()
                finished.append("listener")

            nursery.start_soon(finish)
            await trio.testing.wait_all_tasks_blocked()
            assert not finished
            may_go_on.set()
            assert (await client.receive_some()).startswith(b"HTTP/1.1 204 ")
        assert finished


async def test_the_end_does_not_wait_for_ever(mock_clock: MockClock) -> None:
    is_asked = trio.Event()

    async def wait(exchange: Exchange) -> Response:
        is_asked.set()
        await trio.sleep_forever()
        raise AssertionError

    async with serving(wait, Counter()) as (listener, dial), await dial() as client:
        await client.send_all(GET)
        await is_asked.wait()
        mock_clock.autojump_threshold = 0.0  # from here on nobody waits for a socket
        began = trio.current_time()
        await listener.finish()
        assert trio.current_time() - began == pytest.approx(FAREWELL_SECONDS)


def test_where_the_kernel_does_not_count_descriptors(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = tmp_path_factory.mktemp("fd") / "empty"
    empty.touch()
    monkeypatch.setattr(vitals, "_DESCRIPTORS", str(empty))
    assert vitals.open_files(17) == 17


def test_what_this_process_uses() -> None:
    assert vitals.cpu_seconds() > 0
    assert vitals.resident_bytes() > 2**20
    assert vitals.open_files(0) >= 0
