"""What a reconnecting socket tells its listeners."""

from typing import Literal, TypeAlias

import msgspec

Data: TypeAlias = str | bytes | bytearray | memoryview
EventType: TypeAlias = Literal["open", "message", "close", "error"]


class OpenEvent(msgspec.Struct, frozen=True):
    """The connection is open, and what was queued has been sent."""

    type: Literal["open"] = "open"


class MessageEvent(msgspec.Struct, frozen=True):
    """A message has arrived: a string, or bytes in the form of the socket's `binary_type`."""

    data: Data
    type: Literal["message"] = "message"


class CloseEvent(msgspec.Struct, frozen=True):
    """A connection, or an attempt at one, has ended. 1006 means that no close code came, 1005 that the close frame had none."""

    code: int
    reason: str
    was_clean: bool
    type: Literal["close"] = "close"


class ErrorEvent(msgspec.Struct, frozen=True):
    """An attempt to connect has failed. `message` is "TIMEOUT", "Invalid URL", "Invalid protocols", or the text of `error`."""

    message: str
    error: Exception
    type: Literal["error"] = "error"


Event: TypeAlias = OpenEvent | MessageEvent | CloseEvent | ErrorEvent
EVENT_TYPES: tuple[EventType, ...] = ("open", "message", "close", "error")
