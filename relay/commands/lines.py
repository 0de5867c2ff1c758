"""How `relay listen` writes what arrives: a line each, for a person or for a program."""

import io
import json
import sys
from datetime import datetime
from typing import Any, Final, Protocol

from relay.client.events import (
    ErrorEvent,
    Event,
    GapEvent,
    JoinEvent,
    LeaveEvent,
    MessageEvent,
)
from relay.commands.visible import visible

_SHOWN_UID: Final = 12
_SHOWN_ALIAS: Final = 64


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
    """Events as JSON Lines, as they came but for line feeds between the values, which become spaces."""

    def write(self, frame: str | bytes, event: Event | None) -> None:
        if event is not None:
            super().write(_one_line(frame), event)


class TerminalWriter:
    """Time, who and what, in colours."""

    def __init__(self) -> None:
        from rich.console import Console

        # Where the terminal's encoding lacks a character, an escape is better than an end.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        self._console = Console(highlight=False, soft_wrap=True)

    def write(self, frame: str | bytes, event: Event | None) -> None:
        from rich.text import Text

        parts = _parts_of_frame(frame) if event is None else _parts_of_event(event, str(frame))
        line = Text().append(_time_of(event), style="dim")
        for text, style in parts:
            line.append(" ").append(visible(text), style=style)
        self._console.print(line)


Part = tuple[str, str]


def _parts_of_frame(frame: str | bytes) -> list[Part]:
    if isinstance(frame, bytes):
        return [(f"<{len(frame)} bytes>", "dim")]
    return [(frame, "")]


def _parts_of_event(event: Event, frame: str) -> list[Part]:
    match event:
        case MessageEvent():
            return [(_who(event.alias, event.uid), "bold cyan"), (_json(event.message, frame), "")]
        case JoinEvent() | LeaveEvent():
            return _parts_of_presence(event)
        case ErrorEvent():
            return [("error", "bold red"), (event.message, "red")]
        case GapEvent():
            missed = "some" if event.missed is None else str(event.missed)
            return [("gap", "bold yellow"), (f"{missed} messages missed", "yellow")]
    return [(_json(event.envelope, frame), "dim")]


def _parts_of_presence(event: JoinEvent | LeaveEvent) -> list[Part]:
    style = "green" if isinstance(event, JoinEvent) else "magenta"
    verb = "joined" if isinstance(event, JoinEvent) else "left"
    is_own = isinstance(event, JoinEvent) and event.self_
    who = "you" if is_own else _who(event.alias, event.uid)
    return [(f"{who} {verb}", style), (f"({event.total} here)", "dim")]


def _who(alias: str | None, uid: str | None) -> str:
    short = (uid or "")[:_SHOWN_UID]
    return f"{alias[:_SHOWN_ALIAS]} {short}".rstrip() if alias else short or "someone"


def _time_of(event: Event | None) -> str:
    """By the relay's clock where there is one, in the local time zone."""
    sent_at = event.sent_at if event is not None else None
    try:
        local = sent_at.astimezone() if sent_at else datetime.now()
    except (ValueError, OverflowError):  # at the very ends of the calendar
        local = datetime.now()
    return local.strftime("%H:%M:%S")


def _json(value: Any, frame: str) -> str:
    """The value's text, or the whole frame when values are nested too deeply to be written."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return frame


def _one_line(frame: str | bytes) -> str:
    """In JSON a line feed is between values, never in one."""
    text = frame if isinstance(frame, str) else frame.decode()
    return text.replace("\n", " ").replace("\r", " ")
