"""Every public argument: one that is wrong raises an error that begins with its name, at the call that it was given to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf, nan
from typing import Any

import pytest

import relay
from python_clients.fake_network import FakeNetwork
from python_clients.sockets import URL, socket_on
from relay.client.fetch import fetch
from relay.client.party import open_party_socket
from relay.client.reconnecting import ReconnectingWebSocket
from relay.client.transport import open_transport

Call = Callable[..., object]

NO_NUMBERS = ["1", True, None, [1], b"1", 1j]
NO_DURATIONS = [*NO_NUMBERS, -1, -0.001, nan]
NO_FLAGS = [1, 0, "yes", None]
NO_TEXTS = [5, b"x", ["x"], "\ud800"]
NO_FUNCTIONS = [5, "x", False]
NO_CONTEXTS = [True, "cert.pem", {}]
NO_HEADERS = [5, "x-a: b", ["x"], [("x",)], [("x", "1", "2")], {"x": 1}, {"a b": "1"}, {"x": "\n"}]
NO_CODES = [None, "1000", True, 1000.0, 0, 999, 1001, 2999, 5000, -1, 10**5000]
NO_REASONS = [None, 5, b"x", "x" * 124, "é" * 62, "\ud800"]


async def later(*_: object) -> None:
    """What nobody would await."""


class Later:
    """Objects of which the call, or the method that hears events, would have to be awaited."""

    __call__ = later
    handle_event = later


def party(**options: Any) -> object:
    return relay.PartySocket(**{"host": "h", "room": "r", "start_closed": True, **options})


def reconnecting(**options: Any) -> object:
    return ReconnectingWebSocket(URL, start_closed=options.pop("start_closed", True), **options)


def channel(**options: Any) -> object:
    return relay.connect(**{"channel": "room", "base_url": "ws://h", **options})


def table(rows: dict[Call, dict[str, list[Any]]]) -> list[Any]:
    """A case for each wrong value of each argument."""
    return [
        pytest.param(call, name, value, id=f"{name}-{index}")
        for call, arguments in rows.items()
        for name, values in arguments.items()
        for index, value in enumerate(values)
    ]


CHANNELS: dict[Call, dict[str, list[Any]]] = {
    relay.Backoff: {
        "first_seconds": [*NO_DURATIONS, inf],
        "factor": [*NO_DURATIONS, 0.5, inf],
        "longest_seconds": [*NO_DURATIONS, inf, 0.5, 10**400],
        "jitter": [*NO_DURATIONS, 1.1, 10**5000],
    },
    relay.Backoff().delay_seconds: {"failures": [*NO_NUMBERS, 0, nan]},
    partial(relay.Backoff().delay_seconds, 1): {"chance": ["1", True, -0.1, 1.1, nan]},
    channel: {
        "channel": [*NO_TEXTS, None, "ws://"],
        "alias": NO_TEXTS,
        "as_": NO_TEXTS,
        "announce": NO_FLAGS,
        "echo": NO_FLAGS,
        "list_": NO_FLAGS,
        "join_key": [*NO_TEXTS, "é", "a\nb", " "],
        "send_key": [*NO_TEXTS, "é", "a\nb", " "],
        "reconnect": [None, 1, "yes", {}],
        "base_url": [*NO_TEXTS, "", "h", "ftp://h", "http://", "ws://h?x", "ws://h#", "ws://a@h"],
    },
    relay.connect("room").wait: {"timeout": ["1", True, [1], -1, nan]},
    partial(relay.connect("room").on, listener=print): {"when": [None, 5, later, Later()]},
    partial(relay.connect("room").on, "message"): {"listener": [*NO_FUNCTIONS, later, Later()]},
    partial(relay.connect("room").send, 1): {"uid": [5, b"x", ["x"], False, "\ud800", "a@@b"]},
    relay.connect("room").send: {"message": [b"x", "\ud800", 10**5000, print]},
}

SOCKETS: dict[Call, dict[str, list[Any]]] = {
    reconnecting: {
        "max_reconnection_delay": [*NO_DURATIONS, inf],
        "min_reconnection_delay": [*NO_DURATIONS, inf],
        "reconnection_delay_grow_factor": [*NO_DURATIONS, inf],
        "jitter": [*NO_DURATIONS, 1.1],
        "min_uptime": NO_DURATIONS,
        "connection_timeout": [*NO_DURATIONS, 0],
        "max_retries": NO_DURATIONS,
        "max_enqueued_messages": NO_DURATIONS,
        "start_closed": NO_FLAGS,
        "should_reconnect_on_close": [*NO_FUNCTIONS, later, Later()],
        "ping": ["1", True, 0, -1, nan],
        "headers": NO_HEADERS,
        "ssl_context": NO_CONTEXTS,
        "max_message_bytes": [*NO_DURATIONS, 0],
        "transport": [*NO_FUNCTIONS, None],
        "debug": NO_FLAGS,
        "debug_logger": [*NO_FUNCTIONS, later],
        "maxRetries": [1],
    },
    ReconnectingWebSocket: {"url": ["", "room", "http://h", "ws://", "ws://h:0", "ws://h#"]},
    party: {
        "host": [
            5,
            b"h",
            "\ud800",
            "h h",
            "a@h",
            "h#x",
            "h?x",
            "h:0",
            "h:99999",
            "http://",
            "[::1",
        ],
        "room": NO_TEXTS,
        "party": NO_TEXTS,
        "base_path": NO_TEXTS,
        "prefix": NO_TEXTS,
        "path": [*NO_TEXTS, "/x"],
        "protocol": [*NO_TEXTS, "http", "WS", "ftp"],
        "id": [5, b"x", "\ud800", False],
        "query": [5, "a=1", {"a": []}, {5: "x"}, {"a": "\ud800"}, {"a": b"x"}],
        "disable_name_validation": [1, "yes"],
        "max_retries": ["1", True, -1],
        "headers": NO_HEADERS,
    },
}

REQUESTS: dict[Call, dict[str, list[Any]]] = {
    partial(fetch, "http://h"): {
        "method": [5, None, "", "GET /", "GÉT"],
        "headers": NO_HEADERS,
        "body": [5, ["x"], "\ud800"],
        "timeout_seconds": [*NO_DURATIONS, 0, inf],
        "ssl_context": NO_CONTEXTS,
    },
    fetch: {"url": [5, None, "", "h", "ftp://h", "http://", "http://h:0", "http://a@h", "ws://h"]},
    partial(relay.PartySocket.fetch, host="h", room="r"): {
        "method": [5, ""],
        "query": [5, later, {"a": []}],
        "body": [5],
        "protocol": ["ftp"],
        "timeout_seconds": NO_DURATIONS,
        "id": ["x"],
    },
}


@pytest.mark.parametrize(("call", "name", "value"), table({**CHANNELS, **SOCKETS, **REQUESTS}))
def test_it_is_named(call: Call, name: str, value: object) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        call(**{name: value})
    assert str(caught.value).startswith(f"{name}: "), caught.value


async def test_methods_of_sockets() -> None:
    async with socket_on(FakeNetwork()) as socket:
        rows: dict[Call, dict[str, list[Any]]] = {
            socket.send: {"data": [5, None, ["x"], "\ud800"]},
            socket.close: {"code": NO_CODES},
            socket.reconnect: {"code": NO_CODES},
            partial(socket.close, 1000): {"reason": NO_REASONS},
            partial(socket.reconnect, 1000): {"reason": NO_REASONS},
            socket.wait: {"timeout_seconds": ["1", True, -1, nan]},
            partial(socket.add_event_listener, "open"): {"listener": [*NO_FUNCTIONS, later]},
            partial(socket.add_event_listener, listener=print): {"event_type": [5, "opened", []]},
            partial(socket.add_event_listener, "open", print): {"once": NO_FLAGS},
            **{
                partial(setattr, socket, name): {name: [*NO_FUNCTIONS, later]}
                for name in ("onopen", "onmessage", "onclose", "onerror")
            },
            partial(setattr, socket, "binary_type"): {"binary_type": ["blob", 5, [], None]},
        }
        for call, arguments in rows.items():
            for name, values in arguments.items():
                for value in values:
                    with pytest.raises((TypeError, ValueError)) as caught:
                        call(value) if "setattr" in repr(call) else call(**{name: value})
                    assert str(caught.value).startswith(f"{name}: "), (caught.value, value)
        with pytest.raises(TypeError, match=r"^listener.handle_event: expected a plain function"):
            socket.add_event_listener("open", Later())


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in ("on_open", "on_message", "on_close", "on_error") for value in (5, later)]
    + [("room", 5), ("max_retries", "1")],
)  # fmt: skip
async def test_blocks_with_handlers(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: expected"):
        async with open_party_socket(**{"host": "h", "room": "r", name: value}):
            pass


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("connect_timeout_seconds", value) for value in [*NO_DURATIONS, 0]),
        *(("max_message_bytes", value) for value in [*NO_DURATIONS, 0]),
        *(("ping", value) for value in ("1", True, 0, nan)),
        *(("headers", value) for value in NO_HEADERS),
        *(("ssl_context", value) for value in NO_CONTEXTS),
        *(("subprotocols", value) for value in (5, "chat", [5], ["a b"], ["a", "a"])),
        *(("url", value) for value in (5, None, "h", "ws://", "ws://h#")),
    ],
)
async def test_transports(name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        async with open_transport(**{"url": "ws://127.0.0.1:1", name: value}):
            pass
    assert str(caught.value).startswith(f"{name}: "), caught.value


def test_move_and_update() -> None:
    socket = relay.PartySocket(host="h", room="r", start_closed=True)
    with pytest.raises(TypeError, match=r"^transfer_enqueued_messages: expected"):
        socket.move(transfer_enqueued_messages=1)  # type: ignore[arg-type]
    for options in ({"room": 5}, {"max_retries": -1}, {"headers": "x"}, {"host": "h:0"}):
        name = next(iter(options))
        with pytest.raises((TypeError, ValueError), match=rf"^{name}: expected"):
            socket.update_properties(**options)  # type: ignore[arg-type]
        with pytest.raises((TypeError, ValueError), match=rf"^{name}: expected"):
            socket.move(**options)  # type: ignore[arg-type]
    assert socket.room_url == "wss://h/parties/main/r"


def test_what_is_at_a_limit_is_taken() -> None:
    relay.Backoff(first_seconds=30, longest_seconds=30)
    assert relay.connect("room").wait(0) is None
    assert relay.connect("room").wait(inf) is None
    assert relay.connect("room").wait(10**300) is None
    reconnecting(ping=None, headers=iter([("x", "1")]), ssl_context=None, max_retries=inf)
    party(room=None, party=None, id="", query=None, disable_name_validation=None)
