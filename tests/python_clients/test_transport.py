"""The transport over real sockets: against the relay, and against servers that misbehave."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import pytest
import trio
import trustme
from support.connection import LIMIT_SECONDS
from support.process import RelayProcess
from trio.testing import MockClock
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

from relay.client.transport import Closed, ConnectError, ConnectTimeout, open_transport

Serve = Callable[[trio.SocketStream], Awaitable[None]]


def url(relay: RelayProcess, path: str) -> str:
    host, port = relay.address
    return f"ws://{host}:{port}{path}"


def room(relay: RelayProcess, channel: str, options: str = "") -> str:
    return url(relay, f"/parties/main/{channel}?_pk=a{options}")


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    """A TCP server; its URL."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def refusal(target: str, **options: Any) -> ConnectError:
    with pytest.raises(ConnectError) as caught, trio.fail_after(LIMIT_SECONDS):
        async with open_transport(target, **options):
            pass
    return caught.value


# With the relay


async def test_messages_both_ways_stay_what_they_are(relay: RelayProcess, channel: str) -> None:
    async with open_transport(room(relay, channel, "&echo=1")) as transport:
        for message in ("", "é🦆", b"", b"\x00\xff" * 1000, "x" * 100_000):
            await transport.send(message)
            received = await transport.receive()
            assert (type(received), received) == (type(message), message)
        assert transport.buffered_bytes == 0
        assert transport.subprotocol == ""


async def test_many_senders_one_connection(relay: RelayProcess, channel: str) -> None:
    async with (
        open_transport(room(relay, channel, "&echo=1")) as transport,
        trio.open_nursery() as nursery,
    ):
        for number in range(200):
            nursery.start_soon(transport.send, str(number))
        received = {await transport.receive() for _ in range(200)}
    assert received == {str(number) for number in range(200)}


async def test_sixteen_mebibytes(start_relay: Callable[..., RelayProcess], channel: str) -> None:
    relay = start_relay(
        "--max-party-message", "16MiB", "--byte-rate", "0", "--backlog-limit", "64MiB"
    )
    message = os.urandom(16 * 2**20)
    async with open_transport(room(relay, channel, "&echo=1")) as transport:
        await transport.send(message)
        assert await transport.receive() == message


@pytest.mark.parametrize(("size", "fits"), [(999, True), (1000, True), (1001, False)])
async def test_max_message_bytes(relay: RelayProcess, channel: str, size: int, fits: bool) -> None:
    async with open_transport(room(relay, channel, "&echo=1"), max_message_bytes=1000) as transport:
        await transport.send(b"x" * size)
        if fits:
            assert len(await transport.receive()) == size
        else:
            with pytest.raises(Closed) as caught:
                await transport.receive()
            assert caught.value.code == 1009


async def test_close_code_of_the_relay(relay: RelayProcess, channel: str) -> None:
    async with open_transport(room(relay, channel)) as transport:
        await transport.send(b"x" * (2**20 + 1))
        with pytest.raises(Closed) as caught:
            await transport.receive()
        ended = caught.value
        assert (ended.code, ended.reason, ended.was_clean) == (1009, "message too big", True)
        with pytest.raises(Closed, match="1009"):
            await transport.send("more")


async def test_refusal_tells_status_and_the_servers_words(relay: RelayProcess) -> None:
    error = await refusal(url(relay, "/nothing"))
    assert error.status == 404
    assert str(error).startswith("the server answered 404 Not Found: there is nothing here")


async def test_headers_are_sent(start_relay: Callable[..., RelayProcess], channel: str) -> None:
    relay = start_relay()
    async with open_transport(url(relay, f"/c/{channel}"), headers={"x-join-key": "k"}):
        error = await refusal(url(relay, f"/c/{channel}"), headers={"X-Join-Key": "k-7Qx"})
        assert error.status == 403
        assert "k-7Qx" not in str(error)
        async with open_transport(url(relay, f"/c/{channel}"), headers=[("x-join-key", "k")]):
            pass


async def test_error_of_the_block_stays_as_it_is(relay: RelayProcess, channel: str) -> None:
    async def fail() -> None:
        async with open_transport(room(relay, channel)):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await fail()


async def test_cancellation_leaves_the_channel(
    relay: RelayProcess, channel: str, visit: Any
) -> None:
    witness = visit.join(channel)
    with trio.CancelScope() as scope:
        async with open_transport(url(relay, f"/c/{channel}")) as transport:
            await transport.receive()
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert [witness.receive_event()["type"] for _ in range(2)] == ["join", "leave"]


async def test_cancelled_block_closes_with_the_handshake(autojump_clock: MockClock) -> None:
    """At once, too: the reader lives until the peer's close frame has come."""
    codes: list[int] = []

    async def note_close(request: WebSocketRequest) -> None:
        connection = await request.accept()
        with pytest.raises(ConnectionClosed) as caught:
            await connection.get_message()
        codes.append(caught.value.reason.code)

    async with trio.open_nursery() as nursery:
        listening = await nursery.start(serve_websocket, note_close, "127.0.0.1", 0, None)
        with trio.move_on_after(10):
            async with open_transport(f"ws://127.0.0.1:{listening.port}/"):
                await trio.sleep_forever()
        assert trio.current_time() == 10
        nursery.cancel_scope.cancel()
    assert codes == [1000]


# With other servers


async def test_refused_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = await refusal(f"ws://127.0.0.1:{port}/")
    assert str(error) == f"cannot connect ({os.strerror(errno.ECONNREFUSED)})"
    assert error.status is None


async def test_unknown_host() -> None:
    error = await refusal("ws://no-such-host.invalid/")
    assert str(error).startswith("the host name cannot be resolved")
    assert "no-such-host" not in str(error)


@pytest.mark.parametrize(
    ("answer", "text", "status"),
    [
        (b"", "the server ended the connection during the opening handshake", None),
        (b"SSH-2.0-x\r\n", "the server does not speak HTTP", None),
        (
            b"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n<html>",
            "the server answered 502 Bad Gateway",
            502,
        ),
        (b"HTTP/1.1 299 Odd\r\ncontent-length: 0\r\n\r\n", "the server answered 299", 299),
        (
            b'HTTP/1.1 429 x\r\ncontent-length: 17\r\n\r\n{"error":"later"}',
            "the server answered 429 Too Many Requests: later",
            429,
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            "the server answered 200 OK",
            200,
        ),
        (
            b"HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-accept: wrong\r\n\r\n",
            "the server's answer is no opening handshake of a WebSocket",
            None,
        ),
    ],
)
async def test_answers_that_open_nothing(answer: bytes, text: str, status: int | None) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(answer)

    async with server(serve) as target:
        error = await refusal(target)
    assert (str(error), error.status) == (text, status)


@pytest.mark.parametrize("head", [b"content-length: 999999999", b"transfer-encoding: chunked"])
async def test_a_refusal_without_end(head: bytes) -> None:
    """It is known by its first line, and no more of it is kept than a part."""

    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        with suppress(trio.BrokenResourceError):
            await stream.send_all(b"HTTP/1.1 403 x\r\n" + head + b"\r\n\r\n")
            while True:
                await stream.send_all(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")

    async with server(serve) as target:
        error = await refusal(target, connect_timeout_seconds=LIMIT_SECONDS)
    assert (str(error), error.status) == ("the server answered 403 Forbidden", 403)


async def test_a_refusal_that_stalls(autojump_clock: MockClock) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 404 x\r\ncontent-length: 5\r\n\r\n")
        await trio.sleep_forever()

    async with server(serve) as target:
        assert (await refusal(target)).status == 404


async def test_server_that_does_not_answer(autojump_clock: MockClock) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async with server(serve) as target:
        started = trio.current_time()
        error = await refusal(target, connect_timeout_seconds=2.5)
        assert trio.current_time() - started == 2.5
    assert isinstance(error, ConnectTimeout)
    assert str(error) == "no connection within 2.5 s"


async def accept(stream: trio.SocketStream) -> None:
    """The server's half of the opening handshake."""
    from support.websocket import expected_accept

    head = await stream.receive_some()
    await stream.send_all(
        b"HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-accept: " + expected_accept(head).encode() + b"\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("frames", "code", "reason", "was_clean"),
    [
        (b"", 1006, "", False),
        (b"\x88\x00", 1005, "", True),
        (b"\x88\x02\x03\xe8", 1000, "", True),
        (b"\x88\x05\x0f\xa1bye", 4001, "bye", True),
        (b"\x83\x00", 1002, "Invalid opcode 0x3", True),
    ],
)
async def test_ends(frames: bytes, code: int, reason: str, was_clean: bool) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await accept(stream)
        await stream.send_all(b"\x81\x02hi" + frames)

    async with server(serve) as target, open_transport(target) as transport:
        assert await transport.receive() == "hi"
        with pytest.raises(Closed) as caught:
            await transport.receive()
        ended = caught.value
        assert (ended.code, ended.reason, ended.was_clean) == (code, reason, was_clean)


async def test_peer_that_falls_silent_is_given_up(autojump_clock: MockClock) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await accept(stream)
        await trio.sleep_forever()

    async with server(serve) as target, open_transport(target, ping=10) as transport:
        opened = trio.current_time()
        with pytest.raises(Closed) as caught:
            await transport.receive()
        assert (caught.value.code, caught.value.was_clean) == (1006, False)
        assert trio.current_time() - opened == 20


async def test_peer_that_does_not_answer_the_close_is_cut(autojump_clock: MockClock) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await accept(stream)
        await trio.sleep_forever()

    async with server(serve) as target:
        async with open_transport(target):
            closing_at = trio.current_time()
        assert trio.current_time() - closing_at == 1


async def echo(request: WebSocketRequest) -> None:
    connection = await request.accept(subprotocol=next(iter(request.proposed_subprotocols), None))
    try:
        while True:
            await connection.send_message(await connection.get_message())
    except ConnectionClosed:
        return


@asynccontextmanager
async def secure_server(authority: trustme.CA, name: str) -> AsyncIterator[str]:
    """An echo over TLS, with a certificate for `name`; its URL."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    async with trio.open_nursery() as nursery:
        listening = await nursery.start(serve_websocket, echo, "127.0.0.1", 0, context)
        yield f"wss://127.0.0.1:{listening.port}/"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("connect_timeout_seconds", 0, ValueError),
        ("connect_timeout_seconds", "4s", TypeError),
        ("max_message_bytes", 0, ValueError),
        ("ping", 0, ValueError),
        ("ping", True, TypeError),
    ],
)
async def test_bad_arguments(name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"^{name}: expected a number"):
        async with open_transport("ws://127.0.0.1:1/", **{name: value}):
            pass


async def test_tls_and_subprotocol() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with (
        secure_server(authority, "127.0.0.1") as target,
        open_transport(target, ssl_context=context, subprotocols=["a", "b"]) as transport,
    ):
        assert transport.subprotocol == "a"
        await transport.send(b"x" * 100_000)
        assert len(await transport.receive()) == 100_000


async def test_certificate_of_an_unknown_authority() -> None:
    async with secure_server(trustme.CA(), "127.0.0.1") as target:
        error = await refusal(target)
    assert str(error).startswith("the server's certificate is not accepted (")


async def test_certificate_of_another_host() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with secure_server(authority, "other.test") as target:
        error = await refusal(target, ssl_context=context)
    assert str(error).startswith("the server's certificate is not accepted (")


async def test_tls_to_a_server_without(relay: RelayProcess) -> None:
    error = await refusal(url(relay, "/c/x").replace("ws:", "wss:"))
    assert str(error).startswith("no TLS connection (")
