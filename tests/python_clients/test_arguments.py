"""What is made of arguments, without a connection: URLs and headers, frames, delays. Errors name the argument and show no key."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import relay
from relay.client.address import DEFAULT_BASE_URL, Address, websocket_base
from relay.client.backoff import Backoff
from relay.client.payload import decode_json, encode_message

BASE = "ws://h:1"


def url(channel: str, **options: Any) -> str:
    return Address.of_channel(channel, **{"base_url": BASE, **options}).url


@pytest.mark.parametrize(
    ("channel", "path"),
    [
        ("room", "room"),
        ("", ""),
        ("a:b/c", "a%3Ab%2Fc"),
        ("日本", "%E6%97%A5%E6%9C%AC"),
        ("a b?c#d%", "a%20b%3Fc%23d%25"),
        ("..", ".."),
    ],
)
def test_a_name(channel: str, path: str) -> None:
    assert url(channel) == f"{BASE}/c/{path}"


@pytest.mark.parametrize(
    ("options", "query"),
    [
        ({}, ""),
        ({"alias": "Ann"}, "?as=Ann"),
        ({"as_": "Ann B", "alias": "other"}, "?as=Ann+B"),
        ({"as_": "", "alias": "other"}, "?as=other"),
        ({"announce": True, "echo": True, "list_": True}, "?announce=true&echo=true&list=true"),
        ({"announce": False, "echo": False}, ""),
        ({"as_": "a&b=c"}, "?as=a%26b%3Dc"),
    ],
)
def test_options(options: dict[str, Any], query: str) -> None:
    assert url("room", **options) == f"{BASE}/c/room{query}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("ws://other/c/x", "ws://other/c/x?echo=true"),
        ("wss://other/c/x?as=Ann", "wss://other/c/x?as=Ann&echo=true"),
    ],
)
def test_a_url_is_used_as_it_is(given: str, expected: str) -> None:
    assert url(given) == given
    assert url(given, echo=True) == expected


def test_keys_are_headers() -> None:
    address = Address.of_channel("room", base_url=BASE, join_key="j k", send_key="s")
    assert address.url == f"{BASE}/c/room"
    assert address.headers == (("x-join-key", "j k"), ("x-send-key", "s"))
    assert Address.of_channel("room", base_url=BASE, join_key="").headers == ()


def test_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_URL", "https://relay.example/")
    assert websocket_base(None) == "wss://relay.example"
    assert websocket_base("http://h:1") == "ws://h:1"
    monkeypatch.setenv("RELAY_URL", "")
    assert websocket_base(None) == DEFAULT_BASE_URL


@pytest.mark.parametrize("given", ["h:1", "ftp://h", "ws://h?x=1", "ws://h#x"])
def test_a_base_url_that_is_none(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"^base_url: expected") as caught:
        url("room", base_url=given)
    assert repr(given) in str(caught.value)
    monkeypatch.setenv("RELAY_URL", given)
    with pytest.raises(ValueError, match=r"^RELAY_URL: expected"):
        websocket_base(None)


NOWHERE = [
    "ws:///secret",
    "ws://",
    "ws://:99999/secret",
    "ws://h:0/secret",
    "ws://h:80 80/secret",
    "ws://ho st/secret",
    "ws://me:secret@h/x",
    "ws://h/x#secret",
    "ws://[zz]/secret",
    "ws://h/secret\n",
    "ws://h/secret ",
    "ws://h/secret\ud800",
    "WSS:///secret",
]


@pytest.mark.parametrize("given", NOWHERE)
def test_a_url_that_leads_nowhere(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused when it is given: no attempt would ever succeed."""
    with pytest.raises(ValueError, match=r"^channel: expected") as caught:
        relay.connect(given)
    with pytest.raises(ValueError, match=r"^room: expected"):
        Address.of_room(given)
    assert "secret" not in str(caught.value)
    base = given.partition("#")[0] + "#" * ("#" in given)
    with pytest.raises(ValueError, match=r"^base_url: expected"):
        relay.connect("room", base_url=base)
    if "\ud800" not in base:
        monkeypatch.setenv("RELAY_URL", base)
        with pytest.raises(ValueError, match=r"^RELAY_URL: expected"):
            relay.connect("room")


@pytest.mark.parametrize("given", ["http://", "https:///", "HTTP://:1", "", "http://u:secret@h?x"])
def test_a_base_url_that_leads_nowhere(given: str) -> None:
    with pytest.raises(ValueError, match=r"^base_url: expected") as caught:
        relay.connect("room", base_url=given)
    assert "secret" not in str(caught.value)


async def test_open_channel_refuses_at_once_too() -> None:
    with pytest.raises(ValueError, match=r"^channel: expected"):
        async with relay.open_channel("ws:///room"):
            pass


def test_a_scheme_may_be_written_large() -> None:
    assert url("WS://other/c/x", echo=True) == "WS://other/c/x?echo=true"
    assert websocket_base("HTTPS://h/") == "wss://h"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"channel_or_url": 5}, "channel"),
        ({"channel_or_url": None}, "channel"),
        ({"channel_or_url": b"room"}, "channel"),
        ({"base_url": 5}, "base_url"),
        ({"alias": 5}, "alias"),
        ({"as_": 5}, "as_"),
        ({"join_key": b"secret"}, "join_key"),
        ({"send_key": b"secret"}, "send_key"),
        ({"announce": 1}, "announce"),
        ({"echo": "no"}, "echo"),
        ({"list_": None}, "list_"),
    ],
)
def test_wrong_types_are_named(arguments: dict[str, Any], name: str) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: expected") as caught:
        Address.of_channel(**{"channel_or_url": "room", "base_url": BASE, **arguments})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["sécret", "secret\r\nx: y", " secret", "secret ", "sec\tret"])
def test_keys_that_no_header_holds(key: str) -> None:
    for name in ("join_key", "send_key"):
        with pytest.raises(ValueError, match=rf"^{name}: expected") as caught:
            url("room", **{name: key})
        assert "ret" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [({"channel": "\ud800"}, "channel"), ({"channel": "x", "as_": "\ud800"}, "as_")],
)
def test_half_a_surrogate_pair(arguments: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: expected"):
        url(**arguments)


@pytest.mark.parametrize(
    ("room", "path"),
    [
        ("game/7", "game/7"),
        ("7", "main/7"),
        ("a/b/7", "a%2Fb/7"),
        ("game/a b", "game/a%20b"),
    ],
)
def test_a_party_room(room: str, path: str) -> None:
    assert Address.of_room(room, base_url=BASE).url == f"{BASE}/parties/{path}"
    assert Address.of_room("ws://h/parties/a/b", join_key="j").headers == (("x-join-key", "j"),)


@dataclasses.dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (None, "null"),
        ("text", '"text"'),
        ({"x": [1, 2.5]}, '{"x":[1,2.5]}'),
        (Point(3), '{"x":3}'),
        ("日本", '"日本"'),
    ],
)
def test_a_message_is_json(message: object, text: str) -> None:
    assert encode_message(message) == encode_message(message, "") == text
    assert encode_message(message, "u-1") == f"@@u-1@@{text}"


def nested_without_end() -> list[Any]:
    values: list[Any] = []
    values.append(values)
    return values


@pytest.mark.parametrize(
    "message",
    [b"x", bytearray(b"x"), memoryview(b"x"), object(), {"x": print}, "\ud83d", nested_without_end(), {(1, 2): 3}],
)  # fmt: skip
def test_what_json_cannot_hold(message: object) -> None:
    with pytest.raises(TypeError, match=r"^message: expected"):
        encode_message(message)


def test_a_uid_that_is_none() -> None:
    with pytest.raises(TypeError, match=r"^uid: expected"):
        encode_message(1, 5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^uid: expected") as caught:
        encode_message(1, "secret@@")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "hello", "1 2", "{", "NaN", "undefined", "[" * 100_000])
def test_text_that_is_not_json(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        decode_json(text)


@pytest.mark.parametrize("text", ["1", ' {"x": 1.50} ', '"\\ud83d"', "null"])
def test_text_that_is_json(text: str) -> None:
    decode_json(text)


def test_delays_double_up_to_half_a_minute() -> None:
    delays = [Backoff().delay_seconds(failures, 0.0) for failures in range(1, 8)]
    assert delays == [1, 2, 4, 8, 16, 30, 30]
    assert Backoff().delay_seconds(100_000, 0.0) == 30


def test_jitter_takes_away_up_to_its_part() -> None:
    assert [Backoff().delay_seconds(6, chance) for chance in (0.0, 0.5, 1.0)] == [30, 22.5, 15]
    assert Backoff(jitter=0).delay_seconds(1) == 1
    assert {Backoff(jitter=1).delay_seconds(1) for _ in range(8)} != {1.0}


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"first_seconds": -0.001}, "first_seconds"),
        ({"first_seconds": float("nan")}, "first_seconds"),
        ({"factor": 0.999}, "factor"),
        ({"longest_seconds": 0.999}, "longest_seconds"),
        ({"longest_seconds": float("inf")}, "longest_seconds"),
        ({"jitter": -0.001}, "jitter"),
        ({"jitter": 1.001}, "jitter"),
    ],
)
def test_a_backoff_that_is_none(arguments: dict[str, float], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: expected .* not {arguments[name]!r}$"):
        Backoff(**arguments)


def test_limits_of_a_backoff() -> None:
    Backoff(first_seconds=0, factor=1, longest_seconds=0, jitter=1)
    assert Backoff.of(True) == Backoff()
    assert Backoff.of(False) is None
    assert Backoff.of(Backoff(jitter=0)) == Backoff(jitter=0)
    with pytest.raises(TypeError, match=r"^reconnect: expected"):
        Backoff.of(5)  # type: ignore[arg-type]
