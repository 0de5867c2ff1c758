"""PartySocket: who it is, where it goes, and how it is moved."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import trio
from support.process import RelayProcess
from trio.testing import MockClock

from python_clients.fake_network import FakeNetwork
from python_clients.recorder import Recorder
from relay.client.fetch import Response
from relay.client.party import PartySocket, open_party_socket
from relay.client.transport import ConnectError

ADDRESS = {"host": "localhost:1999", "room": "r"}


def party_on(network: FakeNetwork, **options: Any) -> PartySocket:
    return PartySocket(**{**ADDRESS, "transport": network.open, **options})


async def test_id_is_a_uuid_that_stays(autojump_clock: MockClock) -> None:
    network = FakeNetwork(1, 1, "open")
    async with party_on(network) as socket:
        await Recorder(socket).until("open", 3)
        assert uuid.UUID(socket.id).version == 4
        assert set(network.urls) == {f"ws://localhost:1999/parties/main/r?_pk={socket.id}"}


async def test_query_function_is_asked_before_every_attempt(autojump_clock: MockClock) -> None:
    network = FakeNetwork(1, "open")
    numbers = iter("12")

    async def query() -> dict[str, str]:
        return {"token": next(numbers)}

    async with party_on(network, id="me", query=query) as socket:
        await Recorder(socket).until("open", 2)
    start = "ws://localhost:1999/parties/main/r?_pk=me"
    assert network.urls == [f"{start}&token=1", f"{start}&token=2"]


async def test_query_that_fails_is_an_error_event(autojump_clock: MockClock) -> None:
    async with party_on(FakeNetwork(), query=lambda: 1 / 0, max_retries=0) as socket:
        told = Recorder(socket)
        await told.until("error")
        assert told.events[0].message == "division by zero"


async def test_properties() -> None:
    async with party_on(
        FakeNetwork(), host="https://a.test/", party="p", path="x/y", id="me"
    ) as socket:
        assert (socket.id, socket.name, socket.room) == ("me", "p", "r")
        assert (socket.host, socket.path, socket.base_path) == ("a.test", "x/y", "")
        assert socket.room_url == "wss://a.test/parties/p/r/x/y"
    async with party_on(FakeNetwork()) as socket:
        assert (socket.name, socket.path) == ("main", "")


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"host": "a.test"}, ValueError, "room: expected a room or a base_path"),
        ({"room": "r"}, ValueError, "host: expected a host"),
        ({**ADDRESS, "path": "/x"}, ValueError, "path: expected no slash"),
        ({**ADDRESS, "id": 3}, TypeError, "id: expected a string, not int"),
        ({**ADDRESS, "roomm": "r"}, TypeError, "roomm: there is no such option"),
        ({**ADDRESS, "max_retries": -1}, ValueError, "max_retries: expected a number"),
    ],
)
def test_bad_options(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{text}"):
        PartySocket(**options)


async def test_started_closed_it_gets_its_room_later(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with PartySocket(host="a.test", start_closed=True, transport=network.open) as socket:
        with pytest.raises(ValueError, match=r"^room: "):
            socket.reconnect()
        socket.update_properties(room="late")
        socket.reconnect()
        await Recorder(socket).until("open")
    assert network.urls == [f"wss://a.test/parties/main/late?_pk={socket.id}"]


async def test_updates_add_up_and_wait_for_the_next_attempt(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with party_on(network, path="x", query={"a": 1}) as socket:
        told = Recorder(socket)
        await told.until("open")
        socket.update_properties(party="p")
        socket.update_properties(room="s", min_uptime=9)
        assert (socket.name, socket.room, len(network.urls)) == ("p", "s", 1)
        socket.reconnect()
        await told.until("open", 2)
        socket.update_properties(path=None, query=None)
        socket.reconnect()
        await told.until("open", 3)
    assert network.urls[1:] == [
        f"ws://localhost:1999/parties/p/s/x?_pk={socket.id}&a=1",
        f"ws://localhost:1999/parties/p/s?_pk={socket.id}",
    ]


async def test_an_update_that_is_refused_changes_nothing() -> None:
    async with party_on(FakeNetwork()) as socket:
        with pytest.raises(ValueError, match=r"^jitter: "):
            socket.update_properties(room="other", jitter=2)
        assert socket.room == "r"


@pytest.mark.parametrize(("key", "logs"), [("room", 1), ("party", 1), ("path", 0)])
async def test_slashes_are_warned_of(key: str, logs: int, caplog: pytest.LogCaptureFixture) -> None:
    async with party_on(FakeNetwork(), **{key: "zq/zq"}):
        pass
    assert len(caplog.records) == logs
    assert "zq" not in caplog.text
    caplog.clear()
    async with party_on(FakeNetwork(), disable_name_validation=True, **{key: "zq/zq"}):
        pass
    assert not caplog.records


@pytest.mark.parametrize(
    ("changes", "transfer", "sent"),
    [
        ({"query": {"token": "2"}}, None, ["queued"]),
        ({"room": "other"}, None, []),
        ({"room": "other"}, True, ["queued"]),
        ({"query": {"token": "2"}}, False, []),
    ],
)
async def test_moving_takes_the_queue_along_within_a_room(
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, Any],
    transfer: bool | None,
    sent: list[str],
) -> None:
    network = FakeNetwork("stall", "open")
    async with party_on(network) as socket:
        told = Recorder(socket)
        socket.send("queued")
        socket.move(transfer_enqueued_messages=transfer, **changes)
        await told.until("open")
        await trio.testing.wait_all_tasks_blocked()
        assert network.last.sent == sent
    told_of = [record for record in caplog.records if "were dropped" in record.message]
    assert len(told_of) == (0 if sent else 1)


async def test_block_with_handlers(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    heard: list[str] = []

    def hear(event: Any) -> None:
        heard.append(event.type)

    async with open_party_socket(
        on_open=hear, on_message=hear, on_close=hear, transport=network.open, **ADDRESS
    ) as socket:
        await Recorder(socket).until("open")
        network.last.deliver("hello")
        await trio.testing.wait_all_tasks_blocked()
    assert heard == ["open", "message", "close"]


async def test_block_with_a_bad_handler() -> None:
    with pytest.raises(TypeError, match=r"^on_open: expected a function"):
        async with open_party_socket(on_open="print", **ADDRESS):
            pass


# Fetch


def test_fetch_from_the_relay(relay: RelayProcess) -> None:
    host, port = relay.address
    answer = PartySocket.fetch(host=f"{host}:{port}", base_path="health")
    assert (answer.status, answer.is_ok, answer.text()) == (200, True, "ok")
    assert answer.headers["content-type"].startswith("text/plain")


async def test_fetch_async_from_the_relay(relay: RelayProcess) -> None:
    host, port = relay.address

    async def query() -> dict[str, str]:
        return {"a": "1"}

    answer = await PartySocket.fetch_async(
        host=f"{host}:{port}", room="r", path="nowhere", query=query, method="PUT", body="x"
    )
    assert not answer.is_ok
    assert "error" in answer.json()


def test_fetch_takes_no_async_query() -> None:
    async def query() -> dict[str, str]:
        return {}

    with pytest.raises(TypeError, match="fetch_async"):
        PartySocket.fetch(**ADDRESS, query=query)


def test_fetch_from_nobody() -> None:
    with pytest.raises(ConnectError, match="no answer"):
        PartySocket.fetch(host="127.0.0.1:1", room="r")


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"method": "GET /"}, ValueError, "method: "),
        ({"headers": {"x-a": "1\r\n"}}, ValueError, "headers: "),
        ({"id": "me"}, TypeError, "id: there is no such argument"),
        ({"room": None}, ValueError, "room: "),
    ],
)
def test_fetch_refuses(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{text}"):
        PartySocket.fetch(**{**ADDRESS, **options})


def test_body_that_is_no_json() -> None:
    with pytest.raises(ValueError, match="JSON"):
        Response(200, {}, b"<html>").json()
