"""How many things are under way, for a thread that waits until none is."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Activity:
    """A count that threads raise and lower."""

    def __init__(self) -> None:
        self._count = 0
        self._none = threading.Condition()

    def begin(self) -> None:
        with self._none:
            self._count += 1

    def end(self) -> None:
        with self._none:
            self._count -= 1
            if self._count == 0:
                self._none.notify_all()

    @contextmanager
    def ending(self) -> Iterator[None]:
        """End when the block ends, however it does."""
        try:
            yield
        finally:
            self.end()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until nothing is under way; whether that was so in time."""
        with self._none:
            return self._none.wait_for(lambda: self._count == 0, timeout_seconds)
