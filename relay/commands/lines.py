"""How `relay listen` writes what arrives: a line each, for a person or for a program."""

import sys
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from relay.client.events import (
    ErrorEvent,
    Event,
    GapEvent,
    JoinEvent,
    LeaveEvent,
    MessageEvent,
)

# What a terminal might obey in a line that somebody else has written: all controls, and marks that turn the direction of writing.
_CONTROLS: Final = {
    code: f"\\u{code:04x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
_SHOWN_UID: Final = 12


def printable(text: str) -> str:
    """A text of others, with nothing in it that a terminal would obey."""
    return text.translate(_CONTROLS)


class Writer(Protocol):
    """Takes each frame with the event in it, which is None in a party room and for what is no event."""

    def write(self, frame: str | bytes, event: Event | None) -> None: ...


class RawWriter:
    """Frames as they came, each followed by a line feed."""

    def write(self, frame: str | bytes, event: Event | None) -> None:
        data = frame.encode() if isinstance(frame, str) else frame
        sys.stdout.buffer.write(data + b"\n")
        sys.stdout.buffer.flush()


class LineWriter(RawWriter):
    """Events as JSON Lines: numbers and the order of keys as they came, without the spaces in which a line feed may be."""

    def write(self, frame: str | bytes, event: Event | None) -> None:
        if event is not None:
            super().write(_one_line(frame), event)


class TerminalWriter:
    """Time, who and what, in colours."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False, soft_wrap=True)

    def write(self, frame: str | bytes, event: Event | None) -> None:
        from rich.text import Text

        parts = _parts_of_frame(frame) if event is None else _parts_of_event(event)
        line = Text().append(_time_of(event), style="dim")
        for text, style in parts:
            line.append(" ").append(printable(text), style=style)
        self._console.print(line)


Part = tuple[str, str]


def _parts_of_frame(frame: str | bytes) -> list[Part]:
    if isinstance(frame, bytes):
        return [(f"<{len(frame)} bytes>", "dim")]
    return [(frame, "")]


def _parts_of_event(event: Event) -> list[Part]:
    match event:
        case MessageEvent():
            return [(_who(event.alias, event.uid), "bold cyan"), (_json(event.message), "")]
        case JoinEvent() | LeaveEvent():
            return _parts_of_presence(event)
        case ErrorEvent():
            return [("error", "bold red"), (event.message, "red")]
        case GapEvent():
            missed = "some" if event.missed is None else str(event.missed)
            return [("gap", "bold yellow"), (f"{missed} messages missed", "yellow")]
    return [(_json(event.envelope), "dim")]


def _parts_of_presence(event: JoinEvent | LeaveEvent) -> list[Part]:
    style = "green" if isinstance(event, JoinEvent) else "magenta"
    verb = "joined" if isinstance(event, JoinEvent) else "left"
    is_own = isinstance(event, JoinEvent) and event.self_
    who = "you" if is_own else _who(event.alias, event.uid)
    return [(f"{who} {verb}", style), (f"({event.total} here)", "dim")]


def _who(alias: str | None, uid: str | None) -> str:
    short = (uid or "")[:_SHOWN_UID]
    return f"{alias} {short}".rstrip() if alias else short or "someone"


def _time_of(event: Event | None) -> str:
    """By the relay's clock where there is one, in the local time zone."""
    sent_at = event.sent_at if event is not None else None
    return (sent_at.astimezone() if sent_at else datetime.now()).strftime("%H:%M:%S")


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _one_line(frame: str | bytes) -> str:
    text = frame if isinstance(frame, str) else frame.decode()
    if "\n" not in text and "\r" not in text:
        return text
    return msgspec.json.format(text, indent=-1)
