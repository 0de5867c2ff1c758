"""The generator's opening and closing handshakes, pings, and the arguments it refuses."""

from __future__ import annotations

import signal
import socket
from typing import Any

import pytest

from relay._load import Generator

from .fake_server import PING, FakeServer, close_frame, frame

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n"


def test_the_request_is_a_proper_opening_handshake() -> None:
    with FakeServer() as server:
        generator = Generator(server.port, channels=2, members=2, path="/c/b{channel}?as=m{member}")
        report = generator.connect(10)
        generator.close()
    assert report.opened == report.latency.samples == 4
    lines = sorted(head.split(b"\r\n")[0] for head in server.requests)
    assert lines == [b"GET /c/b%d?as=m%d HTTP/1.1" % (i // 2, i) for i in range(4)]
    for head in server.requests:
        assert b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" in head
        assert b"\r\nHost: 127.0.0.1:%d\r\n" % server.port in head
        assert b"\r\nSec-WebSocket-Version: 13\r\n" in head


def test_another_loopback_address() -> None:
    with FakeServer(host="127.0.0.2") as server:
        generator = Generator(server.port, host="127.0.0.2", members=1)
        assert generator.connect(10).opened == 1
        assert generator.hold(0.01).delivered == 0
        generator.close()


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 429 Too Many Requests\r\n\r\n", "HTTP 429"),
        (b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n", "HTTP 503"),
        (
            SWITCHING + b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            "answered 101 without the right Sec-WebSocket-Accept",
        ),
        (SWITCHING + b"\r\n", "answered 101 without the right Sec-WebSocket-Accept"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "answered with what is no HTTP"),
        (b"x" * 9_000, "sent 8192 bytes of headers without an end"),
        (b"", "closed by the server before it had answered"),
        (b"HTTP/1.1 101 Swi", "closed by the server before it had answered"),
    ],
)
def test_a_wrong_answer_is_told(answer: bytes, text: str) -> None:
    with FakeServer(answer=answer) as server:
        generator = Generator(server.port, members=2)
        with pytest.raises(
            ConnectionError, match=rf"of 2 connections failed to open: [12] (with )?{text}$"
        ):
            generator.connect(10)
        generator.close()


def test_a_reset_is_told() -> None:
    with FakeServer(resets=True) as server:
        generator = Generator(server.port, members=2)
        with pytest.raises(ConnectionError, match=r"failed to open: [12] with connection reset by"):
            generator.connect(10)


def test_nobody_listens() -> None:
    with FakeServer() as server:
        port = server.port
    with pytest.raises(ConnectionError, match=r"failed to open: \d+ with connection refused$"):
        Generator(port).connect(10)


def test_an_answer_that_does_not_come_in_time() -> None:
    told = r"^0 of 3 connections opened in time: 3 were not answered$"
    with FakeServer(is_mute=True) as server, pytest.raises(TimeoutError, match=told):
        Generator(server.port, members=3).connect(0.05)


def test_a_connection_that_is_not_accepted_in_time() -> None:
    """Its listener's queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        generator = Generator(listener.getsockname()[1], members=8)
        with pytest.raises(
            TimeoutError, match=r"^0 of 8 .*: \d were not accepted, \d (was|were) not"
        ):
            generator.connect(0.1)


def test_what_follows_the_answer_is_read() -> None:
    """The answer, a ping and the end of a connection in one piece."""
    with FakeServer(greeting=frame(PING, b"hi") + close_frame(4321)) as server:
        generator = Generator(server.port, members=3)
        assert generator.connect(10).latency.samples == 3
        assert generator.close().close_codes == {4321: 3}


@pytest.mark.parametrize("payload", [b"", b"ping", b"x" * 125])
def test_pings_are_answered(payload: bytes) -> None:
    with FakeServer(greeting=frame(PING, payload)) as server:
        generator = Generator(server.port, members=3)
        generator.connect(10)
        generator.hold(0.02)
        generator.close()
    assert server.pongs == [payload] * 3


TOO_LONG = "frame of more than 65590 bytes"


@pytest.mark.parametrize(
    ("greeting", "fault"),
    [
        (b"\x81\x85abcdhello", "masked frame"),
        (b"\x81\x7f\x00\x00\x00\x00\x01\x00\x00\x00", TOO_LONG),
        (b"\x81\x7f" + b"\xff" * 8, TOO_LONG),
        (frame(2, b"x" * 65_591), TOO_LONG),
    ],
)
@pytest.mark.parametrize("stalled", [0, 2])
def test_a_malformed_frame_is_a_fault_and_no_close_code(
    greeting: bytes, fault: str, stalled: int
) -> None:
    """The server has not closed it: the generator has."""
    with FakeServer(greeting=greeting) as server:
        generator = Generator(server.port, members=2, stalled=stalled)
        generator.connect(10)
        if generator.open_connections:
            report = generator.hold(0.02)
            assert (report.dropped, report.close_codes) == (0, {})
        closing = generator.close()
    assert (closing.close_codes, closing.stalled.close_codes) == ({}, {})
    assert closing.faults == {fault: 2 + stalled}


def test_the_largest_frame_is_none() -> None:
    with FakeServer(greeting=frame(2, b"x" * 65_590)) as server:
        generator = Generator(server.port, members=2)
        generator.connect(10)
        assert generator.open_connections == 2
        assert generator.close().faults == {}


def test_close_codes_without_a_code_and_without_a_frame() -> None:
    with FakeServer(greeting=b"\x88\x00") as server:
        generator = Generator(server.port, members=2)
        generator.connect(10)
        assert generator.close().close_codes == {1005: 2}
    with FakeServer() as server:
        generator = Generator(server.port, members=2)
        generator.connect(10)
        assert generator.close(0).close_codes == {1006: 2}


LIMITS = [
    ("port", 1, 65_535, {}),
    ("channels", 1, 1_000_000, {"members": 1, "in_flight": 1}),
    ("members", 1, 99_999, {"in_flight": 1}),
    ("senders", 1, 5, {"members": 5}),
    ("in_flight", 1, 99_999, {"members": 2}),
    ("visitors", 0, 10_000, {"members": 2}),
    ("stalled", 0, 10_000, {"members": 2}),
    ("receive_buffer_bytes", 1024, 4_194_304, {"members": 2}),
    ("payload_bytes", 61, 1_048_576, {"members": 2}),
    ("handshakes_in_flight", 1, 4096, {}),
    ("loss_timeout_seconds", 0.001, 600, {}),
]


@pytest.mark.parametrize(("name", "lowest", "highest", "others"), LIMITS)
def test_each_limit_below_at_and_above(
    name: str, lowest: float, highest: float, others: dict[str, Any]
) -> None:
    base = {"port": 1, **others}
    for value in (lowest, highest):
        Generator(**{**base, name: value})
    for value in (lowest - 1, highest + 1):
        with pytest.raises(ValueError, match=f"^{name}: "):
            Generator(**{**base, name: value})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("channels", {"channels": 100_000, "members": 11}),
        ("in_flight", {"channels": 1_000, "in_flight": 4_001}),
        ("senders", {"members": 8_001, "senders": 8_001}),
        ("path", {"path": "c/{channel}"}),
        ("path", {"path": "/c/x y"}),
        ("path", {"path": "/c/x\r\nHost: y"}),
        ("path", {"path": "/c/日本"}),
        ("path", {"path": "/c/" + "x" * 2046}),
        ("path", {"path": "/c/same", "channels": 2}),
    ],
)
def test_arguments_that_do_not_go_together(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        Generator(1, **arguments)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"channels": 11, "members": 99_999},
            "channels: must be from 1 to 10 with 99999 members each, 1000000 in all, not 11",
        ),
        (
            {"members": 1, "senders": 2},
            "senders: must be from 1 to 1 in a channel of 1 member, not 2",
        ),
        (
            {"channels": 1_000, "in_flight": 4_001},
            "in_flight: must be from 1 to 4000 in each of 1000 channels, 4000000 in all, not 4001",
        ),
        (
            {"members": 8_001, "senders": 8_000},
            "senders: must be from 1 to 7999 with 1 x 8001 members, for the books of 64000000 pairs",
        ),
    ],
)
def test_a_bound_that_comes_from_other_arguments_names_them(
    arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValueError, match=f"^{text}"):
        Generator(1, **arguments)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "0.0.0.0", "192.0.2.7", "128.0.0.1", "::1", "localhost", "example.org", ""]
)
def test_only_loopback_is_loaded(host: str) -> None:
    with pytest.raises(ValueError, match=r"^host: only loopback"):
        Generator(1, host=host)


def test_the_order_of_calls() -> None:
    with FakeServer() as server:
        generator = Generator(server.port, members=1)
        for call in (generator.run, generator.hold):
            with pytest.raises(RuntimeError, match="connect first"):
                call(0.01)
        generator.connect(10)
        with pytest.raises(RuntimeError, match="once"):
            generator.connect(10)
        with pytest.raises(RuntimeError, match="nobody to deliver to"):
            generator.run(0.01)
        generator.close()
        with pytest.raises(RuntimeError, match="connect first"):
            generator.hold(0.01)


@pytest.mark.parametrize("seconds", [-0.1, 3600.1, float("nan")])
def test_times_are_bounded(seconds: float) -> None:
    with FakeServer() as server:
        generator = Generator(server.port, members=2)
        with pytest.raises(ValueError, match=r"^timeout_seconds: "):
            generator.connect(seconds)
        generator.connect(10)
        for call in (generator.run, generator.hold):
            with pytest.raises(ValueError, match=r"^seconds: "):
                call(seconds)
        with pytest.raises(ValueError, match=r"^timeout_seconds: "):
            generator.close(seconds)
        generator.close()


class StopHereError(Exception):
    pass


def test_a_signal_interrupts() -> None:
    def interrupt(*_: object) -> None:
        raise StopHereError

    with FakeServer() as server:
        generator = Generator(server.port, members=2)
        generator.connect(10)
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(StopHereError):
                generator.run(30)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert generator.hold(0.05).sent == 0
        assert generator.run(0.05).stale <= 8  # what was under way
        generator.close()
