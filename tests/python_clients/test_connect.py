"""`relay.connect` against a running relay: what is sent and heard, by which thread, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from typing import Any

import pytest
from support.connection import LIMIT_SECONDS
from support.fixtures import StartRelay, VisitAt
from support.member import Visitors
from support.process import RelayProcess

import relay as client
from relay.client import background

from .heard import Heard, url_of

pytestmark = pytest.mark.usefixtures("base_url")

AT_ONCE = client.Backoff(first_seconds=0.01, longest_seconds=0.05)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.mark.parametrize("call", ["on", "send", "push", "open"])
def test_what_opens_a_channel(call: str, visit: Visitors, channel: str, heard: Heard) -> None:
    witness = visit.join(channel)
    made = client.connect(channel)
    arguments = {"on": ("message", heard), "send": (1,), "push": (1,), "open": ()}[call]
    assert getattr(made, call)(*arguments) is made
    assert witness.receive_event()["total"] == 2
    made.close().wait(LIMIT_SECONDS)


def test_what_opens_none(visit: Visitors, channel: str, heard: Heard) -> None:
    witness = visit.join(channel)
    made = client.connect(channel)
    assert made.remove("message", heard) is made
    assert made.close() is made
    assert made.wait(LIMIT_SECONDS) is None
    assert witness.settle() == []


def test_a_whole_program(visit: Visitors, channel: str, heard: Heard) -> None:
    witness = visit.join(channel)
    with client.connect(channel, as_="Ann").on("message", heard).send("hi") as made:
        assert witness.receive_event()["type"] == "join"
        event = witness.receive_event()
        assert (event["message"], event["alias"]) == ("hi", "Ann")
        witness.send_text('{"x": 3}')
        assert heard.next().x == 3
    assert witness.receive_event()["type"] == "leave"
    assert made.wait(LIMIT_SECONDS).code == 1000


def test_the_queue_comes_first_and_in_order(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    made = client.connect(channel)
    made.on("open", lambda _: made.send("from the listener"))
    for i in range(500):
        made.send(i)
    assert witness.receive_event()["type"] == "join"
    messages = [witness.receive_message() for _ in range(501)]
    assert "from the listener" in messages
    assert [message for message in messages if message != "from the listener"] == [*range(500)]
    made.close().wait(LIMIT_SECONDS)


def test_what_is_queued_before_the_connection_comes_before_the_open_listeners(
    visit: Visitors, channel: str
) -> None:
    """The background thread is held up until all is queued."""
    witness = visit.join(channel)
    made = client.connect(channel)
    hold, held = threading.Event(), threading.Event()

    def block() -> None:
        held.set()
        hold.wait(LIMIT_SECONDS)

    background.call(block)
    held.wait(LIMIT_SECONDS)
    made.on("open", lambda _: made.send("from the listener")).send(1).send(2)
    hold.set()
    assert witness.receive_event()["type"] == "join"
    assert [witness.receive_message() for _ in range(3)] == [1, 2, "from the listener"]
    made.close().wait(LIMIT_SECONDS)


def test_a_direct_message(visit: Visitors, channel: str, heard: Heard) -> None:
    recipient, bystander = visit.join(channel), visit.join(channel)
    with client.connect(channel).on("error", heard) as made:
        made.send("just you", recipient.uid).send("all").send("lost", "nobody")
        assert "nobody" in heard.next_of(client.ErrorEvent).message
    recipient.receive_total(3)
    assert [recipient.receive_message() for _ in range(2)] == ["just you", "all"]
    bystander.receive_total(3)
    assert bystander.receive_message() == "all"


@pytest.mark.parametrize("is_open", [False, True])
def test_push_sends_and_closes(visit: Visitors, channel: str, heard: Heard, is_open: bool) -> None:
    witness = visit.join(channel)
    made = client.connect(channel)
    if is_open:
        made.on("open", heard)
        heard.next_of(client.OpenEvent)
    made.push({"last": True})
    ended = made.wait(LIMIT_SECONDS)
    assert ended is not None
    assert (ended.code, ended.was_clean) == (1000, True)
    kinds = [event.get("type") for event in witness.receive_total(1)]
    assert kinds == ["join", None, "leave"]


def test_close_sends_what_is_queued(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    client.connect(channel).send(1).send(2).close().wait(LIMIT_SECONDS)
    witness.receive_event()
    assert [witness.receive_message() for _ in range(2)] == [1, 2]
    assert witness.receive_event()["type"] == "leave"


def test_listeners_stay_and_open_opens_again(channel: str, heard: Heard) -> None:
    made = client.connect(channel).on("open", heard).on("close", heard)
    heard.next_of(client.OpenEvent)
    made.close()
    assert heard.next_of(client.CloseEvent).code == 1000
    made.wait(LIMIT_SECONDS)
    made.open()
    heard.next_of(client.OpenEvent)
    made.close().open()
    heard.next_of(client.CloseEvent)
    heard.next_of(client.OpenEvent)
    made.close().close()
    heard.next_of(client.CloseEvent)
    made.wait(LIMIT_SECONDS)
    assert heard.is_empty


def test_a_removed_listener_is_silent(visit: Visitors, channel: str, heard: Heard) -> None:
    removed = Heard()
    made = client.connect(channel).on("open", heard).on("message", removed).on("message", heard)
    with made:
        heard.next_of(client.OpenEvent)
        made.remove("message", removed)
        visit.join(channel).send_text("1")
        heard.next_of(client.MessageEvent)
    assert removed.is_empty


def test_a_listener_may_call_anything(visit: Visitors, channel: str, heard: Heard) -> None:
    made = client.connect(channel)

    def answer(event: Any) -> None:
        made.remove("message", answer)
        made.on("join", heard)
        made.send("answer", event.uid).open()
        with pytest.raises(RuntimeError, match="block the thread"):
            made.wait()
        made.push("bye")

    made.on("open", heard).on("message", answer)
    heard.next_of(client.OpenEvent)
    asker = visit.join(channel)
    asker.send_text('"question"')
    assert asker.receive_message() == "answer"
    assert asker.receive_message() == "bye"
    made.wait(LIMIT_SECONDS)


def test_a_with_block_inside_a_listener_only_closes(
    visit: Visitors, channel: str, heard: Heard
) -> None:
    witness = visit.join(channel)
    other = f"{channel}-other"

    def forward(event: Any) -> None:
        with client.connect(channel) as made:
            made.send(event.message)

    with client.connect(other).on("open", heard).on("message", forward):
        heard.next_of(client.OpenEvent)
        visit.join(other).send_text('"over"')
        assert witness.receive_through(lambda event: "message" in event)[-1]["message"] == "over"


def test_a_listener_that_raises_is_logged_and_the_rest_goes_on(
    visit: Visitors, channel: str, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: Any) -> None:
        raise ValueError(event.message)

    witness = visit.join(channel)
    caplog.set_level(logging.ERROR, "relay.client")
    with client.connect(channel).on("message", fail).on("message", heard):
        witness.receive_event()
        witness.send_text('"secret one"')
        witness.send_text('"secret two"')
        assert heard.messages(2) == ["secret one", "secret two"]
    assert caplog.text.count("ValueError in a listener") == 2
    assert "secret" not in caplog.text
    assert channel not in caplog.text


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_a_listener_that_means_to_end_the_program_ends_no_connection(
    kind: type[BaseException], visit: Visitors, channel: str, heard: Heard, base_url: str
) -> None:
    """It runs in the thread that all sockets share, and is logged as any other that raises."""

    def end(event: Any) -> None:
        raise kind

    with client.connect(f"{channel}-2") as other, client.connect(channel, echo=True) as made:
        other.on("message", heard)
        made.on("message", end).on("message", heard).send(1)
        assert heard.next().message == 1
        party = client.PartySocket(
            host=base_url, room=channel, query={"echo": True}, should_reconnect_on_close=end
        )
        party.onopen, party.onmessage = end, end
        party.add_event_listener("message", heard)
        party.send("2")
        assert heard.next().data == "2"
        party.close()
        visit.join(f"{channel}-2").send_text("3")
        assert heard.next().message == 3


def test_wrong_arguments_are_told_to_the_caller(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    made = client.connect(channel)
    for call in (made.send, made.push):
        with pytest.raises(TypeError, match=r"^message: expected"):
            call(b"bytes")
        with pytest.raises(ValueError, match=r"^uid: expected"):
            call(1, "a@@b")
    with pytest.raises(TypeError, match=r"^when: expected"):
        made.on(5, print)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^reconnect: expected"):
        client.connect(channel, reconnect="yes")  # type: ignore[arg-type]
    assert made.wait(0) is None
    assert witness.settle() == []


def test_echo_announce_and_list(channel: str, heard: Heard) -> None:
    options = {"echo": True, "announce": True, "list_": True}
    with client.connect(channel, alias="Ann", **options).on("*", heard).send("me") as made:
        join = heard.next_of(client.JoinEvent)
        assert [(member.alias, member.self_) for member in join.users] == [("Ann", True)]
        assert heard.next_of(client.MessageEvent).uid == join.uid
        made.send("to myself", join.uid)
        assert heard.next_of(client.MessageEvent).message == "to myself"


def test_wait_is_over_in_time(channel: str) -> None:
    with client.connect(channel).open() as made:
        assert made.wait(0.01) is None


def test_no_relay(heard: Heard) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    made = client.connect("room", base_url=f"ws://127.0.0.1:{port}").on("close", heard).send(1)
    with pytest.raises(client.ConnectError, match="refused") as caught:
        made.wait(LIMIT_SECONDS)
    assert caught.value.status is None
    closed = heard.next_of(client.CloseEvent)
    assert (closed.code, closed.was_clean) == (1006, False)
    assert "refused" in closed.reason
    with pytest.raises(client.ConnectError, match="refused"), made:
        made.send(2)
    silent = client.connect("room", base_url=f"ws://127.0.0.1:{port}")
    with pytest.raises(client.ConnectError, match="refused"), silent:
        silent.open()
    with pytest.raises(KeyError, match="of the block"), made.send(3):
        raise KeyError("of the block")


def test_keys(start_relay: StartRelay, heard: Heard, namespace_file: str) -> None:
    base_url = url_of(start_relay("--config", namespace_file))
    for key in (None, "wrong"):
        with pytest.raises(client.ConnectError, match=r"403.*join key") as caught:
            client.connect("zq7:room", base_url=base_url, join_key=key).open().wait(LIMIT_SECONDS)
        assert caught.value.status == 403
    with client.connect("zq7:room", base_url=base_url, join_key="come in") as made:
        made.on("error", heard).send("mute")
        assert "send key" in heard.next_of(client.ErrorEvent).message
    keys = {"join_key": "come in", "send_key": "speak"}
    with client.connect("zq7:room", base_url=base_url, echo=True, **keys).on(
        "message", heard
    ) as made:
        made.send("said")
        assert heard.next_of(client.MessageEvent).message == "said"


def test_the_relay_ends(start_relay: StartRelay, channel: str, heard: Heard) -> None:
    server = start_relay("--drain-time", "0")
    made = client.connect(channel, base_url=url_of(server)).on("open", heard).on("close", heard)
    heard.next_of(client.OpenEvent)
    server.stop()
    ended = made.wait(LIMIT_SECONDS)
    assert ended is not None
    assert (ended.code, ended.was_clean) == (1001, True)
    assert heard.next_of(client.CloseEvent) == ended


def test_reconnect(start_relay: StartRelay, visit_at: VisitAt, channel: str, heard: Heard) -> None:
    """The relay is started again on its port; what was sent meanwhile arrives, in order."""
    server = start_relay("--drain-time", "0")
    port = server.address[1]
    made = client.connect(channel, base_url=url_of(server), reconnect=AT_ONCE)
    made.on("open", heard).on("close", heard)
    heard.next_of(client.OpenEvent)
    server.stop()
    assert heard.next_of(client.CloseEvent).code == 1001
    assert heard.next_of(client.CloseEvent).code == 1006  # nobody listens there now
    for i in range(100):
        made.send(i)
    again = start_relay("--port", str(port), "--drain-time", "0")
    witness = visit_at(again).join(channel)
    numbers = [
        e["message"]
        for e in witness.receive_through(lambda e: e.get("message") == 99)
        if "message" in e
    ]
    assert numbers == [*range(100)]
    assert made.close().wait(LIMIT_SECONDS).code == 1000


def test_close_ends_the_attempts(heard: Heard) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    slow = client.Backoff(first_seconds=3600, longest_seconds=3600)
    made = client.connect("room", base_url=f"ws://127.0.0.1:{port}", reconnect=slow)
    made.on("close", heard)
    heard.next_of(client.CloseEvent)
    assert made.wait(0) is None
    with pytest.raises(client.ConnectError, match="refused"):
        made.close().wait(LIMIT_SECONDS)


def test_a_refusal_that_lasts_ends_the_attempts(relay: RelayProcess) -> None:
    made = client.connect(f"{url_of(relay)}/nowhere", reconnect=AT_ONCE).open()
    with pytest.raises(client.ConnectError, match="404") as caught:
        made.wait(LIMIT_SECONDS)
    assert caught.value.status == 404


def test_many_threads(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)
    with client.connect(channel) as made:
        threads = [
            threading.Thread(target=lambda i=i: [made.send([i, k]) for k in range(100)])
            for i in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    messages = [event["message"] for event in witness.receive_total(1) if "message" in event]
    assert len(messages) == 800
    for i in range(8):
        assert [k for thread, k in messages if thread == i] == [*range(100)]


def test_inside_asyncio(visit: Visitors, channel: str) -> None:
    witness = visit.join(channel)

    async def main() -> Any:
        loop, arrived = asyncio.get_running_loop(), asyncio.Queue[Any]()
        made = client.connect(channel)
        made.on("message", lambda e: loop.call_soon_threadsafe(arrived.put_nowait, e)).send("hi")
        assert (await asyncio.to_thread(witness.receive_total, 2))[-1]["type"] == "join"
        assert await asyncio.to_thread(witness.receive_message) == "hi"
        witness.send_text('"from outside"')
        event = await asyncio.wait_for(arrived.get(), LIMIT_SECONDS)
        await asyncio.to_thread(made.close().wait, LIMIT_SECONDS)
        return event.message

    assert asyncio.run(main()) == "from outside"


def test_many_channels_share_one_thread_that_ends_with_them(channel: str, heard: Heard) -> None:
    channels = [client.connect(f"{channel}-{i}").on("open", heard) for i in range(50)]
    for _ in channels:
        heard.next_of(client.OpenEvent)
    [thread] = [each for each in threading.enumerate() if each.name == "relay-client"]
    for each in channels:
        each.close()
    for each in channels:
        each.wait(LIMIT_SECONDS)
    thread.join(LIMIT_SECONDS)
    assert not thread.is_alive()
