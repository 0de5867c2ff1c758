"""Where a socket's tasks run: in the background thread, or in a nursery of its user's."""

import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

import trio

from relay.client import background, faults


class Home(Protocol):
    """Runs what it is given, in order, from whichever thread it is asked."""

    def start(self, function: Callable[..., Awaitable[object]], *args: object) -> None: ...

    def call(self, function: Callable[..., object], *args: object) -> None: ...

    def is_here(self) -> bool:
        """Whether the caller would block these tasks by waiting."""


class BackgroundHome:
    """The process's background thread."""

    def start(self, function: Callable[..., Awaitable[object]], *args: object) -> None:
        background.start(function, *args)

    def call(self, function: Callable[..., object], *args: object) -> None:
        background.call(function, *args)

    def is_here(self) -> bool:
        return faults.is_background_thread()


class NurseryHome:
    """A nursery, until it ends."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.has_ended = False
        self._nursery = nursery
        self._token = trio.lowlevel.current_trio_token()
        self._thread = threading.get_ident()

    def start(self, function: Callable[..., Awaitable[Any]], *args: object) -> None:
        """Raises RuntimeError when the nursery has ended."""
        if self.has_ended:
            raise RuntimeError("the `async with` block of this socket has ended")
        self.call(self._start_here, function, args)

    def _start_here(
        self, function: Callable[..., Awaitable[Any]], args: tuple[object, ...]
    ) -> None:
        if not self.has_ended:
            self._nursery.start_soon(function, *args)

    def call(self, function: Callable[..., object], *args: object) -> None:
        if self.is_here():
            function(*args)
            return
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(function, *args)

    def is_here(self) -> bool:
        return threading.get_ident() == self._thread
