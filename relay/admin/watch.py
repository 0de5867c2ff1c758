"""Looks at the load of the process each second, so that whoever asks is told of the last ten seconds and not of one moment."""

import time
from itertools import count
from typing import Final

import trio

from relay import vitals
from relay.admin.snapshot import Relay
from relay.headroom import SAMPLE_SECONDS, Load, LoadWindow, Mark
from relay.memory import MemoryRoom

LOOKS_A_LOOK_AT_MEMORY: Final = 5
"""It moves slowly, and takes a handful of files that the kernel has to write."""


class Watch:
    """What is asked of it for an answer costs no more than reading two counters: memory is looked at by `run`."""

    def __init__(self, room: MemoryRoom | None = None) -> None:
        self._window = LoadWindow()
        self._room = room or MemoryRoom()
        self.available_bytes: int | None = None

    async def run(self, relay: Relay) -> None:
        """Look until cancelled."""
        for look in count():
            self._window.note(_mark(relay))
            if look % LOOKS_A_LOOK_AT_MEMORY == 0:
                self.available_bytes = self._room.available_bytes()
            await trio.sleep(SAMPLE_SECONDS)

    def load_of(self, relay: Relay) -> Load | None:
        """Over the last seconds; None when the relay has just been started."""
        return self._window.load_until(_mark(relay))


def _mark(relay: Relay) -> Mark:
    return Mark(time.monotonic(), relay.reactor.busy_seconds, vitals.cpu_seconds())
