"""Origins and networks as settings, and how values are quoted in errors."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from relay.settings.config import SETTINGS, Settings
from relay.settings.rules import MAX_SHOWN_CHARACTERS, spell
from relay.settings.setting import SettingError

ORIGINS = [
    "https://example.com",
    "http://localhost",
    "HTTPS://Example.COM",
    "https://example.com:1",
    "https://example.com:65535",
    "https://*.example.com",
    "https://*.example.com:8443",
    "https://10.0.0.1:80",
    "https://[2001:db8::1]:443",
    "https://xn--bcher-kva.example",
    "https://my_host",
    "chrome-extension://abcdef",
    "null",
]
NO_ORIGINS = [
    "",
    "*",
    "example.com",
    "https://",
    "https://example.com/",
    "https://example.com/path",
    "https://example.com?x",
    "https://example.com:",
    "https://example.com:0",
    "https://example.com:65536",
    "https://example.com:http",
    "https://user@example.com",
    "https://*",
    "https://*example.com",
    "https://a.*.com",
    "https://.example.com",
    "https://a..b",
    "https://-a",
    "https://[::1",
    "https://[1::2::3]",
    "https://bücher.example",
    "https://a b",
    "https://a\n",
    "//example.com",
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_origins(origin: str) -> None:
    assert Settings(origins=["null", origin]).origins == ["null", origin]


@pytest.mark.parametrize("origin", NO_ORIGINS)
def test_what_is_no_origin(origin: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings(origins=["null", origin])
    expected = 'origins such as "https://example.com", "https://*.example.com:8443" or "null"'
    assert str(caught.value) == f"origins: expected {expected}, got {spell(origin)}"


@pytest.mark.parametrize(
    "network",
    ["10.0.0.0/8", "10.0.0.1", "10.0.0.1/32", "0.0.0.0/0", "::1", "2001:db8::/32", "::/0"],
)
def test_networks(network: str) -> None:
    assert Settings(trusted_proxies=[network]).trusted_proxies == [network]


@pytest.mark.parametrize(
    "network",
    ["", "x", "10.0.0", "10.0.0.0/33", "10.0.0.0/-1", "256.0.0.0", "::/129", "fe80::1%eth0", "10.0.0.1 ", "proxy.local"],
)  # fmt: skip
def test_what_is_no_network(network: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings(trusted_proxies=["::1", network])
    assert str(caught.value).endswith(f"(whoever comes by a Unix socket), got {spell(network)}")


@pytest.mark.parametrize(
    ("given", "network"), [("10.0.0.1/8", "10.0.0.0/8"), ("2001:db8::1/32", "2001:db8::/32")]
)
def test_an_address_within_its_network(given: str, network: str) -> None:
    text = f'expected a network without host bits, here "{network}", got "{given}"'
    with pytest.raises(SettingError, match=text):
        Settings(trusted_proxies=[given])


@pytest.mark.parametrize("name", ["origins", "trusted_proxies"])
@pytest.mark.parametrize(
    ("value", "got"), [([5], "5"), ([["null"]], "a list"), ({}, "a table"), (True, "true")]
)
def test_a_list_of_anything_else(name: str, value: object, got: str) -> None:  # fmt: skip
    with pytest.raises(SettingError, match=f", got {got}$"):
        SETTINGS[name].read(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("fast", '"fast"'),
        ("日本", '"日本"'),
        ('a"b\n', '"a\\"b\\n"'),
        ("\x9b\u2028\udcff", '"\\u009b\\u2028\\udcff"'),
        (True, "true"),
        (5, "5"),
        (-1.5, "-1.5"),
        ([1], "a list"),
        ({"a": 1}, "a table"),
        (datetime.date(2000, 1, 1), "a date or a time"),
        (10**60 - 1, "9" * 60),
        (10**60, "a number of more than 60 digits"),
        (-(10**5000), "a number of more than 60 digits"),
    ],
    ids=range(13),
)
def test_values_in_errors(value: Any, text: str) -> None:
    assert spell(value) == text


@pytest.mark.parametrize(("length", "is_cut"), [(57, False), (58, False), (59, True)])
def test_long_text_is_cut(length: int, is_cut: bool) -> None:
    text = spell("x" * length)
    assert ("…" in text) is is_cut
    assert len(text) <= MAX_SHOWN_CHARACTERS + 2
