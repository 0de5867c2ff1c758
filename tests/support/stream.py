"""A reader of event streams, written from the HTML standard (section 9.2.6) and owing nothing to the code under test."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from support.connection import Connection

_LINE_END = re.compile(rb"\r\n|\n|\r")


class StreamEvent(NamedTuple):
    """One dispatched event. `last_id` is the reader's, as of then."""

    name: str
    data: str
    last_id: str


class StreamReader(Connection):
    """A connection on which an event stream is read. Lines must end with LF: what the relay writes."""

    status = 0
    last_id = ""
    retry_milliseconds: int | None = None

    def open(self, target: str, *headers: str, version: str = "1.1") -> None:
        lines = [f"GET {target} HTTP/{version}", "Host: x", "Accept: text/event-stream", *headers]
        self.send("\r\n".join([*lines, "", ""]).encode())
        self.receive_head()

    def receive_head(self) -> None:
        head = self.receive_until(b"\r\n\r\n").decode("ascii").split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)

    def enter(self, target: str, *headers: str) -> dict[str, Any]:
        """Open, and take the self join, which must be the first event."""
        self.open(target, *headers)
        assert self.status == 200, self.status
        self.joined = self.receive_json()
        assert self.joined["type"] == "join"
        assert self.joined["self"] is True
        self.uid: str = self.joined["uid"]
        return self.joined

    def receive_event(self) -> StreamEvent:
        """The next event that a browser would dispatch."""
        while True:
            block = self.receive_until(b"\n\n")[:-2]
            name, data = "", []
            for line in _LINE_END.split(block):
                field, _, value = line.decode("utf-8").partition(":")
                value = value.removeprefix(" ")
                if field == "data":
                    data.append(value)
                elif field == "event":
                    name = value
                elif field == "id":
                    self.last_id = value
                elif field == "retry":
                    self.retry_milliseconds = int(value)
                else:
                    assert field == "", line  # a comment
            if data:
                return StreamEvent(name or "message", "\n".join(data), self.last_id)

    def receive_json(self) -> dict[str, Any]:
        """The object in the next event, which must have no name."""
        event = self.receive_event()
        assert event.name == "message", event
        decoded = json.loads(event.data)
        assert isinstance(decoded, dict), decoded
        return decoded

    def receive_message(self) -> Any:
        event = self.receive_json()
        assert "message" in event, event
        assert "type" not in event, event
        return event["message"]

    def receive_close(self) -> tuple[int, str]:
        """The code and reason of the last event, behind which the stream ends."""
        while (event := self.receive_event()).name != "close":
            pass
        self.expect_end()
        content = json.loads(event.data)
        return content["code"], content["reason"]
