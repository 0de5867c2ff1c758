"""Clients of other libraries: trio-websocket and wsproto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import trio
import trio_websocket
from support.connection import LIMIT_SECONDS, Connection
from support.member import Visitors
from support.process import RelayProcess
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    Request,
    TextMessage,
)


def url(relay: RelayProcess, target: str) -> str:
    host, port = relay.address
    return f"ws://{host}:{port}{target}"


async def receive_json(connection: trio_websocket.WebSocketConnection) -> Any:
    return json.loads(await connection.get_message())


@pytest.mark.trio
async def test_trio_websocket(relay: RelayProcess, channel: str) -> None:
    first_url, second_url = (
        url(relay, f"/c/{channel}?echo=1"),
        url(relay, f"/r/{channel}?as=Ada&announce=1"),
    )
    with trio.fail_after(LIMIT_SECONDS):
        async with (
            trio_websocket.open_websocket_url(first_url) as first,
            trio_websocket.open_websocket_url(second_url) as second,
        ):
            assert (await receive_json(first))["self"] is True
            uid = (await receive_json(second))["uid"]
            assert (await receive_json(first))["uid"] == uid
            await first.send_message('{"n": 1}')
            for connection in (first, second):
                assert (await receive_json(connection))["message"] == {"n": 1}
            await first.send_message(f"@@{uid}@@2")
            assert (await receive_json(second))["message"] == 2
            await second.ping(b"payload")
            await second.aclose(4001, "done")
            assert second.closed is not None
            assert second.closed.code == 4001
            assert (await receive_json(first))["type"] == "leave"


@pytest.mark.trio
async def test_trio_websocket_many_at_once(relay: RelayProcess, channel: str) -> None:
    count = 50
    last = trio.Event()
    seen: dict[int, list[int]] = {}

    async def listen(index: int, task_status: trio.TaskStatus[None]) -> None:
        async with trio_websocket.open_websocket_url(url(relay, f"/c/{channel}")) as connection:
            await receive_json(connection)
            task_status.started()
            messages: list[int] = []
            while len(messages) < 100:
                event = await receive_json(connection)
                if "message" in event:
                    messages.append(event["message"])
            seen[index] = messages
            if len(seen) == count:
                last.set()

    with trio.fail_after(3 * LIMIT_SECONDS):
        async with trio.open_nursery() as nursery:
            for index in range(count):
                await nursery.start(lambda task_status, index=index: listen(index, task_status))
            async with trio_websocket.open_websocket_url(url(relay, f"/c/{channel}")) as sender:
                for number in range(100):
                    await sender.send_message(str(number))
                await last.wait()
    assert all(messages == list(range(100)) for messages in seen.values())


@pytest.mark.trio
async def test_trio_websocket_is_told_of_violations_by_code(
    relay: RelayProcess, channel: str
) -> None:
    with trio.fail_after(LIMIT_SECONDS):
        async with trio_websocket.open_websocket_url(url(relay, f"/c/{channel}")) as connection:
            await receive_json(connection)
            await connection.send_message("x" * (100 * 1024 + 1))
            with pytest.raises(trio_websocket.ConnectionClosed) as caught:
                await connection.get_message()
            assert caught.value.reason is not None
            assert caught.value.reason.code == 1009
            await (
                connection._stream.aclose()
            )  # it leaves its socket open when the peer closed first


class WsprotoClient:
    """wsproto's client on a blocking socket."""

    def __init__(self, connection: Connection, target: str) -> None:
        self.connection = connection
        self.protocol = WSConnection(ConnectionType.CLIENT)
        self.send(Request(host="relay.test", target=target))
        assert isinstance(next(self.events()), AcceptConnection)

    def send(self, event: Event) -> None:
        self.connection.send(self.protocol.send(event))

    def events(self) -> Iterator[Event]:
        while True:
            yield from self.protocol.events()
            data = self.connection.socket.recv(65_536)
            self.protocol.receive_data(data or None)

    def next_event(self) -> Event:
        return next(self.events())

    def next_json(self) -> Any:
        text = ""
        for event in self.events():
            assert isinstance(event, TextMessage), event
            text += event.data
            if event.message_finished:
                break
        return json.loads(text)


def test_wsproto(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    client = WsprotoClient(visit.connect(), f"/c/{channel}?as=Ada")
    assert client.next_json()["self"] is True
    witness.receive_event()

    client.send(TextMessage(data='{"text":"日', message_finished=False))
    client.send(Ping(payload=b"between"))
    client.send(Message(data='本"}', message_finished=True))
    assert witness.receive_message() == {"text": "日本"}
    pong = client.next_event()
    assert isinstance(pong, Pong)
    assert bytes(pong.payload) == b"between"

    witness.send_text('"' + "x" * 70_000 + '"')
    assert client.next_json()["message"] == "x" * 70_000

    client.send(BytesMessage(data=b"binary"))
    assert client.next_json()["type"] == "error"

    client.send(CloseConnection(code=4002, reason="done"))
    closing = client.next_event()
    assert isinstance(closing, CloseConnection)
    assert closing.code == 4002
    assert witness.receive_event()["type"] == "leave"


def test_wsproto_offering_compression(visit: Visitors, channel: str) -> None:
    """The offer may be taken or not; either way the messages arrive."""
    from wsproto.extensions import PerMessageDeflate

    witness = visit.join(channel)
    connection = visit.connect()
    protocol = WSConnection(ConnectionType.CLIENT)
    offer = Request(host="relay.test", target=f"/c/{channel}", extensions=[PerMessageDeflate()])
    connection.send(protocol.send(offer))
    while not (events := list(protocol.events())):
        protocol.receive_data(connection.socket.recv(65_536))
    assert isinstance(events[0], AcceptConnection)
    connection.send(protocol.send(TextMessage(data='"hello"')))
    assert witness.receive_event()["type"] == "join"
    assert witness.receive_message() == "hello"
