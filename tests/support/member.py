"""A member of a channel as a test sees it, and the visitors that come and go in one test."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

from support.connection import LIMIT_SECONDS, Address, Connection
from support.process import CHANNEL_MARK
from support.stream import StreamReader
from support.websocket import CLOSE, PING, PONG, TEXT, WebSocket

Event: TypeAlias = dict[str, Any]
T = TypeVar("T", bound=Connection)


def new_channel() -> str:
    return f"{CHANNEL_MARK}-{secrets.token_hex(6)}"


class Member(WebSocket):
    """A connection to a channel whose own join has been read."""

    joined: Event
    uid: str

    def enter(
        self, target: str, *, then: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        """Open, and take the self join, which must be the first frame."""
        self.open(target, then=then, headers=headers)
        self.receive_join()

    def expect_join(self, head: bytes) -> None:
        """What answers the opening handshake `head`: the switch and the self join."""
        self.expect_switch(head)
        self.receive_join()

    def receive_join(self) -> None:
        self.joined = self.receive_event()
        assert self.joined.get("type") == "join", self.joined
        assert self.joined.get("self") is True, self.joined
        self.uid = self.joined.get("uid", "")

    @staticmethod
    def decode(text: bytes) -> Event:
        event = json.loads(text)
        assert isinstance(event, dict), event
        return event

    def receive_event(self) -> Event:
        return self.decode(self.receive_text())

    def receive_message(self) -> Any:
        """The payload of the next event, which must be a message."""
        event = self.receive_event()
        assert "message" in event, event
        assert "type" not in event, event
        return event["message"]

    def receive_error(self) -> str:
        """The text of the next event, which must be an error."""
        event = self.receive_event()
        assert list(event) == ["type", "message", "date"], event
        assert event["type"] == "error", event
        assert isinstance(event["message"], str), event
        assert event["message"], "an error without a text"
        return event["message"]

    def receive_through(self, is_last: Callable[[Event], bool]) -> list[Event]:
        """Events up to and with the first for which `is_last` holds."""
        events = [self.receive_event()]
        while not is_last(events[-1]):
            events.append(self.receive_event())
        return events

    def receive_total(self, total: int) -> list[Event]:
        """Events up to the join or leave after which the channel has `total` members."""
        return self.receive_through(lambda event: event.get("total") == total)

    def settle(self) -> list[Event]:
        """Everything that was on its way here: what arrives before a message to oneself comes back."""
        marker = secrets.token_hex(8)
        self.send_text(f'@@{self.uid}@@"{marker}"')
        return self.receive_through(lambda event: event.get("message") == marker)[:-1]

    def settle_by_ping(self) -> list[Event]:
        """As `settle`, for where a message would change what is tested: what arrives before a pong."""
        payload = secrets.token_bytes(8)
        self.send_frame(PING, payload)
        events = []
        while (received := self.receive()) != (PONG, payload):
            assert received[0] == TEXT, received
            events.append(self.decode(received[1]))
        return events

    def leave(self) -> None:
        """The closing handshake, begun by this side."""
        self.send_close(1000)
        kind, _ = self.receive()
        while kind != CLOSE:
            kind, _ = self.receive()
        self.expect_end()


class UnixMember(Member):
    """A member that is connected through a Unix socket."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT_SECONDS)
        self.socket.connect(path)
        self._received = bytearray()


class Visitors:
    """The connections of one test to one server; closed, however the test ended, when the context is left."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._all: list[Connection] = []

    def connect(self) -> Connection:
        return self.keep(Connection(self.address))

    def dial(self) -> Member:
        """A connection whose opening handshake the test does by hand."""
        return self.keep(Member(self.address))

    def dial_slow(self, receive_buffer_bytes: int) -> Member:
        """As `dial`, with so little room for what is not read."""
        return self.keep(Member(self.address, receive_buffer_bytes=receive_buffer_bytes))

    def call(self, head: bytes) -> Member:
        """A connection on which `head` has been sent, which may be anything."""
        caller = self.dial()
        caller.send(head)
        return caller

    def open(self, target: str, *, headers: Mapping[str, str] | None = None) -> WebSocket:
        """A connection that is no member of a channel: a party connection, say."""
        client = self.dial()
        client.open(target, headers=headers)
        return client

    def enter(
        self,
        target: str,
        *,
        then: bytes = b"",
        headers: Mapping[str, str] | None = None,
        receive_buffer_bytes: int | None = None,
    ) -> Member:
        """A member by the target as it is on the request line."""
        member = self.keep(Member(self.address, receive_buffer_bytes=receive_buffer_bytes))
        member.enter(target, then=then, headers=headers)
        return member

    def stream(
        self,
        target: str,
        *headers: str,
        receive_buffer_bytes: int | None = None,
    ) -> StreamReader:
        """A reader of the event stream at the target as it is on the request line."""
        reader = self.keep(StreamReader(self.address, receive_buffer_bytes=receive_buffer_bytes))
        reader.enter(target, *headers)
        return reader

    def join(
        self,
        channel: str,
        path: str = "/c/",
        *,
        receive_buffer_bytes: int | None = None,
        **options: str,
    ) -> Member:
        """A member by the channel's name; `as_` stands for the option `as`."""
        query = urlencode({name.rstrip("_"): value for name, value in options.items()})
        target = f"{path}{quote(channel, safe='')}" + (f"?{query}" if query else "")
        return self.enter(target, receive_buffer_bytes=receive_buffer_bytes)

    def keep(self, connection: T) -> T:
        self._all.append(connection)
        return connection

    def close(self) -> None:
        for connection in self._all:
            connection.close()
        self._all.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Bystanders:
    """Two members of a channel of their own, who must not notice what others do to the server."""

    def __init__(self, visitors: Visitors, channel: str | None = None) -> None:
        name = channel or new_channel()
        self.first = visitors.join(name)
        self.second = visitors.join(name)
        self.first.receive_total(2)

    def exchange(self) -> None:
        """One message each way; nothing else may arrive."""
        for sender, receiver in ((self.first, self.second), (self.second, self.first)):
            marker = secrets.token_hex(8)
            sender.send_text(f'"{marker}"')
            assert receiver.receive_message() == marker
