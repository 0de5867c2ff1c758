"""Which listeners run for an event, and in which order.

1. Those of the event's type: the envelope's, or the payload's where the envelope has none. Types that only the relay and the
   connection speak of (`RESERVED_TYPES`) are never taken from a payload, so that no sender can feign them.
2. For a message, those of `message`.
3. Those of `*`, which gets all that arrives, but neither `open` nor `close`.
4. Predicates that hold, in the order in which they were given.
"""

import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from relay.client.checks import check_function
from relay.client.events import CloseEvent, Event, MessageEvent, OpenEvent
from relay.client.faults import faults

Listener: TypeAlias = Callable[[Any], object]
Predicate: TypeAlias = Callable[[Any], object]
"""Says whether its listener runs: for events that arrive, not for open and close."""
Entry: TypeAlias = tuple[str | Predicate, Listener]

RESERVED_TYPES: Final = frozenset({"open", "close", "join", "leave", "error", "gap", "message"})

_ANY: Final = "*"
_logger: Final = logging.getLogger("relay.client")


class Listeners:
    """The listeners of a channel, by type and by predicate. Threads may add and remove while another one selects."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: tuple[Entry, ...] = ()

    def add(self, when: str | Predicate, listener: Listener) -> None:
        """Raises TypeError. Given twice for the same, a listener runs twice."""
        _check(when, listener)
        with self._lock:
            self._entries = (*self._entries, (when, listener))

    def remove(self, when: str | Predicate, listener: Listener) -> None:
        """Take out the first that was added with these two; none there is no error. Raises TypeError."""
        _check(when, listener)
        with self._lock:
            entries = list(self._entries)
            if (when, listener) in entries:
                entries.remove((when, listener))
            self._entries = tuple(entries)

    def select(self, event: Event) -> Iterator[Entry]:
        """The entries for an event, in order, as they were when the first was asked for. Predicates are not asked yet."""
        entries = self._entries
        for name in names_of(event):
            yield from (entry for entry in entries if entry[0] == name)
        if not isinstance(event, OpenEvent | CloseEvent):
            yield from (entry for entry in entries if callable(entry[0]))

    def run(self, event: Event) -> None:
        """Run what `select` gives; a predicate is asked when its turn comes.

        One that raises is logged and keeps none of the others from running.
        """
        for when, listener in self.select(event):
            try:
                if isinstance(when, str) or when(event):
                    listener(event)
            except faults() as exc:
                _report(exc)


def names_of(event: Event) -> Iterator[str]:
    """The types whose listeners run for an event, in order."""
    if isinstance(event, OpenEvent | CloseEvent):
        yield event.type
        return
    kind = event.type if "type" in event else None
    if isinstance(kind, str) and _may_carry(event, kind):
        yield kind
    if isinstance(event, MessageEvent):
        yield "message"
    yield _ANY


def _may_carry(event: Event, kind: str) -> bool:
    """Whether this event may be heard by listeners of this type, besides those of `message` and `*`."""
    return kind != _ANY and not (isinstance(event, MessageEvent) and kind in RESERVED_TYPES)


def _check(when: object, listener: object) -> None:
    if not isinstance(when, str) and not callable(when):
        raise TypeError(f"when: expected a type of event or a function, got {type(when).__name__}")
    if not isinstance(when, str):
        check_function("when", when)
    check_function("listener", listener)


def _report(error: BaseException) -> None:
    """Where it was raised and what it is; not its text, which may quote a message."""
    trace = "".join(traceback.format_tb(error.__traceback__))
    _logger.error("%s in a listener:\n%s", type(error).__name__, trace.rstrip())
