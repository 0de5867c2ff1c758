"""The operator's side of a relay, and an operator's requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, TypeAlias

import pytest
from support.connection import Address, Connection, Response
from support.fixtures import channel, start_relay, visit_at
from support.process import RelayProcess

__all__ = ["ask_at", "channel", "relay", "start_relay", "visit_at"]

ADMIN = ("--admin", "127.0.0.1:0")
TOKEN = "0123456789abcdef-s3cret"


class Operator:
    """Asks the operator's side of one server, each time on a connection of its own."""

    def __init__(self, address: Address, token: str = "") -> None:
        self.address = address
        self.token = token
        self._stack = ExitStack()

    def connect(self) -> Connection:
        connection = Connection(self.address)
        self._stack.callback(connection.close)
        return connection

    def head(self, target: str, method: str = "GET", *lines: str) -> bytes:
        """The head of a request; `lines` may bring another Host."""
        host, port = self.address
        own = (
            []
            if any(line.lower().startswith("host:") for line in lines)
            else [f"Host: {host}:{port}"]
        )
        if self.token:
            own.append(f"Authorization: Bearer {self.token}")
        return "\r\n".join([f"{method} {target} HTTP/1.1", *own, *lines, "", ""]).encode()

    def ask(self, target: str, *lines: str, method: str = "GET") -> Response:
        return self.send(self.head(target, method, *lines), to_head=method == "HEAD")

    def send(self, data: bytes, *, to_head: bool = False) -> Response:
        connection = self.connect()
        connection.send(data)
        return connection.receive_response(to_head=to_head)

    def read(self, target: str) -> Any:
        """The JSON of a request that must succeed."""
        response = self.ask(target)
        assert response.status == 200, response
        assert response.headers["content-type"] == "application/json"
        return json.loads(response.body)

    def order(self, target: str, order: object, *lines: str) -> Response:
        """The answer to a POST; `order` is the body as it is when it is bytes."""
        body = order if isinstance(order, bytes) else json.dumps(order).encode()
        if not any(line.lower().startswith("content-type:") for line in lines):
            lines = (*lines, "Content-Type: application/json")
        return self.send(self.head(target, "POST", *lines, f"Content-Length: {len(body)}") + body)

    def close(self) -> None:
        self._stack.close()


AskAt: TypeAlias = Callable[..., Operator]


@pytest.fixture(scope="session")
def relay() -> Iterator[RelayProcess]:
    """A relay with the default settings and an operator's side."""
    with RelayProcess(*ADMIN, seconds_to_live=3600) as server:
        yield server


@pytest.fixture
def ask_at() -> Iterator[AskAt]:
    """Operators of any server."""
    with ExitStack() as stack:

        def operator(server: RelayProcess, token: str = "") -> Operator:
            found = Operator(server.admin_address, token)
            stack.callback(found.close)
            return found

        yield operator


@pytest.fixture
def operator(relay: RelayProcess, ask_at: AskAt) -> Operator:
    """An operator of the default server."""
    return ask_at(relay)


def error_of(response: Response) -> str:
    """The text of an error, which is JSON `{"error": "…"}`."""
    assert response.headers["content-type"] == "application/json", response
    content = json.loads(response.body)
    assert list(content) == ["error"]
    assert isinstance(content["error"], str)
    return content["error"]
