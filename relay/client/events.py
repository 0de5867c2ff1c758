"""The events of a channel as a client gets them: typed Structs that keep whatever else the relay or a sender put into them.

The Structs of `relay.protocol` are what this project's server writes, to the byte. These are what is read, from any relay that
speaks the protocol: absent is None, and unknown events and fields are kept.
"""

import logging
from datetime import UTC, datetime
from typing import Any, Final, Literal, Self

import msgspec

from relay.client.payload import decode_json


class Event(msgspec.Struct, kw_only=True):
    """What all events have. `date` is milliseconds since the epoch; `envelope` is the whole event as it was decoded.

    Fields that a class does not declare are attributes all the same, and `event["x"]` finds any: those of the envelope, and
    below them the keys of a payload that is an object. Raises AttributeError, and KeyError, for what is in neither.
    """

    date: int | float | None = None
    envelope: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def sent_at(self) -> datetime | None:
        """`date` as a datetime in UTC; None also when it is none that a datetime can be."""
        if self.date is None:
            return None
        try:
            return datetime.fromtimestamp(self.date / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            return None

    def __getitem__(self, name: str) -> Any:
        if name in self.envelope:
            return self.envelope[name]
        return _fields_of(self.envelope.get("message"))[name]

    def __contains__(self, name: object) -> bool:
        return name in self.envelope or name in _fields_of(self.envelope.get("message"))

    def __getattr__(self, name: str) -> Any:
        try:
            if name.startswith("__"):  # what Python and debuggers ask for is no sender's to answer
                raise KeyError(name)
            return self[name]
        except KeyError:
            raise AttributeError(f"this {type(self).__name__} has no {name!r}") from None

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._shown().items())
        return f"{type(self).__name__}({fields})"

    def _shown(self) -> dict[str, Any]:
        return self.envelope

    @classmethod
    def read(cls, envelope: dict[str, Any]) -> Self:
        """The event in an envelope. Raises msgspec.ValidationError when a declared field is of another type."""
        event = msgspec.convert(envelope, cls)
        event.envelope = envelope
        return event


class MessageEvent(Event, kw_only=True):
    """A message. `uid` and `alias` are its sender's, by the relay's word; both may be missing, as of what was published over
    HTTP.

    `type` is the payload's, for the relay sets none. So is `id` where the relay left out its own.
    """

    message: Any
    uid: str | None = None
    alias: str | None = None
    id: Any = None
    type: Any = None

    @classmethod
    def read(cls, envelope: dict[str, Any]) -> Self:
        event = super().read(envelope)
        fields = _fields_of(event.message)
        event.type = fields.get("type")
        if "id" not in envelope:
            event.id = fields.get("id")
        return event


class ListedMember(msgspec.Struct, kw_only=True):
    """One announced connection among the `users` of an own join with `list_`."""

    uid: str
    alias: str | None = None
    self_: bool = msgspec.field(default=False, name="self")


class JoinEvent(Event, kw_only=True):
    """A connection has joined; `total` counts it. `self_` is true for one's own, which comes first."""

    total: int
    uid: str | None = None
    alias: str | None = None
    users: int | list[ListedMember] | None = None
    self_: bool = msgspec.field(default=False, name="self")
    type: Literal["join"] = "join"


class LeaveEvent(Event, kw_only=True):
    """A connection has left; `total` counts those who remain."""

    total: int
    uid: str | None = None
    alias: str | None = None
    users: int | list[ListedMember] | None = None
    type: Literal["leave"] = "leave"


class ErrorEvent(Event, kw_only=True):
    """What was wrong with something that this connection has sent, for a person to read."""

    message: str
    type: Literal["error"] = "error"


class GapEvent(Event, kw_only=True):
    """This connection was too slow: here, `missed` messages that were meant for it are left out. None: nobody knows how many."""

    missed: int | None = None
    type: Literal["gap"] = "gap"


class OtherEvent(Event, kw_only=True):
    """An event of a type that this client does not know, or one whose fields are of other types than it knows."""

    type: Any = None


class OpenEvent(Event, kw_only=True):
    """The connection is open, and what had been queued is sent."""

    type: Literal["open"] = "open"


class CloseEvent(Event, kw_only=True):
    """The connection is closed. 1006 is the code of one that ended without a closing handshake, or never opened (RFC 6455
    section 7.1.5).

    `reason` is the other side's, or says in words why there is no connection.
    """

    code: int
    reason: str = ""
    was_clean: bool = False
    type: Literal["close"] = "close"

    def _shown(self) -> dict[str, Any]:
        return {"code": self.code, "reason": self.reason, "was_clean": self.was_clean}


ENVELOPE_EVENTS: Final[dict[Any, type[Event]]] = {
    "join": JoinEvent,
    "leave": LeaveEvent,
    "error": ErrorEvent,
    "gap": GapEvent,
}

_logger: Final = logging.getLogger("relay.client")
_NO_FIELDS: Final[dict[str, Any]] = {}


def decode_event(text: str) -> Event:
    """The event in a text frame. Raises ValueError when it is not a JSON object."""
    envelope = decode_json(text)
    if not isinstance(envelope, dict):
        raise ValueError("expected an event, a JSON object, got another JSON value")
    try:
        return _kind_of(envelope).read(envelope)
    except msgspec.ValidationError:
        date = envelope.get("date")
        return OtherEvent(
            date=date if type(date) in (int, float) else None,
            type=envelope.get("type"),
            envelope=envelope,
        )


def event_of(frame: str | bytes) -> Event | None:
    """The event in a frame; None, and a warning, when it holds none: that ends no channel."""
    if isinstance(frame, bytes):
        _logger.warning("a binary frame was ignored: events are text")
        return None
    try:
        return decode_event(frame)
    except ValueError as exc:
        _logger.warning("a frame was ignored: %s", exc)
        return None


def _kind_of(envelope: dict[str, Any]) -> type[Event]:
    if "type" not in envelope:
        return MessageEvent if "message" in envelope else OtherEvent
    kind = envelope["type"]
    return ENVELOPE_EVENTS.get(kind, OtherEvent) if isinstance(kind, str) else OtherEvent


def _fields_of(payload: Any) -> dict[str, Any]:
    return payload if isinstance(payload, dict) else _NO_FIELDS
