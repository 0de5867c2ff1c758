"""Who hears an event, and in which order."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from relay.client.listeners import Listeners, check_listener
from relay.client.socket_events import OpenEvent


class Handler:
    """An object that listens, and one whose method does."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def handle_event(self, event: Any) -> None:
        self.heard.append(event)

    def hear(self, event: Any) -> None:
        self.heard.append(event)


@pytest.fixture
def listeners() -> Listeners[Any]:
    return Listeners(("open", "message"))


def test_order_is_that_of_adding_after_the_first(listeners: Listeners[Any]) -> None:
    order: list[str] = []
    listeners.add("open", lambda _: order.append("one"))
    listeners.add("open", lambda _: order.append("two"))
    listeners.add("message", lambda _: order.append("another type"))
    listeners.run("open", OpenEvent(), first=lambda _: order.append("first"))
    assert order == ["first", "one", "two"]


@pytest.mark.parametrize("form", ["object", "method"])
def test_added_twice_is_once(listeners: Listeners[Any], form: str) -> None:
    handler = Handler()
    for _ in range(2):
        listeners.add("open", handler if form == "object" else handler.hear)
    listeners.run("open", 1)
    assert handler.heard == [1]
    listeners.remove("open", handler if form == "object" else handler.hear)
    listeners.run("open", 2)
    assert handler.heard == [1]
    assert not listeners.has("open")


def test_methods_of_equal_objects_are_two(listeners: Listeners[Any]) -> None:
    one, other = Handler(), Handler()
    listeners.add("open", one.hear)
    listeners.add("open", other.hear)
    listeners.run("open", 1)
    assert one.heard == other.heard == [1]


def test_once_is_heard_once_even_when_it_runs_the_event_again(listeners: Listeners[Any]) -> None:
    heard: list[int] = []

    def hear(event: int) -> None:
        heard.append(event)
        if event == 1:
            listeners.run("open", 2)

    listeners.add("open", hear, once=True)
    listeners.run("open", 1)
    assert heard == [1]


def test_changes_take_effect_with_the_next_event(listeners: Listeners[Any]) -> None:
    late = Handler()
    listeners.add("open", lambda _: listeners.add("open", late))
    listeners.add("open", lambda _: listeners.remove("open", late))
    listeners.run("open", 1)
    assert late.heard == []


def test_one_that_raises_stops_no_other(
    listeners: Listeners[Any], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Any) -> None:
        raise ValueError("the secret")

    handler = Handler()
    listeners.add("open", fail)
    listeners.add("open", handler)
    listeners.run("open", OpenEvent(), first=fail)
    assert handler.heard == [OpenEvent()]
    (first, second) = caplog.records
    assert first.name == second.name == "relay.client"
    assert first.levelno == logging.ERROR
    assert first.message.startswith("ValueError in a listener of open (")
    assert "the secret" not in caplog.text


def test_removing_what_does_not_listen_does_nothing(listeners: Listeners[Any]) -> None:
    listeners.remove("open", Handler())
    assert not listeners.has("open")


@pytest.mark.parametrize("event_type", ["opened", "", None, ["open"]])
def test_unknown_types_are_refused(listeners: Listeners[Any], event_type: Any) -> None:
    with pytest.raises(ValueError, match=r"event_type: .* is none of open, message"):
        listeners.add(event_type, print)


async def listen_async(_: Any) -> None:
    raise AssertionError


@pytest.mark.parametrize(
    ("listener", "text"),
    [
        (None, "expected a function or an object with handle_event, not NoneType"),
        ("print", "expected a function or an object with handle_event, not str"),
        (listen_async, "expected a plain function, not an async one"),
    ],
)
def test_what_cannot_listen_is_refused(listener: Any, text: str) -> None:
    with pytest.raises(TypeError, match=rf"onopen: {text}"):
        check_listener("onopen", listener)
