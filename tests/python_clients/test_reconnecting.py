"""The reconnecting socket against a network made up, on a clock that does not wait: what upstream's tests check, and more."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from python_clients.fake_network import FakeNetwork, refused
from python_clients.recorder import Recorder
from relay.client.reconnecting import ReadyState, ReconnectingWebSocket
from relay.client.transport import Closed

URL = "ws://relay.test/room"


def socket_on(network: FakeNetwork, url: Any = URL, **options: Any) -> ReconnectingWebSocket:
    protocols = options.pop("protocols", None)
    return ReconnectingWebSocket(url, protocols, transport=network.open, **options)


# Getters


async def test_getters_before_and_after_open(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network, protocols=["chat", "other"]) as socket:
        told = Recorder(socket)
        assert socket.ready_state == ReadyState.CONNECTING == 0
        assert (socket.url, socket.protocol, socket.extensions) == ("", "", "")
        assert (socket.retry_count, socket.buffered_amount) == (0, 0)
        assert (socket.should_reconnect, socket.binary_type) == (True, "bytes")
        await told.until("open")
        assert socket.ready_state == ReadyState.OPEN == 1
        assert (socket.url, socket.protocol) == (URL, "chat")
    assert socket.ready_state == ReadyState.CLOSED == 3
    assert not socket.should_reconnect


async def test_started_closed_it_waits_for_reconnect(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network, start_closed=True) as socket:
        told = Recorder(socket)
        assert socket.ready_state is ReadyState.CLOSED
        assert not socket.should_reconnect
        await trio.sleep(100)
        assert network.times == []
        socket.reconnect()
        await told.until("open")
    assert told.types == ["open", "close"]


@pytest.mark.parametrize(
    ("binary_type", "kind"),
    [("bytes", bytes), ("bytearray", bytearray), ("memoryview", memoryview)],
)
async def test_binary_type_says_what_binary_messages_are(
    autojump_clock: MockClock, binary_type: Any, kind: type
) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        socket.binary_type = binary_type
        told = Recorder(socket)
        await told.until("open")
        network.last.deliver(b"\x00\xff", "text")
        await told.until("message", 2)
        binary, text = (event.data for event in told.of("message"))
        assert type(binary) is kind
        assert bytes(binary) == b"\x00\xff"
        assert text == "text"


async def test_unknown_binary_type_is_refused(autojump_clock: MockClock) -> None:
    async with socket_on(FakeNetwork()) as socket:
        with pytest.raises(ValueError, match=r"binary_type: expected one of .* not 'blob'"):
            socket.binary_type = "blob"


# Delays and retries


async def test_delays_grow_to_the_maximum(autojump_clock: MockClock) -> None:
    network = FakeNetwork(refused())
    options = {
        "min_reconnection_delay": 0.05,
        "max_reconnection_delay": 0.5,
        "reconnection_delay_grow_factor": 2,
        "max_retries": 6,
    }
    async with socket_on(network, **options) as socket:
        assert not await to_the_end(socket)
    assert network.gaps == [0.05, 0.1, 0.2, 0.4, 0.5, 0.5]


async def test_default_delays(autojump_clock: MockClock) -> None:
    network = FakeNetwork(refused())
    async with socket_on(network, max_retries=7) as socket:
        await to_the_end(socket)
    assert network.gaps == [3, 3.9, 5.07, 6.591, 8.568, 10, 10]


async def to_the_end(socket: ReconnectingWebSocket) -> list[Any]:
    """Every message until the socket is closed for good."""
    with trio.fail_after(1000):
        return [message async for message in socket]


@pytest.mark.parametrize("max_retries", [0, 1, 5])
async def test_max_retries_allows_one_attempt_more(
    autojump_clock: MockClock, max_retries: int
) -> None:
    network = FakeNetwork(refused())
    async with socket_on(network, max_retries=max_retries) as socket:
        told = Recorder(socket)
        await to_the_end(socket)
        assert len(network.times) == len(told.of("error")) == max_retries + 1
        assert socket.retry_count == max_retries
        assert socket.should_reconnect
        await trio.sleep(1000)
        assert len(network.times) == max_retries + 1


async def test_reconnect_revives_after_the_last_retry(autojump_clock: MockClock) -> None:
    network = FakeNetwork(refused(), refused(), "open")
    async with socket_on(network, max_retries=1) as socket:
        told = Recorder(socket)
        await to_the_end(socket)
        socket.reconnect()
        await told.until("open")
        assert socket.retry_count == 0


async def test_retry_count_returns_to_zero_after_min_uptime(autojump_clock: MockClock) -> None:
    """Three lives below `min_uptime`, then longer ones: 1, 2, 3, 1, 1, 1."""
    network = FakeNetwork(0.1, 0.1, 0.1, 1, 1, 1, "open")
    counts: list[int] = []
    async with socket_on(network, min_uptime=0.5, min_reconnection_delay=0.01) as socket:
        socket.onclose = lambda _: counts.append(socket.retry_count)
        told = Recorder(socket)
        await told.until("open", 7)
        assert counts == [1, 2, 3, 1, 1, 1]


@pytest.mark.parametrize(("life", "then"), [(4.999, 2), (5.001, 1)])
async def test_a_life_just_around_min_uptime(
    autojump_clock: MockClock, life: float, then: int
) -> None:
    network = FakeNetwork(refused(), life, "open")
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open", 2)
        assert socket.retry_count == then


async def test_jitter_only_shortens(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.client.policy.random.random", iter([0.0, 0.5, 1.0]).__next__)
    network = FakeNetwork(refused())
    async with socket_on(
        network, jitter=0.5, max_retries=3, reconnection_delay_grow_factor=1
    ) as socket:
        await to_the_end(socket)
    assert network.gaps == [3, 2.25, 1.5]


# Events and their order


async def test_refused_attempt_tells_close_then_error_then_tries_again(
    autojump_clock: MockClock,
) -> None:
    network = FakeNetwork(refused(), "open")
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        assert told.types == ["close", "error", "open"]
        close, error, _ = told.events
        assert (close.code, close.reason, close.was_clean) == (1000, "", True)
        assert error.message == "cannot connect (Connection refused)"


async def test_stalled_attempt_times_out(autojump_clock: MockClock) -> None:
    network = FakeNetwork("stall", "open")
    async with socket_on(network, connection_timeout=2) as socket:
        told = Recorder(socket)
        await told.until("open")
        assert told.types == ["close", "error", "open"]
        assert told.events[0].reason == "timeout"
        assert told.events[1].message == "TIMEOUT"
    assert network.gaps == [5]


async def test_timeout_runs_from_when_the_providers_have_resolved(
    autojump_clock: MockClock,
) -> None:
    async def slow_url() -> str:
        await trio.sleep(30)
        return URL

    network = FakeNetwork("stall")
    async with socket_on(network, slow_url, connection_timeout=2, max_retries=0) as socket:
        started = trio.current_time()
        await to_the_end(socket)
        assert trio.current_time() - started == 32


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1006, 1008, 1009, 1013, 4000, 4001])
async def test_every_remote_close_reconnects(autojump_clock: MockClock, code: int) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        network.last.lose(code, "why", was_clean=code != 1006)
        await told.until("open", 2)
        close = told.of("close")[0]
        assert (close.code, close.reason, close.was_clean) == (code, "why", code != 1006)
        assert told.types == ["open", "close", "open"]


async def test_state_between_connections_is_closed(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        network.last.lose()
        await told.until("close")
        assert socket.ready_state is ReadyState.CLOSED
        assert socket.should_reconnect
        socket.close()
        assert told.types == ["open", "close"]


async def test_attributes_run_before_listeners(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    order: list[str] = []
    async with socket_on(network) as socket:
        socket.add_event_listener("open", lambda _: order.append("listener"))
        socket.onopen = lambda _: order.append("attribute")
        told = Recorder(socket)
        await told.until("open")
        assert order == ["attribute", "listener"]


async def test_listeners_stay_across_reconnects_and_can_be_removed(
    autojump_clock: MockClock,
) -> None:
    network = FakeNetwork()
    heard: list[str] = []

    def hear(event: Any) -> None:
        heard.append(event.data)

    async with socket_on(network) as socket:
        told = Recorder(socket)
        socket.add_event_listener("message", hear)
        for number in (1, 2):
            await told.until("open", number)
            network.last.deliver(f"{number}")
            await told.until("message", number)
            network.last.lose()
        socket.remove_event_listener("message", hear)
        await told.until("open", 3)
        network.last.deliver("3")
        await told.until("message", 3)
        assert heard == ["1", "2"]


async def test_a_listener_that_raises_stops_nothing(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: Any) -> None:
        raise ValueError(event.data)

    network = FakeNetwork()
    async with socket_on(network) as socket:
        socket.onmessage = fail
        told = Recorder(socket)
        await told.until("open")
        network.last.deliver("the secret")
        await told.until("message")
        assert socket.ready_state is ReadyState.OPEN
    assert "ValueError" in caplog.text
    assert "the secret" not in caplog.text


# close


async def test_close_tells_once_and_at_once(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        socket.close(4001, "done")
        assert socket.ready_state is ReadyState.CLOSED
        assert [(event.code, event.reason) for event in told.of("close")] == [(4001, "done")]
        socket.close()
        socket.close()
        network.last.deliver("too late")
        await trio.sleep(1000)
        assert told.types == ["open", "close"]
    assert network.last.closed_with == (4001, "done")
    assert len(network.times) == 1


async def test_close_before_the_first_attempt(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        socket.close()
        assert told.types == ["close"]
        await trio.sleep(1000)
        assert (told.types, network.times) == (["close"], [])


async def test_close_while_connecting_to_a_stalled_server(autojump_clock: MockClock) -> None:
    network = FakeNetwork("stall")
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await trio.sleep(1)
        assert socket.ready_state is ReadyState.CONNECTING
        socket.close()
        assert told.types == ["close"]
        await trio.sleep(1000)
        assert told.types == ["close"]
    assert network.given_up == 1


async def test_close_while_waiting_for_the_next_attempt(autojump_clock: MockClock) -> None:
    network = FakeNetwork(refused())
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("error")
        socket.close()
        await trio.sleep(1000)
        assert told.types == ["close", "error"]
    assert len(network.times) == 1


async def test_close_while_a_provider_works(autojump_clock: MockClock) -> None:
    async def never() -> str:
        await trio.sleep(10)
        return URL

    network = FakeNetwork()
    async with socket_on(network, never) as socket:
        await trio.sleep(5)
        socket.close()
        await trio.sleep(1000)
    assert network.times == []


async def test_close_in_the_close_listener(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        socket.onclose = lambda _: socket.close()
        await told.until("open")
        network.last.lose()
        assert await to_the_end(socket) == []
        assert told.types == ["open", "close"]
    assert len(network.times) == 1


async def test_what_was_sent_before_close_is_still_sent(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        await Recorder(socket).until("open")
        for number in range(100):
            assert socket.send(str(number))
        socket.close()
    assert network.last.sent == [str(number) for number in range(100)]


async def test_a_peer_that_does_not_read_cannot_keep_the_socket(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        await Recorder(socket).until("open")
        network.last.reads = False
        socket.send("stuck")
        await trio.testing.wait_all_tasks_blocked()
        closed_at = trio.current_time()
    assert trio.current_time() - closed_at == 5
    assert network.last.closed_with == (1000, "")


@pytest.mark.parametrize("code", [999, 1001, 1006, 2999, 5000])
async def test_close_codes_a_client_may_not_send(autojump_clock: MockClock, code: int) -> None:
    async with socket_on(FakeNetwork()) as socket:
        with pytest.raises(ValueError, match=rf"code: expected 1000, or 3000 to 4999, not {code}"):
            socket.close(code)
        with pytest.raises(ValueError, match="code"):
            socket.reconnect(code)
        assert socket.ready_state is ReadyState.CONNECTING


@pytest.mark.parametrize("code", [1000, 3000, 4999])
async def test_close_codes_a_client_may_send(autojump_clock: MockClock, code: int) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        await Recorder(socket).until("open")
        socket.close(code, "x" * 123)
    assert network.last.closed_with == (code, "x" * 123)


async def test_close_reason_of_124_bytes_is_refused(autojump_clock: MockClock) -> None:
    async with socket_on(FakeNetwork()) as socket:
        with pytest.raises(ValueError, match="reason: expected at most 123 bytes"):
            socket.close(1000, "é" * 62)
        with pytest.raises(TypeError, match="reason"):
            socket.close(1000, None)
        with pytest.raises(TypeError, match="code"):
            socket.close("1000")


# reconnect


async def test_reconnect_closes_tells_and_connects_anew(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        for number in (1, 2, 3):
            await told.until("open", number)
            network.last.deliver(str(number))
            await told.until("message", number)
            socket.reconnect(4000, "again")
            assert told.types[-1] == "close"
        await told.until("open", 4)
        assert [(event.code, event.reason) for event in told.of("close")] == [(4000, "again")] * 3
    assert network.gaps == [0, 0, 0]
    assert [transport.closed_with for transport in network.transports[:3]] == [(4000, "again")] * 3


async def test_reconnect_after_close(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        socket.close()
        socket.reconnect()
        assert socket.should_reconnect
        await told.until("open", 2)
        assert told.types == ["open", "close", "open"]


async def test_reconnect_while_waiting_does_not_wait_on(autojump_clock: MockClock) -> None:
    network = FakeNetwork(refused(), "open")
    async with socket_on(network, min_reconnection_delay=5) as socket:
        told = Recorder(socket)
        await told.until("error")
        await trio.sleep(1)
        socket.reconnect()
        await told.until("open")
    assert network.gaps == [1]


async def test_reconnect_in_the_close_listener_makes_one_attempt(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        socket.add_event_listener("close", lambda _: socket.reconnect(), once=True)
        network.last.lose()
        await told.until("open", 2)
        await trio.sleep(1000)
        assert told.types == ["open", "close", "open"]
        assert len(network.times) == 2


async def test_nothing_comes_from_the_old_connection_after_reconnect(
    autojump_clock: MockClock,
) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        old = network.last
        socket.reconnect()
        old.deliver("from the old one")
        old.lose(1011)
        await told.until("open", 2)
        await trio.sleep(1)
        assert told.types == ["open", "close", "open"]


# should_reconnect_on_close


async def test_predicate_stops_before_the_close_listeners_run(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    seen: list[bool] = []
    asked: list[int] = []

    def predicate(event: Any) -> bool:
        asked.append(event.code)
        return event.code != 1008

    async with socket_on(network, should_reconnect_on_close=predicate) as socket:
        told = Recorder(socket)
        socket.onclose = lambda _: seen.append(socket.should_reconnect)
        await told.until("open")
        network.last.lose(1001)
        await told.until("open", 2)
        network.last.lose(1008)
        assert await to_the_end(socket) == []
        assert (asked, seen) == ([1001, 1008], [True, False])
        socket.reconnect()
        await told.until("open", 3)


async def test_predicate_is_asked_about_failed_attempts(autojump_clock: MockClock) -> None:
    network = FakeNetwork(refused())
    async with socket_on(network, should_reconnect_on_close=lambda _: False) as socket:
        told = Recorder(socket)
        await to_the_end(socket)
        assert told.types == ["close", "error"]


async def test_predicate_that_raises_counts_as_yes(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    network = FakeNetwork(1, "open")
    async with socket_on(network, should_reconnect_on_close=lambda _: 1 / 0 > 0) as socket:
        await Recorder(socket).until("open", 2)
    assert "ZeroDivisionError in should_reconnect_on_close" in caplog.text


# send and the queue


async def test_queue_is_flushed_in_order_before_the_open_listeners(
    autojump_clock: MockClock,
) -> None:
    network = FakeNetwork(refused(), "open")
    async with socket_on(network) as socket:
        told = Recorder(socket)
        socket.onopen = lambda _: socket.send("from the listener")
        assert [socket.send(data) for data in ("a", b"b", bytearray(b"c"))] == [False] * 3
        await told.until("open")
        assert socket.send("d")
        await trio.testing.wait_all_tasks_blocked()
        assert network.last.sent == ["a", b"b", b"c", "from the listener", "d"]


@pytest.mark.parametrize("limit", [0, 1, 10])
async def test_queue_takes_max_enqueued_messages(autojump_clock: MockClock, limit: int) -> None:
    network = FakeNetwork()
    async with socket_on(network, max_enqueued_messages=limit) as socket:
        for number in range(limit + 1):
            assert not socket.send(str(number))
        assert socket.buffered_amount == limit
        await Recorder(socket).until("open")
        await trio.testing.wait_all_tasks_blocked()
        assert network.last.sent == [str(number) for number in range(limit)]
        assert socket.buffered_amount == 0


async def test_buffered_amount_counts_utf16_units_and_bytes(autojump_clock: MockClock) -> None:
    async with socket_on(FakeNetwork()) as socket:
        socket.send("é🦆")
        socket.send(b"1234")
        assert socket.buffered_amount == 3 + 4


async def test_drained_messages_are_not_sent(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        socket.send("a")
        socket.send(b"b")
        assert socket.drain_queued_messages() == ["a", b"b"]
        assert socket.drain_queued_messages() == []
        await Recorder(socket).until("open")
        await trio.testing.wait_all_tasks_blocked()
        assert network.last.sent == []


async def test_send_after_close_warns_once_and_is_delivered_after_reconnect(
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        for number in (1, 2):
            await told.until("open", number)
            socket.close()
            assert not socket.send("one")
            assert not socket.send("two")
            assert len(warnings_in(caplog)) == number
            socket.reconnect()
        await told.until("open", 3)
        await trio.testing.wait_all_tasks_blocked()
        assert network.last.sent == ["one", "two"]


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if "send() after close()" in record.message]


async def test_what_a_lost_connection_did_not_take_goes_to_the_next(
    autojump_clock: MockClock,
) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        network.last.reads = False
        for number in range(3):
            assert socket.send(str(number))
        await trio.testing.wait_all_tasks_blocked()
        assert socket.buffered_amount == 2
        network.last.lose()
        await told.until("close")
        socket.send("3")
        await told.until("open", 2)
        await trio.testing.wait_all_tasks_blocked()
        assert network.last.sent == ["1", "2", "3"]


@pytest.mark.parametrize("data", [None, 1, {"a": 1}, ["a"]])
async def test_what_is_no_message_is_refused(autojump_clock: MockClock, data: Any) -> None:
    async with socket_on(FakeNetwork()) as socket:
        with pytest.raises(TypeError, match="data: expected a string or bytes"):
            socket.send(data)
        with pytest.raises(ValueError, match="data: expected text without lone surrogates"):
            socket.send("\ud800")
        assert socket.buffered_amount == 0


# Providers


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


async def test_url_that_cannot_be_connected_to_is_an_error_event(autojump_clock: MockClock) -> None:
    async with ReconnectingWebSocket("http://x/", max_retries=0) as socket:
        told = Recorder(socket)
        await to_the_end(socket)
        assert told.types == ["error"]
        assert "expected the scheme ws or wss" in told.events[0].message


# Iteration and blocks


async def test_iteration_goes_on_across_reconnects(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        heard = []
        await trio.testing.wait_all_tasks_blocked()
        network.last.deliver("1", b"2")
        async for message in socket:
            heard.append(message)
            if message == b"2":
                network.last.lose()
                await trio.sleep(10)
                network.last.deliver("3")
            if message == "3":
                socket.close()
        assert heard == ["1", b"2", "3"]


async def test_messages_wait_for_iteration_when_nobody_listens(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        await trio.testing.wait_all_tasks_blocked()
        network.last.deliver(*"abc")
        await trio.sleep(10)
        assert [await socket.__anext__() for _ in range(3)] == ["a", "b", "c"]


async def test_close_while_a_message_waits_for_iteration(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network):
        await trio.testing.wait_all_tasks_blocked()
        network.last.deliver("never taken")
        await trio.testing.wait_all_tasks_blocked()
    assert network.last.closed_with == (1000, "")


async def test_listeners_alone_do_not_wait_for_iteration(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(network) as socket:
        told = Recorder(socket)
        await told.until("open")
        network.last.deliver(*"abc")
        await told.until("message", 3)


async def test_iteration_needs_a_block(autojump_clock: MockClock) -> None:
    socket = socket_on(FakeNetwork())
    with pytest.raises(RuntimeError, match="async with"):
        aiter(socket)


async def test_an_error_of_the_block_stays_as_it_is(autojump_clock: MockClock) -> None:
    network = FakeNetwork()

    async def fail() -> None:
        async with socket_on(network) as socket:
            await Recorder(socket).until("open")
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await fail()
    assert network.last.closed_with == (1000, "")


async def test_cancellation_closes(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    with trio.move_on_after(10) as scope:
        async with socket_on(network) as socket:
            told = Recorder(socket)
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert told.types == ["open", "close"]
    assert socket.ready_state is ReadyState.CLOSED


async def test_block_leaves_no_task_behind(autojump_clock: MockClock) -> None:
    before = trio.lowlevel.current_statistics().tasks_living
    async with socket_on(FakeNetwork()) as socket:
        await Recorder(socket).until("open")
    assert trio.lowlevel.current_statistics().tasks_living == before


async def test_a_socket_can_be_entered_once(autojump_clock: MockClock) -> None:
    async with socket_on(FakeNetwork()) as socket:
        with pytest.raises(RuntimeError, match="runs already"):
            await socket.__aenter__()
    with pytest.raises(RuntimeError, match="has ended"):
        socket.reconnect()


async def test_options_reach_the_transport(autojump_clock: MockClock) -> None:
    network = FakeNetwork()
    async with socket_on(
        network, ping=7, headers={"x-join-key": "k"}, connection_timeout=3, max_message_bytes=9
    ) as socket:
        await Recorder(socket).until("open")
    options = network.options[0]
    assert (options["ping"], options["headers"]) == (7, {"x-join-key": "k"})
    assert (options["connect_timeout_seconds"], options["max_message_bytes"]) == (3, 9)


async def test_debug_tells_the_logger_no_payload(autojump_clock: MockClock) -> None:
    lines: list[str] = []
    network = FakeNetwork()
    async with socket_on(network, debug=True, debug_logger=lines.append) as socket:
        told = Recorder(socket)
        await told.until("open")
        network.last.deliver("the secret")
        await told.until("message")
    assert any("message event" in line for line in lines)
    assert "the secret" not in "".join(lines)


async def test_wait_would_block_its_own_callbacks(autojump_clock: MockClock) -> None:
    async with socket_on(FakeNetwork()) as socket:
        with pytest.raises(RuntimeError, match="would block"):
            socket.wait()
        socket.close()
        assert socket.wait()


def test_closed_says_what_it_is() -> None:
    assert str(Closed(1008, "rate", True)) == "closed with 1008: rate"
