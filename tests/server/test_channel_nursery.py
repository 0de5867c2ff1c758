"""What a channel does over time, in its own nursery: on trio's clock, without a socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from relay import _core
from relay.channel import CLOSE_TIMEOUT_SECONDS, MERGE_INTERVAL_SECONDS, Channel
from relay.hub import Hub
from relay.protocol import CloseCode, envelope_prefix
from relay.settings.config import Settings


@asynccontextmanager
async def open_hub(**settings: Any) -> AsyncIterator[Hub]:
    async with trio.open_nursery() as nursery:
        yield Hub(Settings(**settings), nursery, _core.Log)
        nursery.cancel_scope.cancel()


def enter(channel: Channel, uid: str, alias: str | None = None, **options: bool) -> _core.Member:
    member = _core.Member(envelope_prefix(uid, alias), **options)
    channel.join(member, b"")
    return member


def taken(member: _core.Member) -> list[dict[str, Any]]:
    """The events that wait for a member; they count as sent from here on."""
    data = b"".join(member.gather())
    member.advance(len(data))
    events = []
    while data:
        assert data[0] == 0x81
        start, length = (4, int.from_bytes(data[2:4])) if data[1] == 126 else (2, data[1])
        events.append(msgspec.json.decode(data[start : start + length]))
        data = data[start + length :]
    return events


def close_code(member: _core.Member) -> int:
    [frame] = member.gather()
    assert frame[0] == 0x88
    return int.from_bytes(frame[2:4])


@pytest.mark.parametrize("members", [2, 3], ids=["below", "at"])
async def test_up_to_the_limit_every_join_is_told(
    members: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_hub(presence_limit=3) as hub:
        channel = hub.channel(b"room")
        first = enter(channel, "first0")
        for i in range(members - 1):
            enter(channel, f"other{i}")
        assert [event["total"] for event in taken(first)] == list(range(1, members + 1))


async def test_above_the_limit_joins_are_merged(autojump_clock: trio.testing.MockClock) -> None:
    async with open_hub(presence_limit=3) as hub:
        channel = hub.channel(b"room")
        first = enter(channel, "first0")
        others = [enter(channel, f"other{i}") for i in range(99)]
        await trio.testing.wait_all_tasks_blocked()
        # those up to the limit one by one, then at once one event with the newest count
        assert [event["total"] for event in taken(first)] == [1, 2, 3, 100]
        for other in others[50:]:
            other.abort()
        await trio.testing.wait_all_tasks_blocked()
        assert taken(first) == []
        await trio.sleep(MERGE_INTERVAL_SECONDS)
        await trio.testing.wait_all_tasks_blocked()
        [event] = taken(first)
        assert (event["type"], event["users"], event["total"]) == ("leave", 51, 51)


async def test_merging_comes_to_rest_and_begins_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_hub(presence_limit=0) as hub:
        channel = hub.channel(b"room")
        first = enter(channel, "first0")
        for i in range(3):
            enter(channel, f"other{i}")
            await trio.sleep(MERGE_INTERVAL_SECONDS * 5)
            assert [event["total"] for event in taken(first)][-1] == i + 2


async def test_announced_ones_are_never_merged(autojump_clock: trio.testing.MockClock) -> None:
    async with open_hub(presence_limit=1) as hub:
        channel = hub.channel(b"room")
        first = enter(channel, "first0")
        for i in range(20):
            enter(channel, f"guest{i:02}", announce=True)
        assert [event["uid"] for event in taken(first)] == [
            "first0",
            *(f"guest{i:02}" for i in range(20)),
        ]


@pytest.mark.parametrize(("presence", "told"), [("all", 9), ("off", 0)])
async def test_presence_all_and_off(
    presence: str, told: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_hub(presence=presence, presence_limit=1) as hub:
        channel = hub.channel(b"room")
        first = enter(channel, "first0")
        for i in range(9):
            enter(channel, f"other{i}")
        await trio.sleep(MERGE_INTERVAL_SECONDS * 2)
        assert len(taken(first)) == 1 + told


async def test_a_channel_ends_with_its_last_member(autojump_clock: trio.testing.MockClock) -> None:
    async with open_hub() as hub:
        channel = hub.channel(b"room")
        members = [enter(channel, f"uid{i:03}") for i in range(3)]
        await trio.testing.wait_all_tasks_blocked()
        tasks = trio.lowlevel.current_statistics().tasks_living
        for member in members:
            assert hub.channels
            member.abort()
        assert not hub.channels
        await trio.testing.wait_all_tasks_blocked()
        assert trio.lowlevel.current_statistics().tasks_living == tasks - 1


async def test_a_channel_that_ends_before_its_nursery_opened(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_hub() as hub:
        before = trio.lowlevel.current_statistics().tasks_living
        enter(hub.channel(b"room"), "first0").abort()
        await trio.testing.wait_all_tasks_blocked()
        assert not hub.channels
        assert trio.lowlevel.current_statistics().tasks_living == before


async def test_a_name_is_free_as_soon_as_the_last_has_left(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Also while the old channel still waits for a closing handshake."""
    async with open_hub() as hub:
        old = hub.channel(b"room")
        enter(old, "first0").close(CloseCode.GOING_AWAY)
        assert not hub.channels
        new = hub.channel(b"room")
        assert new is not old
        assert taken(enter(new, "second"))[0]["total"] == 1
        await trio.sleep(CLOSE_TIMEOUT_SECONDS * 2)
        assert hub.channels == {b"room": new}


async def test_a_closing_handshake_has_its_time_and_no_more(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_hub() as hub:
        channel = hub.channel(b"room")
        staying, going = enter(channel, "stays0"), enter(channel, "leaves")
        going.close(CloseCode.GOING_AWAY)
        await trio.sleep(CLOSE_TIMEOUT_SECONDS * 0.9)
        assert close_code(going) == CloseCode.GOING_AWAY
        await trio.sleep(CLOSE_TIMEOUT_SECONDS * 0.2)
        assert not going.is_behind
        assert [event["type"] for event in taken(staying)] == ["join", "join", "leave"]


async def test_a_crash_ends_its_channel_alone(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise RuntimeError("".join(reversed("moob")))

    async with open_hub() as hub:
        broken, sound = hub.channel(b"broken"), hub.channel(b"sound")
        victims = [enter(broken, f"uid{i:03}") for i in range(2)]
        bystander = enter(sound, "beside")
        await trio.testing.wait_all_tasks_blocked()
        broken._start(fail)
        await trio.testing.wait_all_tasks_blocked()
        assert [close_code(member) for member in victims] == [CloseCode.INTERNAL_ERROR] * 2
        assert hub.channels == {b"sound": sound}
        assert len(caplog.records) == 1
        assert "RuntimeError" in caplog.text
        assert "boom" not in caplog.text
        enter(sound, "newcomer")
        assert [event["total"] for event in taken(bystander)] == [1, 2]
        await trio.sleep(CLOSE_TIMEOUT_SECONDS * 1.1)
        assert not any(member.is_behind for member in victims)


async def test_a_crash_before_the_nursery_opened(autojump_clock: trio.testing.MockClock) -> None:
    async with open_hub() as hub:
        before = trio.lowlevel.current_statistics().tasks_living
        channel = hub.channel(b"room")
        member = enter(channel, "first0")
        channel.crash(RuntimeError())
        assert close_code(member) == CloseCode.INTERNAL_ERROR
        await trio.sleep(CLOSE_TIMEOUT_SECONDS * 1.1)
        assert not member.is_behind
        assert trio.lowlevel.current_statistics().tasks_living == before
