"""A channel and a connection that have ended leave no cycle behind: full collections are rare."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relay import cycles
from relay._core import Log, Member, Reactor
from relay.channel import CLOSE_TIMEOUT_SECONDS, Channel
from relay.cycles import FEW_CHANNELS, INTERVAL_SECONDS, collect_rarely
from relay.hub import Hub
from relay.settings.config import Settings

PREFIX = b'"uid":"u","date":'


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def garbage() -> list[type]:
    """Kinds of the relay's own objects that only a collection finds."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return [type(each) for each in gc.garbage if isinstance(each, Channel | Log | Member)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("stream", [False, True])
async def test_a_channel_that_has_ended(stream: bool) -> None:
    reactor = Reactor(lambda *_: None, boot=b"bootboot", on_http=lambda *_: None, on_crash=print)
    async with trio.open_nursery() as nursery:
        hub = Hub(Settings(), nursery, reactor.open_log)
        member = Member(PREFIX, stream=stream)
        channel = hub.channel(b"a")
        channel.join(member, b"response")
        await wait_all_tasks_blocked()
        member.abort()
        assert hub.channels == {}
        await wait_all_tasks_blocked()
        assert channel.log.owner is None
        del channel, member
        assert garbage() == []
        nursery.cancel_scope.cancel()
    reactor.close()


@pytest.mark.usefixtures("no_collection")
async def test_a_channel_that_crashed(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    reactor = Reactor(lambda *_: None, boot=b"bootboot", on_http=lambda *_: None, on_crash=print)
    async with trio.open_nursery() as nursery:
        hub = Hub(Settings(), nursery, reactor.open_log)
        hub.channel(b"a").join(Member(PREFIX), b"response")
        await wait_all_tasks_blocked()
        hub.channels[b"a"].crash(ValueError("a fault"))
        await trio.sleep(2 * CLOSE_TIMEOUT_SECONDS)
        assert not nursery.child_tasks
        caplog.clear()
        assert garbage() == []
        nursery.cancel_scope.cancel()
    reactor.close()


def test_a_log_with_members_keeps_its_owner() -> None:
    log, member = Log(owner := object()), Member(PREFIX)
    log.attach(member)
    with pytest.raises(ValueError, match="has an owner"):
        log.disown()
    assert log.owner is owner
    log.detach(member)
    log.disown()
    assert log.owner is None


@pytest.mark.parametrize(
    ("channels", "collections"), [(FEW_CHANNELS - 1, 3), (FEW_CHANNELS, 3), (FEW_CHANNELS + 1, 0)]
)
async def test_full_collections(
    channels: int, collections: int, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One each interval while the channels are few; and what was set before is back at the end."""
    taken: list[None] = []
    monkeypatch.setattr(cycles.gc, "collect", lambda: taken.append(None))
    before = gc.get_threshold()
    with trio.move_on_after(3.5 * INTERVAL_SECONDS):
        await collect_rarely(lambda: channels)
    assert len(taken) == collections
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
