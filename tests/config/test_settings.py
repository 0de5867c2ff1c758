"""What each setting may be: every limit below, at and above."""

from __future__ import annotations

import math
from typing import Any

import pytest

from relay.settings.config import SETTINGS, Settings, changed, find_contradictions, restart_only
from relay.settings.rules import OneOf
from relay.settings.setting import SettingError
from relay.settings.units import LIST, SWITCH, TABLE, TEXT

MIB = 2**20
# name: values at a limit, values beyond one
LIMITS: dict[str, tuple[list[Any], list[Any]]] = {
    "port": ([0, 1, 65535], [-1, 65536]),
    "max_connections": ([0, 1, 10_000_000], [-1, 10_000_001]),
    "message_rate": ([0, 1 / 3600, 0.01, 1e9], [-0.01, 1e-9, 0.9999 / 3600, 1e9 + 1]),
    "message_burst": ([1, 1.5, 1e9], [0, 0.99, 1e9 + 1]),
    "byte_rate": ([0, 1, 2**40], [-1, 2**40 + 1]),
    "byte_burst": ([1, 2**40], [0, -1, 2**40 + 1]),
    "kick_after": ([0, 1, 255], [-1, 256]),
    "max_message": ([1, 2**30], [0, 2**30 + 1]),
    "max_party_message": ([1, 2**30], [0, 2**30 + 1]),
    "block_time": ([0, 0.001, 604800], [-0.001, 604800.001]),
    "connection_rate": ([0, 1 / 3600, 0.01, 1e9], [-0.01, 1e-9, 0.9999 / 3600, 1e9 + 1]),
    "connection_burst": ([1, 1.5, 1e9], [0, 0.99, 1e9 + 1]),
    "max_connections_per_ip": ([0, 1, 10_000_000], [-1, 10_000_001]),
    "backlog_limit": ([1024, 1025, 2**31], [0, 1023, 2**31 + 1]),
    "presence_limit": ([0, 1, 2**40], [-1]),
    "handshake_timeout": ([0.001, 3600], [0, -1, 3600.001]),
    "ping_interval": ([0, 0.1, 3600], [-1, 0.099, 3600.001]),
    "drain_time": ([0, 0.001, 3600], [-0.001, 3600.001]),
}
GOOD = [(name, value) for name, (values, _) in LIMITS.items() for value in values]
BAD = [(name, value) for name, (_, values) in LIMITS.items() for value in values]
NUMBERS = list(LIMITS)


def test_every_number_has_its_limits_tested() -> None:
    others = (SWITCH, TEXT, LIST, TABLE)
    assert {name for name, setting in SETTINGS.items() if setting.kind not in others} == {*LIMITS}


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_at_and_within_the_limits(name: str, value: float) -> None:
    assert getattr(Settings(**{name: value}), name) == value
    assert SETTINGS[name].read(value) == value


@pytest.mark.parametrize(("name", "value"), BAD)
def test_beyond_the_limits(name: str, value: float) -> None:
    expected = f"{name}: expected {SETTINGS[name].expected}, got {value}"
    for make in (lambda: Settings(**{name: value}), lambda: SETTINGS[name].read(value)):
        with pytest.raises(SettingError) as caught:
            make()
        assert str(caught.value) == expected


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 10**400, True, None, "x", [], {}], ids=str
)
def test_what_is_no_number(name: str, value: object) -> None:
    with pytest.raises(SettingError, match=f"^{name}: expected .*, got "):
        SETTINGS[name].read(value)


@pytest.mark.parametrize("name", [n for n in NUMBERS if float not in SETTINGS[n].kind.types])
def test_whole_numbers_have_no_fraction(name: str) -> None:
    with pytest.raises(SettingError, match=r"got 2000\.5"):
        SETTINGS[name].read(2000.5)


@pytest.mark.parametrize("name", [n for n in NUMBERS if float in SETTINGS[n].kind.types])
def test_a_whole_number_becomes_the_float_that_is_declared(name: str) -> None:
    assert type(SETTINGS[name].read(1)) is float


CHOICES = [name for name, setting in SETTINGS.items() if isinstance(setting.rule, OneOf)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("limits", "on, dry-run or off"),
        ("slow_consumer", "disconnect or drop"),
        ("presence", "all, auto or off"),
    ],
)
def test_words(name: str, words: str) -> None:
    rule = SETTINGS[name].rule
    assert isinstance(rule, OneOf)
    assert [getattr(Settings(**{name: word}), name) for word in rule.words] == [*rule.words]
    for value in ("", "On", "x", 1, True):
        with pytest.raises(SettingError, match=f"^{name}: expected {words}, got "):
            SETTINGS[name].read(value)


def test_every_choice_is_tested() -> None:
    assert {*CHOICES} == {"limits", "slow_consumer", "presence"}


@pytest.mark.parametrize("name", ["limit_loopback", "proxy_protocol", "ephemeral_keys"])
def test_switches(name: str) -> None:
    for value in (True, False):
        assert SETTINGS[name].read(value) is value
    for bad in (1, 0, None, [], "maybe"):
        with pytest.raises(SettingError, match=f"^{name}: expected true or false, got "):
            SETTINGS[name].read(bad)


NO_HOSTS = [
    "",
    " ",
    "*",
    "a b",
    "127.0.0.1:80",
    "relay.test:80",
    "[::1]",
    "[::1]:80",
    "http://a",
    "a/b",
    "1::2::3",
]


@pytest.mark.parametrize("host", [*NO_HOSTS, "a\nb", "a\x00", "\x7f", "\udcff"])
def test_a_host_is_a_name_or_an_address_and_nothing_around_it(host: str) -> None:
    expected = r'^host: expected a host name, or an address such as "127.0.0.1" or "::1", got ".*"$'
    with pytest.raises(SettingError, match=expected):
        SETTINGS["host"].read(host)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "relay.test",
        "a_b-c",
        "0.0.0.0",
        "::",
        "2001:db8::1",
        "fe80::1%eth0",
        "münchen.test",
    ],
)
def test_hosts(host: str) -> None:
    assert SETTINGS["host"].read(host) == host


def test_the_header_of_a_proxy_needs_proxies_to_trust() -> None:
    assert Settings(proxy_protocol=True, trusted_proxies=["::1"]).proxy_protocol
    with pytest.raises(SettingError, match=r"^proxy_protocol: expected trusted_proxies beside it"):
        Settings(proxy_protocol=True)


def test_what_needs_a_restart() -> None:
    old = Settings()
    new = Settings(
        host="::",
        admin="off",
        admin_token="t" * 16,
        port=1,
        proxy_protocol=True,
        trusted_proxies=["::1"],
        max_connections=1,
        message_rate=1.0,
    )
    assert sorted(restart_only(old, new)) == [
        "admin",
        "host",
        "max_connections",
        "port",
        "proxy_protocol",
    ]
    assert restart_only(new, new) == changed(new, new) == []
    assert changed(old, Settings(byte_rate=1, origins=["null"])) == ["byte_rate", "origins"]
    assert restart_only(old, Settings(byte_rate=1, origins=["null"])) == []


@pytest.mark.parametrize(("burst", "warnings"), [(MIB - 1, 1), (MIB, 0), (MIB + 1, 0)])
def test_a_burst_below_the_largest_message_is_a_contradiction(burst: int, warnings: int) -> None:
    found = find_contradictions(Settings(byte_burst=burst))
    assert [line.split()[0] for line in found] == ["byte_burst"] * warnings
    assert all("max_party_message (1MiB)" in line for line in found)


@pytest.mark.parametrize(("limit", "warnings"), [(MIB - 1, 1), (MIB, 0), (MIB + 1, 0)])
def test_a_backlog_below_the_largest_message_is_a_contradiction(limit: int, warnings: int) -> None:
    found = find_contradictions(Settings(backlog_limit=limit))
    assert [line.split()[0] for line in found] == ["backlog_limit"] * warnings
    assert all("max_party_message (1MiB)" in line for line in found)


@pytest.mark.parametrize(
    ("network", "warnings"),
    [("0.0.0.0/0", 1), ("::/0", 1), ("0.0.0.0/1", 0), ("::/10", 0), ("10.0.0.0", 0), ("unix:", 0)],
)
def test_a_proxy_that_is_everyone_is_a_contradiction(network: str, warnings: int) -> None:
    found = find_contradictions(Settings(trusted_proxies=["::1", network]))
    assert [line.split(" trusts ")[0] for line in found] == [
        f"trusted_proxies ({network})"
    ] * warnings


@pytest.mark.parametrize("rest", [{"byte_rate": 0}, {"limits": "off"}, {"limits": "dry-run"}])
def test_a_limit_that_is_off_contradicts_nothing(rest: dict[str, Any]) -> None:
    assert find_contradictions(Settings(byte_burst=1, **rest)) == []
