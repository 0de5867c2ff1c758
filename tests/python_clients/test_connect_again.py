"""What is asked of a channel during its close, and after it."""

from __future__ import annotations

import threading
from queue import Queue
from typing import Any

import pytest
import trio
from support.connection import LIMIT_SECONDS
from support.member import Member, Visitors

import relay as client
from relay.client.transport import Transport

from .heard import Heard

pytestmark = pytest.mark.usefixtures("base_url")


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def closing(monkeypatch: pytest.MonkeyPatch) -> Queue[threading.Event]:
    """Closings that have begun, each an event for which it waits before it goes on."""
    begun: Queue[threading.Event] = Queue()
    aclose = Transport.aclose
    seen: list[Transport] = []

    async def wait_and_close(transport: Transport, *args: Any) -> None:
        if transport not in seen:
            seen.append(transport)
            begun.put(go_on := threading.Event())
            await trio.to_thread.run_sync(go_on.wait, LIMIT_SECONDS)
        await aclose(transport, *args)

    monkeypatch.setattr(Transport, "aclose", wait_and_close)
    return begun


@pytest.mark.parametrize(
    ("calls", "stays_open"),
    [
        ([("push", 2)], False),
        ([("push", 2), ("push", 3)], False),
        ([("send", 2)], True),
        ([("push", 2), ("send", 3)], True),
        ([("push", 2), ("open",)], True),
        ([("on", "x", print)], True),
        ([("open",), ("close",)], False),
    ],
)
def test_what_is_asked_for_during_a_close_is_done(
    visit: Visitors,
    channel: str,
    heard: Heard,
    closing: Queue[threading.Event],
    calls: list[tuple[Any, ...]],
    stays_open: bool,
) -> None:
    member = visit.join(channel)
    made = client.connect(channel).on("open", heard).on("close", heard).push(1)
    heard.next_of(client.OpenEvent)
    go_on = closing.get(timeout=LIMIT_SECONDS)
    for name, *arguments in calls:
        getattr(made, name)(*arguments)
    go_on.set()
    heard.next_of(client.CloseEvent)
    sent = [1, *(call[1] for call in calls if call[0] in ("push", "send"))]
    assert payloads(member, sent[-1]) == sent
    if stays_open or len(sent) > 1:
        heard.next_of(client.OpenEvent)
    if stays_open:
        assert closing.empty()
        made.close()
    if stays_open or len(sent) > 1:
        closing.get(timeout=LIMIT_SECONDS).set()
    assert made.wait(LIMIT_SECONDS) == client.CloseEvent(code=1000, was_clean=True)
    assert closing.empty()


def payloads(member: Member, last: int) -> list[Any]:
    events = member.receive_through(lambda event: event.get("message") == last)
    return [event["message"] for event in events if "message" in event]


def test_a_listener_of_the_close_may_open_again(
    visit: Visitors, channel: str, heard: Heard
) -> None:
    def again(event: Any) -> None:
        made.remove("close", again).push(1)

    member = visit.join(channel)
    made = client.connect(channel).on("open", heard).on("close", again).on("close", heard)
    heard.next_of(client.OpenEvent)
    made.close()
    assert [type(heard.next()).__name__ for _ in range(3)] == [
        "CloseEvent",
        "OpenEvent",
        "CloseEvent",
    ]
    assert payloads(member, 1) == [1]
