"""What listeners have heard, in order, for a test in another thread to wait for."""

from __future__ import annotations

from queue import Empty, Queue
from typing import Any

from support.connection import LIMIT_SECONDS
from support.process import RelayProcess


def url_of(relay: RelayProcess) -> str:
    host, port = relay.address
    return f"ws://{host}:{port}"


class Heard:
    """A listener. Every wait ends: with an event, or with a failure."""

    def __init__(self) -> None:
        self._events: Queue[Any] = Queue()

    def __call__(self, event: Any) -> None:
        self._events.put(event)

    def next(self) -> Any:
        try:
            return self._events.get(timeout=LIMIT_SECONDS)
        except Empty:
            raise AssertionError("nothing was heard") from None

    def next_of(self, kind: type) -> Any:
        """The next event, which must be one of this class."""
        event = self.next()
        assert isinstance(event, kind), event
        return event

    def messages(self, count: int) -> list[Any]:
        """The payloads of the next messages; other events between them are passed over."""
        found: list[Any] = []
        while len(found) < count:
            event = self.next()
            if hasattr(event, "message"):
                found.append(event.message)
        return found

    @property
    def is_empty(self) -> bool:
        return self._events.empty()
