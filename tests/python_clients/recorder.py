"""What a socket has told, in order."""

from __future__ import annotations

from typing import Any

import trio

WAIT_SECONDS = 1000.0


class Recorder:
    """Listens to everything a socket tells."""

    def __init__(self, socket: Any) -> None:
        self.events: list[Any] = []
        self._socket = socket
        self._changed = trio.Event()
        for event_type in ("open", "message", "close", "error"):
            socket.add_event_listener(event_type, self)

    def handle_event(self, event: Any) -> None:
        self.events.append(event)
        self._changed.set()

    def of(self, event_type: str) -> list[Any]:
        return [event for event in self.events if event.type == event_type]

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    async def until(self, event_type: str, count: int = 1) -> Any:
        """The event of this type and number, which may be still to come."""
        with trio.fail_after(WAIT_SECONDS):
            while len(self.of(event_type)) < count:
                self._changed = trio.Event()
                await self._changed.wait()
        return self.of(event_type)[count - 1]
