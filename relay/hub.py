"""The registry of channels: name to channel, and nothing else. Knows no HTTP and no command line."""

from collections.abc import Callable
from typing import Any

import trio

from relay._core import Log
from relay.channel import Channel
from relay.config import Settings
from relay.protocol import ChannelKey, CloseCode


class Hub:
    """All channels of one process. A channel is here from its first member to its last."""

    def __init__(
        self, settings: Settings, nursery: trio.Nursery, open_log: Callable[[Any], Log]
    ) -> None:
        self.settings = settings
        self.channels: dict[ChannelKey, Channel] = {}
        self._nursery = nursery
        self._open_log = open_log

    def channel(self, key: ChannelKey) -> Channel:
        """The channel of this name, opened if nobody is in it yet."""
        channel = self.channels.get(key)
        if channel is None:
            channel = self.channels[key] = Channel(key, self, self._open_log)
            self._nursery.start_soon(channel.run)
        return channel

    def forget(self, channel: Channel) -> None:
        """Called by a channel without members; the next one to join opens it anew."""
        if self.channels.get(channel.key) is channel:
            del self.channels[channel.key]

    async def close_members(self, code: CloseCode, reason: str) -> None:
        """Close every member of every channel, one channel after the other."""
        for channel in list(self.channels.values()):
            channel.close(code, reason)
            await trio.lowlevel.checkpoint()
