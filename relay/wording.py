"""What members are told, as each of them reads it: events in frames or in an event stream, and the texts of errors. No I/O."""

import math
import random
import time
from collections.abc import Callable
from typing import Any, Final

from relay import _core
from relay.protocol import ErrorEvent, GapEvent, JoinEvent, LeaveEvent, encode

_STREAM_RETRY_MILLISECONDS: Final = (1000, 4000)


def epoch_milliseconds() -> int:
    """The present date as the wire has it."""
    return time.time_ns() // 1_000_000


def frame_event(event: JoinEvent | LeaveEvent | ErrorEvent | GapEvent) -> bytes:
    """The text frame of an event."""
    return _core.encode_frame(_core.OP_TEXT, encode(event))


def word_event(member: _core.Member, event: JoinEvent | ErrorEvent | GapEvent) -> bytes:
    """An event as this member reads it: in a text frame, or in its event stream."""
    return _core.encode_event(encode(event)) if member.stream else frame_event(event)


def stream_preface(member: _core.Member) -> bytes:
    """What an event stream begins with: when to come back if it breaks, spread so that a thousand do not all do so at once, and
    an id, which the reader shows when it does (the HTML standard, section 9.2.3)."""
    milliseconds = random.randint(*_STREAM_RETRY_MILLISECONDS)
    return b"retry: %d\nid: %s\n\n" % (milliseconds, member.uid.encode())


def error_event(kind: str, detail: Any) -> ErrorEvent:
    """The error for a message that the core did not relay; `kind` and `detail` are those of the core's `Log`."""
    return ErrorEvent(message=_ERROR_TEXTS[kind](detail), date=epoch_milliseconds())


def _recipient_error(recipient: bytes) -> str:
    return f"unknown recipient {recipient.decode('utf-8', 'replace')}"


def _message_rate_error(seconds: float) -> str:
    return (
        "rate limit exceeded: too many messages, this one was dropped;"
        f" the next is accepted in {seconds:.3f} s"
    )


def _byte_rate_error(seconds: float) -> str:
    if math.isinf(seconds):
        return "rate limit exceeded: the message is larger than the burst of bytes that is allowed"
    return (
        "rate limit exceeded: too many bytes, this message was dropped;"
        f" one of its size is accepted in {seconds:.3f} s"
    )


_ERROR_TEXTS: Final[dict[str, Callable[[Any], str]]] = {
    "json": lambda _: "the message is not one valid JSON value",
    "send_key": lambda _: "this connection may listen only: its send key is missing or wrong",
    "binary": lambda _: "binary messages are not relayed in this channel; send JSON text",
    "address": lambda _: "the address in front of the message is not closed",
    "recipient": _recipient_error,
    "message_rate": _message_rate_error,
    "byte_rate": _byte_rate_error,
}
