"""Event streams over time: slow readers, silence, limits, the end of the server."""

from __future__ import annotations

import re
import signal
import socket

import msgspec
import pytest
import trio
import trio.testing
from support.fixtures import StartRelay, VisitAt
from support.member import Bystanders, Event, Visitors
from support.process import UNLIMITED_BYTES, flags_if_known
from support.stream import StreamReader
from support.websocket import PING, PONG

from relay import _core
from relay.hub import COMMENT_INTERVAL_SECONDS, Hub
from relay.protocol import CloseCode, envelope_prefix
from relay.settings.config import Settings

KIBIBYTE = 1 << 10
BACKLOG = 256 * KIBIBYTE
FILL = "x" * 5000
TINY_BUFFER = 4096
MOST = 3200  # far more than the kernel's buffers and the backlog take
UNLIMITED = ("--message-rate", "0", *flags_if_known(UNLIMITED_BYTES))
BOUNDED = ("--backlog-limit", str(BACKLOG), *UNLIMITED)


def test_a_slow_reader_is_closed(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    server = start_relay(*BOUNDED)
    visit = visit_at(server)
    talker, witness = visit.join(channel), visit.stream(f"/c/{channel}")
    slow = visit.stream(f"/c/{channel}", receive_buffer_bytes=TINY_BUFFER)
    witness.receive_json()
    memory = server.memory_bytes()
    for number in range(MOST):
        talker.send_text(f'[{number},"{FILL}"]')
        event = witness.receive_json()
        if event.get("type") == "leave":
            break
        assert event["message"][0] == number
    else:
        raise AssertionError("the slow reader is still there")
    assert server.memory_bytes() - memory <= BACKLOG * 2 + (2 << 20)
    rest = slow.receive_to_end()
    numbers = [int(n) for n in re.findall(rb'"message":\[(\d+),', rest)]
    assert numbers == list(range(len(numbers)))
    assert rest.endswith(b'event: close\ndata: {"code":1013,"reason":"slow consumer"}\n\n')


def test_a_slow_reader_that_is_spared_is_told_of_the_gap(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    visit = visit_at(start_relay("--slow-consumer", "drop", *BOUNDED))
    talker, witness = visit.join(channel), visit.stream(f"/c/{channel}")
    slow = visit.stream(f"/c/{channel}", receive_buffer_bytes=TINY_BUFFER)
    witness.receive_json()
    for number in range(MOST):
        talker.send_text(f'[{number},"{FILL}"]')
        assert witness.receive_message()[0] == number
    expected = missed = 0
    while expected < MOST:
        event = slow.receive_json()
        if event.get("type") == "gap":
            expected += event["missed"]
            missed += event["missed"]
        else:
            assert event["message"][0] == expected
            expected += 1
    assert missed > 0


def test_the_end_of_the_server(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    server = start_relay("--drain-time", "0")
    reader = visit_at(server).stream(f"/c/{channel}")
    server.send_signal(signal.SIGTERM)
    assert reader.receive_close() == (1001, "the server is shutting down")
    reader.close()
    assert server.wait() == 0


def test_pings_and_silence_are_not_for_streams(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    visit = visit_at(start_relay("--ping-interval", "0.5"))
    reader, member = visit.stream(f"/c/{channel}"), visit.join(channel)
    assert reader.receive_json()["type"] == "join"
    for _ in range(5):  # by the fifth, two intervals have passed
        frame = member.receive_frame()
        assert frame.opcode == PING
        member.send_frame(PONG, frame.payload)
    member.send_text("1")
    assert reader.receive_message() == 1


def test_places_per_address(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    visit = visit_at(start_relay("--limit-loopback", "--max-connections-per-ip", "2"))
    first, member = visit.stream(f"/c/{channel}"), visit.join(channel)
    assert first.receive_json()["total"] == 2
    refused = visit.keep(StreamReader(visit.address))
    refused.open(f"/c/{channel}")
    assert refused.status == 429
    first.close()
    member.receive_total(1)
    assert visit.stream(f"/c/{channel}").joined["total"] == 2


def test_origins(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    visit = visit_at(start_relay("--origins", "https://example.org"))
    refused = visit.keep(StreamReader(visit.address))
    refused.open(f"/c/{channel}", "Origin: https://evil.example")
    assert refused.status == 403
    assert visit.stream(f"/c/{channel}", "Origin: https://example.org").joined["total"] == 1


def test_a_flood_on_a_stream_ends_it(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    visit = visit_at(start_relay("--byte-rate", "1", "--byte-burst", "102400"))
    member, reader = visit.join(channel), visit.stream(f"/c/{channel}")
    member.receive_total(2)
    reader.send(b"x" * 102_400)
    member.send_text('"at the burst"')
    assert reader.receive_message() == "at the burst"
    reader.send(b"x" * 10)
    assert member.receive_event()["type"] == "leave"


def test_a_flood_on_a_stream_in_a_dry_run(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    dry_run = ("--limits", "dry-run", "--byte-rate", "1", "--byte-burst", "102400")
    visit = visit_at(start_relay(*dry_run))
    member, reader = visit.join(channel), visit.stream(f"/c/{channel}")
    member.receive_total(2)
    reader.send(b"x" * 1_000_000)
    visit.join(channel).leave()  # by now the relay has read some of it
    assert [event["type"] for event in (member.receive_total(2))] == ["join", "leave"]
    member.send_text('"still here"')
    assert [reader.receive_json()["type"] for _ in range(2)] == ["join", "leave"]
    assert reader.receive_message() == "still here"


def events_in(data: bytes) -> list[Event]:
    return [msgspec.json.decode(part[6:]) for part in data.split(b"\n\n") if part[:1] == b"d"]


def enter(hub: Hub, uid: str, **options: bool) -> _core.Member:
    member = _core.Member(envelope_prefix(uid, None), stream=True, **options)
    hub.channel(b"room").join(member, b"")
    return member


def taken(member: _core.Member) -> bytes:
    data = b"".join(member.gather())
    member.advance(len(data))
    return data


async def test_a_comment_now_and_then(autojump_clock: trio.testing.MockClock) -> None:
    async with trio.open_nursery() as nursery:
        hub = Hub(Settings(), nursery, _core.Log)
        nursery.start_soon(hub.keep_streams_alive)
        reader = enter(hub, "reader")
        assert [event["total"] for event in events_in(taken(reader))] == [1]
        for _ in range(3):
            assert taken(reader) == b""
            await trio.sleep(COMMENT_INTERVAL_SECONDS)
            await trio.testing.wait_all_tasks_blocked()
            assert taken(reader) == b":\n\n"
        reader.abort()
        await trio.testing.wait_all_tasks_blocked()
        assert not hub.channels
        await trio.sleep(COMMENT_INTERVAL_SECONDS)
        nursery.cancel_scope.cancel()


async def test_a_channel_whose_streams_fail_ends_alone(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trio.open_nursery() as nursery:
        hub = Hub(Settings(), nursery, _core.Log)
        nursery.start_soon(hub.keep_streams_alive)
        reader, other = (
            enter(hub, "reader"),
            _core.Member(envelope_prefix("other", None), stream=True),
        )
        hub.channel(b"other room").join(other, b"")
        taken(reader)
        taken(other)
        monkeypatch.setattr(hub.channels[b"room"], "keep_streams_alive", lambda: 1 // 0)
        for last_word in (b'"code":1011', b""):
            await trio.sleep(COMMENT_INTERVAL_SECONDS)
            await trio.testing.wait_all_tasks_blocked()
            assert taken(other) == b":\n\n"
            assert last_word in taken(reader)
        assert list(hub.channels) == [b"other room"]
        nursery.cancel_scope.cancel()


async def test_a_channel_is_closed_for_its_readers_too(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with trio.open_nursery() as nursery:
        hub = Hub(Settings(), nursery, _core.Log)
        readers = [enter(hub, f"reader{i}") for i in range(3)]
        for reader in readers:
            taken(reader)
        await hub.close_members(CloseCode.GOING_AWAY, "bye")
        for reader in readers:
            assert taken(reader).endswith(b'event: close\ndata: {"code":1001,"reason":"bye"}\n\n')
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("ping_interval", "milliseconds"), [(25.0, 50_000), (0.0, 0)])
def test_the_kernel_finds_dead_readers(ping_interval: float, milliseconds: int) -> None:
    """They answer nothing, so what they do not acknowledge for as long as others may be silent ends them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        members: list[_core.Member] = []

        def admit(head: bytes, peer: bytes, source: bytes) -> _core.Member:
            member = _core.Member(envelope_prefix("reader", None), stream=True)
            log.attach(member)
            member.enqueue(b"HTTP/1.1 200 OK\r\n\r\n")
            members.append(member)
            return member

        reactor = _core.Reactor(
            admit,
            boot=b"bootboot",
            on_http=lambda *_: None,
            on_crash=lambda *_: None,
            ping_interval_seconds=ping_interval,
        )
        log = reactor.open_log(None)
        reactor.add_listener(listener.fileno())
        with socket.create_connection(listener.getsockname()) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while not members:
                reactor.turn()
            with socket.socket(fileno=socket.dup(members[0].fileno)) as served:
                option = served.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert option == milliseconds
        reactor.close()


def test_others_do_not_notice(visit: Visitors, channel: str, bystanders: Bystanders) -> None:
    """A reader that is reset in the middle of what it is sent."""
    talker = visit.join(channel)
    for _ in range(20):
        reader = visit.stream(f"/c/{channel}", receive_buffer_bytes=TINY_BUFFER)
        talker.send_text(f'"{FILL}"')
        reader.reset()
        reader.close()
        bystanders.exchange()
