"""Which listeners run, and in which order; with events made by hand."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from relay.client.dispatch import RESERVED_TYPES, Listeners
from relay.client.events import CloseEvent, Event, OpenEvent, decode_event

NAMES = ("message", "*", "cursor", "kicked", *sorted(RESERVED_TYPES - {"message"}))


def event(**envelope: Any) -> Event:
    return decode_event(json.dumps(envelope))


def heard_by(listeners: Listeners, given: Event) -> list[str]:
    return [str(listener(given)) for _, listener in listeners.select(given)]


@pytest.fixture
def listeners() -> Listeners:
    """One of every type, added in an order that is not the one in which they are to run."""
    listeners = Listeners()
    listeners.add(lambda _: True, lambda _: "a predicate")
    for name in reversed(NAMES):
        listeners.add(name, lambda _, name=name: name)
    listeners.add(lambda _: True, lambda _: "another")
    return listeners


ALL = ["a predicate", "another"]


@pytest.mark.parametrize(
    ("envelope", "names"),
    [
        ({"uid": "u", "message": 1}, ["message", "*"]),
        ({"uid": "u", "message": {"type": "cursor"}}, ["cursor", "message", "*"]),
        ({"uid": "u", "message": {"type": "*"}}, ["message", "*"]),
        ({"uid": "u", "message": {"type": 5}}, ["message", "*"]),
        ({"type": "join", "total": 1}, ["join", "*"]),
        ({"type": "leave", "total": 1}, ["leave", "*"]),
        ({"type": "error", "message": "no"}, ["error", "*"]),
        ({"type": "error", "message": {"type": "cursor"}}, ["error", "*"]),
        ({"type": "gap", "missed": 1}, ["gap", "*"]),
        ({"type": "kicked"}, ["kicked", "*"]),
        ({"type": None, "date": 1}, ["*"]),
        ({"date": 1}, ["*"]),
    ],
)
def test_order(listeners: Listeners, envelope: dict[str, Any], names: list[str]) -> None:
    assert heard_by(listeners, event(**envelope)) == [*names, *ALL]


@pytest.mark.parametrize("kind", sorted(RESERVED_TYPES))
def test_a_payload_cannot_feign_what_the_relay_says(listeners: Listeners, kind: str) -> None:
    feigned = event(uid="u", message={"type": kind, "total": 99})
    assert heard_by(listeners, feigned) == ["message", "*", *ALL]


def test_open_and_close_are_heard_by_their_own_listeners_alone(listeners: Listeners) -> None:
    assert heard_by(listeners, OpenEvent()) == ["open"]
    assert heard_by(listeners, CloseEvent(code=1000)) == ["close"]


def test_same_type_in_order_and_twice_is_twice() -> None:
    listeners, heard = Listeners(), []
    first, second = (lambda _: heard.append(1)), (lambda _: heard.append(2))
    for listener in (first, second, first):
        listeners.add("message", listener)
    listeners.run(event(message=0))
    assert heard == [1, 2, 1]
    listeners.remove("message", first)
    listeners.run(event(message=0))
    assert heard == [1, 2, 1, 2, 1]


def test_predicates_choose() -> None:
    listeners, heard = Listeners(), []

    def is_far(given: Any) -> bool:
        return "x" in given and given.x > 10

    listeners.add(is_far, heard.append)
    for x in (9, 10, 11):
        listeners.run(event(uid="u", message={"x": x}))
    assert [given.x for given in heard] == [11]
    listeners.remove(is_far, heard.append)
    listeners.run(event(uid="u", message={"x": 12}))
    assert len(heard) == 1


def test_removing_what_is_not_there() -> None:
    listeners = Listeners()
    listeners.add("message", print)
    listeners.remove("message", repr)
    listeners.remove("join", print)
    assert [listener for _, listener in listeners.select(event(message=1))] == [print]


def test_a_listener_may_remove_itself_and_others_still_run() -> None:
    listeners, heard = Listeners(), []

    def once(given: Event) -> None:
        listeners.remove("message", once)
        heard.append("once")

    listeners.add("message", once)
    listeners.add("message", lambda _: heard.append("always"))
    for _ in range(2):
        listeners.run(event(message=0))
    assert heard == ["once", "always", "always"]


def test_one_that_raises_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    listeners, heard = Listeners(), []

    def fail(given: Any) -> None:
        raise ValueError(given.message)

    listeners.add("message", fail)
    listeners.add(fail, heard.append)
    listeners.add("message", heard.append)
    with caplog.at_level(logging.ERROR, "relay.client"):
        listeners.run(event(message="secret"))
    assert len(heard) == 1
    assert caplog.text.count("ValueError in a listener") == 2
    assert "secret" not in caplog.text
    assert "in fail" in caplog.text


@pytest.mark.parametrize(
    ("when", "listener", "name"), [(5, print, "when"), (None, print, "when"), ("message", None, "listener")]
)  # fmt: skip
def test_wrong_arguments_are_named(when: Any, listener: Any, name: str) -> None:
    for method in (Listeners().add, Listeners().remove):
        with pytest.raises(TypeError, match=rf"^{name}: expected"):
            method(when, listener)
