"""The options of a reconnecting socket, and its delays."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from relay.client.policy import Policy


def test_defaults_are_upstreams() -> None:
    policy = Policy.of({})
    assert (policy.max_reconnection_delay, policy.min_reconnection_delay) == (10, 3)
    assert (policy.reconnection_delay_grow_factor, policy.min_uptime) == (1.3, 5)
    assert (policy.connection_timeout, policy.max_retries) == (4, inf)
    assert (policy.max_enqueued_messages, policy.start_closed, policy.jitter) == (inf, False, 0)


@pytest.mark.parametrize("retry_count", [10_000, 10**6])
def test_delay_stays_at_the_maximum(retry_count: int) -> None:
    assert Policy.of({}).delay(retry_count) == 10


def test_maximum_below_the_minimum_wins() -> None:
    assert Policy.of({"max_reconnection_delay": 1.0}).delay(1) == 1


def test_jitter_keeps_delays_between_its_bounds() -> None:
    delays = {Policy.of({"jitter": 0.5}).delay(1) for _ in range(100)}
    assert len(delays) > 1
    assert all(1.5 <= delay <= 3 for delay in delays)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("jitter", 0),
        ("jitter", 1),
        ("min_uptime", 0),
        ("max_retries", 0),
        ("max_enqueued_messages", inf),
        ("connection_timeout", 0.001),
        ("max_message_bytes", 1),
        ("ping", 0.001),
        ("ping", None),
    ],
)
def test_values_at_the_limit(name: str, value: Any) -> None:
    assert getattr(Policy.of({name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("jitter", -0.1),
        ("jitter", 1.1),
        ("min_uptime", -1),
        ("max_retries", -1),
        ("max_enqueued_messages", nan),
        ("connection_timeout", 0),
        ("max_message_bytes", 0),
        ("min_reconnection_delay", inf),
        ("ping", 0),
    ],
)
def test_values_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: expected a number .*, not {value!r}$"):
        Policy.of({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_uptime", "5s"),
        ("max_retries", True),
        ("max_retries", None),
        ("start_closed", 1),
        ("debug", "yes"),
        ("should_reconnect_on_close", False),
        ("transport", "x"),
        ("debug_logger", 3),
    ],
)
def test_values_of_the_wrong_type(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: expected"):
        Policy.of({name: value})


def test_unknown_option() -> None:
    with pytest.raises(TypeError, match=r"^maxRetries: there is no such option"):
        Policy.of({"maxRetries": 1})
