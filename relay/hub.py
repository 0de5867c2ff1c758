"""The registry of channels: name to channel, and nothing else. Knows no HTTP and no command line."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import trio

from relay._core import Log, Member
from relay.channel import Channel
from relay.keys import Lock
from relay.protocol import ChannelKey, CloseCode
from relay.settings.config import Settings

CLOSES_PER_SECOND_MIN: Final = 1000.0
CLOSES_PER_BATCH: Final = 20
COMMENT_INTERVAL_SECONDS: Final = 15.0
COMMENTS_PER_BATCH: Final = 100


class Hub:
    """All channels of one process. A channel is here from its first member to its last.

    `on_leave(member)` is called for every member that leaves.
    """

    def __init__(
        self,
        settings: Settings,
        nursery: trio.Nursery,
        open_log: Callable[[Any], Log],
        on_leave: Callable[[Member], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.channels: dict[ChannelKey, Channel] = {}
        self.on_leave = on_leave
        self._streaming: set[Channel] = set()
        self._nursery = nursery
        self._open_log = open_log

    def channel(self, key: ChannelKey, lock: Lock | None = None) -> Channel:
        """The channel of this name; opened, with this lock, if nobody is in it yet."""
        channel = self.channels.get(key)
        if channel is None:
            channel = self.channels[key] = Channel(key, self, self._open_log, lock)
            self._nursery.start_soon(channel.run)
        return channel

    def forget(self, channel: Channel) -> None:
        """Called by a channel without members; the next one to join opens it anew."""
        self._streaming.discard(channel)
        if self.channels.get(channel.key) is channel:
            del self.channels[channel.key]

    def note_streams(self, channel: Channel) -> None:
        """Called by a channel that has a reader of its event stream."""
        self._streaming.add(channel)

    async def keep_streams_alive(self) -> None:
        """One task for all event streams of the process: a comment on each from time to time."""
        while True:
            await trio.sleep(COMMENT_INTERVAL_SECONDS)
            for number, channel in enumerate(list(self._streaming), 1):
                try:
                    channel.keep_streams_alive()
                except Exception as exc:
                    channel.crash(exc)
                if number % COMMENTS_PER_BATCH == 0:
                    await trio.lowlevel.checkpoint()

    async def close_members(self, code: CloseCode, reason: str, seconds: float = 0.0) -> None:
        """Close every member, spread over `seconds` so that those who connect again at once do not all do so together.

        A few are closed faster: for fewer than a thousand a second nobody should wait.
        """
        channels = list(self.channels.values())
        total = sum(channel.member_count for channel in channels)
        pace = max(total / seconds, CLOSES_PER_SECOND_MIN) if seconds else float("inf")
        start = trio.current_time()
        for closed, member in enumerate(_members_of(channels), 1):
            member.close(code, reason)
            if closed % CLOSES_PER_BATCH == 0:
                await trio.sleep_until(start + closed / pace)

    async def dismiss(self, channel: Channel, code: CloseCode, reason: str) -> int:
        """Close the members that a channel has now, a few at a time; how many. Whoever comes meanwhile opens it anew."""
        self.forget(channel)
        channel.fall_silent()
        closed = 0
        for number, member in enumerate(channel.members, 1):
            if member.log is not None:
                member.close(code, reason)
                closed += 1
            if number % CLOSES_PER_BATCH == 0:
                await trio.lowlevel.checkpoint()
        return closed


def _members_of(channels: list[Channel]) -> Iterator[Member]:
    """One channel after the other; each falls silent when its turn has come."""
    for channel in channels:
        channel.fall_silent()
        yield from channel.members
