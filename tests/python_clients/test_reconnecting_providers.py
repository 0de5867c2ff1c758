"""URLs and subprotocols that are asked for before every attempt."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from python_clients.fake_network import FakeNetwork, refused
from python_clients.recorder import Recorder
from python_clients.sockets import URL, socket_on, to_the_end
from relay.client.reconnecting import ReconnectingWebSocket


async def test_providers_are_asked_anew_before_every_attempt(autojump_clock: MockClock) -> None:
    network = FakeNetwork(refused(), refused(), "open")
    numbers = iter(range(1, 10))

    async def protocols() -> list[str]:
        return ["chat"]

    async with socket_on(network, lambda: f"{URL}/{next(numbers)}", protocols=protocols) as socket:
        await Recorder(socket).until("open")
        assert socket.url == f"{URL}/3"
    assert network.urls == [f"{URL}/{number}" for number in (1, 2, 3)]
    assert [options["subprotocols"] for options in network.options] == [("chat",)] * 3


async def test_providers_run_at_the_same_time_after_the_delay(autojump_clock: MockClock) -> None:
    async def slow(value: str) -> str:
        await trio.sleep(4)
        return value

    network = FakeNetwork(refused(), "open")
    async with socket_on(network, lambda: slow(URL), protocols=lambda: slow("chat")) as socket:
        started = trio.current_time()
        await Recorder(socket).until("open")
        assert [at - started for at in network.times] == [4, 11]


@pytest.mark.parametrize(
    ("given", "offered"),
    [
        (None, ()),
        ("", ()),
        ([], ()),
        ("chat", ("chat",)),
        (["a", "b"], ("a", "b")),
        (("a",), ("a",)),
    ],
)
@pytest.mark.parametrize("how", ["value", "function", "async"])
async def test_forms_of_protocols(
    autojump_clock: MockClock, given: Any, offered: tuple[str, ...], how: str
) -> None:
    async def later() -> Any:
        return given

    protocols = {"value": given, "function": lambda: given, "async": later}[how]
    network = FakeNetwork()
    async with socket_on(network, protocols=protocols) as socket:
        await Recorder(socket).until("open")
    assert network.options[0]["subprotocols"] == offered


@pytest.mark.parametrize("url", [None, 3, b"ws://x", lambda: None, lambda: 3])
async def test_invalid_url_is_an_error_event(autojump_clock: MockClock, url: Any) -> None:
    network = FakeNetwork()
    async with socket_on(network, url, max_retries=1) as socket:
        told = Recorder(socket)
        await to_the_end(socket)
        assert told.types == ["error", "error"]
        assert told.events[0].message == "Invalid URL"
    assert network.times == []


@pytest.mark.parametrize("protocols", [3, {"a": 1}, [1], lambda: 3])
async def test_invalid_protocols_are_an_error_event(
    autojump_clock: MockClock, protocols: Any
) -> None:
    async with socket_on(FakeNetwork(), protocols=protocols, max_retries=0) as socket:
        told = Recorder(socket)
        await to_the_end(socket)
        assert [event.message for event in told.events] == ["Invalid protocols"]


async def test_provider_that_fails_is_asked_again(autojump_clock: MockClock) -> None:
    outcomes = iter([RuntimeError("no token"), URL])

    async def url() -> str:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    network = FakeNetwork()
    async with socket_on(network, url) as socket:
        told = Recorder(socket)
        await told.until("open")
        assert told.types == ["error", "open"]
        assert told.events[0].message == "no token"
        assert isinstance(told.events[0].error, RuntimeError)


@pytest.mark.parametrize("url", ["http://x/", "ws:///room", "ws://h:0/", "ws://h/#x", ""])
def test_a_string_that_leads_nowhere_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"^url: expected"):
        ReconnectingWebSocket(url)


async def test_url_that_cannot_be_connected_to_is_an_error_event(autojump_clock: MockClock) -> None:
    async with ReconnectingWebSocket(lambda: "http://x/", max_retries=0) as socket:
        told = Recorder(socket)
        await to_the_end(socket)
        assert told.types == ["error"]
        assert "expected the scheme ws or wss" in told.events[0].message
