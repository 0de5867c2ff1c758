"""What the relay's own settings must allow."""

from __future__ import annotations

import pytest

from relay.plan import relay_limits
from relay.plan.workload import MAX_PAYLOAD_BYTES, PING_INTERVALS, check
from relay.settings.config import Settings
from relay.settings.sources import ConfigError, load_settings
from relay.settings.units import parse_byte_rate, parse_rate, parse_size

from .machines import workload


def test_defaults_are_those_of_the_settings() -> None:
    defaults = Settings()
    assert defaults.max_message == relay_limits.MAX_MESSAGE_BYTES
    assert defaults.backlog_limit == relay_limits.BACKLOG_LIMIT_BYTES
    assert defaults.message_rate == relay_limits.MESSAGE_RATE
    assert defaults.byte_rate == relay_limits.BYTE_RATE
    assert defaults.byte_burst == relay_limits.BYTE_BURST


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("max_message", MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES + 1),
        ("ping_interval", PING_INTERVALS[0], PING_INTERVALS[0] / 2),
        ("ping_interval", PING_INTERVALS[1], PING_INTERVALS[1] + 1),
    ],
)
def test_ranges_are_those_of_the_settings(name: str, inside: float, outside: float) -> None:
    field = {"max_message": "payload_bytes"}.get(name, name)
    check(workload(**{field: inside}))
    load_settings(None, {}, {name: str(inside)})
    with pytest.raises(ValueError, match=r"expected (at|0, or)"):
        check(workload(**{field: outside}))
    with pytest.raises(ConfigError):
        load_settings(None, {}, {name: str(outside)})


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"payload_bytes": 102_400.0}, []),
        ({"payload_bytes": 102_401.0}, ["max_message"]),
        ({"messages": 250.0}, []),
        ({"messages": 250.1}, ["message_rate"]),
        ({"messages": 1.0, "payload_bytes": 262_144.0}, ["max_message"]),
        ({"messages": 2.0, "payload_bytes": 262_144.0}, ["max_message", "byte_rate"]),
        ({"messages": 0.01, "payload_bytes": 2_000_000.0}, ["max_message", "backlog_limit"]),
        (
            {"messages": 0.01, "payload_bytes": 4_000_000.0},
            ["max_message", "byte_burst", "backlog_limit"],
        ),
        ({"messages": 300.0, "payload_bytes": 1000.0}, ["message_rate", "byte_rate"]),
    ],
)
def test_what_must_be_allowed(changes: dict[str, float], names: list[str]) -> None:
    assert [each.name for each in relay_limits.relay_limits(workload(**changes))] == names


def test_texts_of_defaults_are_their_values() -> None:
    found = relay_limits.relay_limits(workload(messages=300.0, payload_bytes=200_000.0))
    texts = {each.name: each.default for each in found}
    assert parse_size(texts["max_message"]) == relay_limits.MAX_MESSAGE_BYTES
    assert parse_rate(texts["message_rate"]) == relay_limits.MESSAGE_RATE
    assert parse_byte_rate(texts["byte_rate"]) == relay_limits.BYTE_RATE
