"""`relay.open_channel` in trio: sending, receiving, ends of every kind, and a receiver that does not receive."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
import trio
from support.fixtures import StartRelay, VisitAt
from support.member import Member, Visitors

import relay as client

from .heard import url_of

pytestmark = pytest.mark.usefixtures("base_url")

MEBIBYTE = 2**20


async def in_thread(function: Any, *args: Any) -> Any:
    return await trio.to_thread.run_sync(function, *args)


async def test_send_and_receive(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    async with client.open_channel(channel, as_="Ann") as made:
        join = await made.receive()
        assert isinstance(join, client.JoinEvent)
        assert (join.self_, join.total) == (True, 2)
        await made.send({"x": 1})
        await made.send("just you", witness.uid)
        witness.receive_event()
        event = await in_thread(witness.receive_event)
        assert (event["alias"], event["message"]) == ("Ann", {"x": 1})
        assert witness.receive_message() == "just you"
        witness.send_text('{"y": 2}')
        event = await made.receive()
        assert isinstance(event, client.MessageEvent)
        assert event.y == 2
    assert (await in_thread(witness.receive_event))["type"] == "leave"


async def test_iteration_ends_with_ones_own_close(channel: str) -> None:
    async with client.open_channel(channel, echo=True) as made:
        await made.send(1)
        kinds = []
        async for event in made:
            kinds.append(type(event))
            if isinstance(event, client.MessageEvent):
                await made.aclose()
    assert kinds == [client.JoinEvent, client.MessageEvent]


async def test_push(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    async with client.open_channel(channel) as made:
        await made.push("last")
        with pytest.raises(client.Closed):
            await made.send("too late")
    events = await in_thread(witness.receive_total, 1)
    assert [event.get("message", event.get("type")) for event in events] == [
        "join",
        "last",
        "leave",
    ]


async def test_listeners_run_before_the_event_is_returned(visit: Visitors, channel: str) -> None:
    heard: list[Any] = []
    async with client.open_channel(channel) as made:
        assert made.on("message", heard.append) is made
        made.on(lambda event: "x" in event, heard.append)
        made.on("close", heard.append)
        visit.join(channel).send_text('{"x": 1}')
        while not isinstance(event := await made.receive(), client.MessageEvent):
            pass
        assert heard == [event, event]
        assert made.remove("message", heard.append) is made
        await made.aclose()
        await made.wait()
        await made.wait()
    assert [type(event) for event in heard[2:]] == [client.CloseEvent]


async def test_wait_serves_listeners_until_another_task_closes(
    visit: Visitors, channel: str
) -> None:
    witness = visit.join(channel)
    async with client.open_channel(channel) as made, trio.open_nursery() as nursery:
        answered = trio.Event()
        made.on("message", lambda event: answered.set())
        nursery.start_soon(made.wait)
        witness.send_text("1")
        await answered.wait()
        await made.aclose()


async def test_the_end_of_the_relay_is_raised(start_relay: StartRelay, channel: str) -> None:
    server = start_relay("--drain-time", "0")
    async with client.open_channel(channel, base_url=url_of(server)) as made:
        await made.receive()
        await in_thread(server.stop)
        with pytest.raises(client.Closed) as caught:
            async for _ in made:
                pass
        assert (caught.value.code, caught.value.was_clean) == (1001, True)
        with pytest.raises(client.Closed):
            await made.wait()
        with pytest.raises(client.Closed):
            await made.send(1)


async def test_a_kick_is_raised(start_relay: StartRelay, channel: str) -> None:
    flags = ("--message-rate", "1", "--message-burst", "1", "--kick-after", "1")
    base_url = url_of(start_relay(*flags))
    async with client.open_channel(channel, base_url=base_url) as made:
        await made.receive()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_until_closed, made)
            with pytest.raises(client.Closed) as caught:
                await made.wait()
        assert caught.value.code == 1008


async def send_until_closed(made: client.TrioChannel) -> None:
    with suppress(client.Closed):
        while True:
            await made.send("again")


async def test_refusals(start_relay: StartRelay, namespace_file: str) -> None:
    base_url = url_of(start_relay("--config", namespace_file))
    with pytest.raises(client.ConnectError, match="403") as caught:
        async with client.open_channel("zq7:room", base_url=base_url, join_key="wrong"):
            pytest.fail("let in")
    assert caught.value.status == 403
    assert "wrong" not in str(caught.value).replace("missing or wrong", "")
    async with client.open_channel("zq7:room", base_url=base_url, join_key="come in") as made:
        assert isinstance(await made.receive(), client.JoinEvent)


async def test_cancellation_closes_cleanly(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    with trio.CancelScope() as scope:
        async with client.open_channel(channel) as made:
            async for _ in made:
                scope.cancel()
    assert scope.cancelled_caught
    events = await in_thread(witness.receive_total, 1)
    assert [event["type"] for event in events] == ["join", "leave"]


async def test_an_error_in_the_block_is_raised_as_it_is(channel: str) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with client.open_channel(channel):
            raise KeyError("mine")


@pytest.mark.parametrize("message", [b"x", bytearray(b"x"), object()])
async def test_what_cannot_be_sent_ends_nothing(channel: str, message: object) -> None:
    async with client.open_channel(channel, echo=True) as made:
        with pytest.raises(TypeError, match=r"^message: expected"):
            await made.send(message)
        await made.send("still open")
        events = [await made.receive(), await made.receive()]
        assert isinstance(events[1], client.MessageEvent)


async def test_who_does_not_receive_reads_nothing(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    """64 MiB go to a channel whose member receives none of it: it is the relay that skips, so this side has not read ahead."""
    limits = ("--message-rate", "0", "--byte-rate", "0", "--backlog-limit", "256KiB")
    server = start_relay(*limits, "--slow-consumer", "drop")
    loud = visit_at(server).join(channel)
    async with client.open_channel(channel, base_url=url_of(server)) as made:
        await made.receive()
        await in_thread(flood, loud, 64 * MEBIBYTE)
        received, missed = 0, 0
        async for event in made:
            if isinstance(event, client.GapEvent):
                missed += event.missed or 0
            if isinstance(event, client.MessageEvent):
                received += 1
                if event.message == "over":
                    break
    assert missed > 0
    assert received + missed == 64 * MEBIBYTE // 65536 + 1


def flood(member: Member, count_bytes: int) -> None:
    """Send so much in messages of 64 KiB, and one that says that it is over, when the relay has taken all."""
    payload = '"' + "x" * 65534 + '"'
    for _ in range(count_bytes // 65536):
        member.send_text(payload)
    member.send_text('"over"')
    member.settle_by_ping()


async def test_two_channels_in_one_nursery(channel: str) -> None:
    async with (
        client.open_channel(channel) as first,
        client.open_channel(channel) as second,
    ):
        for i in range(100):
            await first.send(i)
        numbers: list[Any] = []
        async for event in second:
            if isinstance(event, client.MessageEvent):
                numbers.append(event.message)
                if event.message == 99:
                    break
    assert numbers == [*range(100)]
