"""Who hears which event, and in which order."""

from collections.abc import Callable
from types import MethodType
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from relay.client.checks import check_function
from relay.client.faults import faults, log_error

EventT_contra = TypeVar("EventT_contra", contravariant=True)
EventT = TypeVar("EventT")


@runtime_checkable
class HandlesEvents(Protocol[EventT_contra]):
    """An object may listen, too."""

    def handle_event(self, event: EventT_contra, /) -> object: ...


Listener: TypeAlias = Callable[[EventT], object] | HandlesEvents[EventT]


class Listeners(Generic[EventT]):
    """Listeners by type of event. Those of one type run in the order in which they were added; added twice is once.

    A listener that raises is logged, and keeps no other from being run. One that is added or removed by
    another takes effect with the next event.
    """

    def __init__(self, types: tuple[str, ...]) -> None:
        self._by_type: dict[str, tuple[tuple[Listener[EventT], bool], ...]] = dict.fromkeys(
            types, ()
        )

    def add(self, event_type: str, listener: Listener[EventT], *, once: bool = False) -> None:
        """Raises ValueError for an unknown type, TypeError for what cannot listen."""
        listeners = self._of(event_type)
        check_listener("listener", listener)
        if not any(_is_same(known, listener) for known, _ in listeners):
            self._by_type[event_type] = (*listeners, (listener, once))

    def remove(self, event_type: str, listener: Listener[EventT]) -> None:
        """Does nothing when it does not listen."""
        self._by_type[event_type] = tuple(
            entry for entry in self._of(event_type) if not _is_same(entry[0], listener)
        )

    def has(self, event_type: str) -> bool:
        return bool(self._of(event_type))

    def run(self, event_type: str, event: EventT, first: Listener[EventT] | None = None) -> None:
        """`first`, when there is one, and then all that listen."""
        if first is not None:
            run_listener(first, event)
        for listener, once in self._of(event_type):
            if once:
                self.remove(event_type, listener)
            run_listener(listener, event)

    def _of(self, event_type: str) -> tuple[tuple[Listener[EventT], bool], ...]:
        try:
            return self._by_type[event_type]
        except (KeyError, TypeError):
            known = ", ".join(self._by_type)
            raise ValueError(f"event_type: {event_type!r} is none of {known}") from None


class Handler(Generic[EventT]):
    """An attribute for one listener, or None. Setting it raises TypeError for what cannot listen."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Listener[EventT] | None:
        return None if instance is None else instance.__dict__.get(self._name)

    def __set__(self, instance: Any, listener: Listener[EventT] | None) -> None:
        if listener is not None:
            check_listener(self._name, listener)
        instance.__dict__[self._name] = listener


def check_listener(argument: str, listener: object) -> None:
    """Raises TypeError, which names the argument."""
    called = getattr(listener, "handle_event", None)
    if called is not None:
        check_function(f"{argument}.handle_event", called)
    else:
        check_function(argument, listener, "a function or an object with handle_event")


def run_listener(listener: Listener[EventT], event: EventT) -> None:
    """An error that it raises is logged."""
    called: Any = getattr(listener, "handle_event", listener)
    try:
        called(event)
    except faults() as exc:
        log_error(exc, f"a listener of {getattr(event, 'type', 'an event')}")


def _is_same(one: object, other: object) -> bool:
    """A method is made anew whenever it is looked up, so methods are compared by what they are of."""
    if isinstance(one, MethodType) and isinstance(other, MethodType):
        return one.__self__ is other.__self__ and one.__func__ is other.__func__
    return one is other
