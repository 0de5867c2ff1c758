"""A channel whose fan-out is late gets no more, neither from its members nor from who posts: what waits is bounded."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator

import msgspec
import pytest
import trio
import trio.testing
from support.websocket import BINARY, TEXT, encode_frame

from relay import _core
from relay.admission import Admission
from relay.bodies import BodyRoom
from relay.hub import Hub
from relay.incoming import Body, Exchange, Incoming
from relay.limits import AddressLimits
from relay.protocol import envelope_prefix
from relay.publish import Publisher
from relay.requests import Refusal, parse_head
from relay.settings.config import Settings

from .house import House

READ_AHEAD = 262_144


@pytest.fixture
def reactor() -> Iterator[_core.Reactor]:
    reactor = _core.Reactor(
        lambda *_: b"", boot=b"bootboot", on_http=lambda *_: None, on_crash=lambda *_: None
    )
    yield reactor
    reactor.close()


def new_member(*, stream: bool = False) -> _core.Member:
    return _core.Member(envelope_prefix("reader", None), stream=stream)


@pytest.mark.parametrize(
    ("size", "is_late"), [(READ_AHEAD - 1, False), (READ_AHEAD, False), (READ_AHEAD + 1, True)]
)
def test_late_is_what_waits_for_the_fan_out(
    reactor: _core.Reactor, size: int, is_late: bool
) -> None:
    log = reactor.open_log(None)
    log.attach(new_member())
    log.append(b"x" * size)
    assert log.is_late is is_late
    reactor.turn()
    assert not log.is_late, "the pass has begun"


@pytest.mark.parametrize(("line_ends", "is_late"), [(20_000, False), (40_000, True)])
def test_what_waits_for_event_streams_counts(
    reactor: _core.Reactor, line_ends: int, is_late: bool
) -> None:
    """A line end takes seven bytes there."""
    log = reactor.open_log(None)
    log.attach(new_member())
    log.streams = reactor.open_log(None)
    log.streams.attach(new_member(stream=True))
    log.post(b'"date":', b"\n" * line_ends + b"1")
    assert log.backlog_bytes < READ_AHEAD
    assert log.is_late is is_late


def test_a_log_that_nobody_serves_is_never_late() -> None:
    log = _core.Log()
    log.attach(new_member())
    log.append(b"x" * READ_AHEAD * 2)
    assert not log.is_late


def test_members_are_not_read_from_while_streams_are_late() -> None:
    """Else one sender of line ends would have readers closed that are not slow at all."""
    house = House()
    try:
        house.enter()
        house.enter(stream=True)
        house.peers[0].sendall(encode_frame(TEXT, b"1"))
        house.log.post(b'"date":', b"\n" * 40_000 + b"1")
        house.reactor.turn(0.0)  # one round, which reads first
        assert house.counted("messages") == (0,)
        house.turn()
        assert house.counted("messages") == (1,)
    finally:
        house.close()


class Turns(contextlib.AbstractAsyncContextManager[None]):
    """Counts who goes one by one."""

    def __init__(self) -> None:
        self.taken = 0

    async def __aenter__(self) -> None:
        self.taken += 1

    async def __aexit__(self, *_: object) -> None:
        pass


async def never() -> None:
    raise AssertionError("nothing to wait for")


def new_publisher(
    hub: Hub, next_turn: Callable[[], Awaitable[None]], one_by_one: Turns
) -> Publisher:
    limits = AddressLimits(hub.settings)
    admission = Admission(hub.settings, limits)
    return Publisher(hub.settings, admission, limits, hub.channels, next_turn, one_by_one)


async def test_who_posts_waits_for_its_turn() -> None:
    house = House()
    house.enter()
    turns = 0

    async def next_turn() -> None:
        nonlocal turns
        turns += 1
        assert house.log.is_late
        if turns == 3:
            house.turn()

    async with trio.open_nursery() as nursery:
        hub = Hub(Settings(), nursery, lambda _: house.log)
        hub.channel(b"room")
        publisher = new_publisher(hub, next_turn, Turns())
        for expected in (0, 3):
            response = await publisher.post(a_post(b"1"))
            assert msgspec.json.decode(response.body) == {"delivered": 1}
            assert turns == expected
            house.log.append(encode_frame(BINARY, b"x" * READ_AHEAD))
        nursery.cancel_scope.cancel()
    house.close()


async def test_nobody_who_posts_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    house.enter()
    house.log.append(encode_frame(BINARY, b"x" * READ_AHEAD))
    now = 1000.0
    monkeypatch.setattr("relay.publish.time.monotonic", lambda: now)

    async def next_turn() -> None:
        nonlocal now
        now += 4.0

    async with trio.open_nursery() as nursery:
        hub = Hub(Settings(handshake_timeout=10.0), nursery, lambda _: house.log)
        hub.channel(b"room")
        with pytest.raises(Refusal) as caught:
            await new_publisher(hub, next_turn, Turns()).post(a_post(b"1"))
        assert (caught.value.status, caught.value.headers) == (503, (b"Retry-After: 1",))
        assert now == 1012.0
        nursery.cancel_scope.cancel()
    house.close()


@pytest.mark.parametrize(
    ("body", "query", "expected"),
    [
        (b'"%s"' % (b"x" * 16_381), b"", 0),
        (b'"%s"' % (b"x" * 16_382), b"", 0),
        (b'"%s"' % (b"x" * 16_383), b"", 1),
        (b"[1]", b"?batch=1", 1),
    ],
)
async def test_what_takes_time_is_looked_through_one_by_one(
    body: bytes, query: bytes, expected: int
) -> None:
    """Else many at once would keep all others waiting."""
    async with trio.open_nursery() as nursery:
        turns = Turns()
        publisher = new_publisher(Hub(Settings(), nursery, _core.Log), never, turns)
        await publisher.post(a_post(body, query))
        assert turns.taken == expected


def a_post(body: bytes, query: bytes = b"") -> Exchange:
    head = b"POST /c/room%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    request = parse_head(head % (query, len(body)))
    stream, _ = trio.testing.memory_stream_pair()
    incoming = Incoming(stream, body, 10.0)
    return Exchange(request, Body(incoming, request, BodyRoom(1 << 20), lambda: True), b"", b"")
