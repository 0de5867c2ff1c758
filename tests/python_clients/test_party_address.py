"""The URL of a room."""

from __future__ import annotations

from typing import Any

import pytest

from relay.client.party_address import PartyAddress, bare_host, is_local, resolve_query, with_query


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:1999",
        "LOCALHOST",
        "127.0.0.1",
        "127.255.255.255:80",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255:1",
        "192.168.1.1:8787",
        "[::1]",
        "[::1]:8787",
        "[::ffff:7f00:1]:8787",
        "[fd00::1]",
    ],
)
def test_local_hosts(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize(
    "host",
    [
        "a.test",
        "localhost.example",
        "10.example.test",
        "11.0.0.1",
        "172.15.255.255",
        "172.32.0.0",
        "172.2.0.1",
        "192.167.1.1",
        "128.0.0.1",
        "[2001:db8::1]:80",
        "",
    ],
)
def test_other_hosts(host: str) -> None:
    assert not is_local(host)


@pytest.mark.parametrize("scheme", ["", "http://", "https://", "ws://", "wss://"])
@pytest.mark.parametrize("end", ["", "/"])
def test_host_loses_its_scheme_and_one_slash(scheme: str, end: str) -> None:
    assert bare_host(f"{scheme}a.test:1{end}") == "a.test:1"


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({"room": "r"}, "wss://a.test/parties/main/r"),
        ({"room": "r", "host": "localhost"}, "ws://localhost/parties/main/r"),
        ({"room": "r", "host": "http://[::1]:8787/"}, "ws://[::1]:8787/parties/main/r"),
        ({"room": "r", "protocol": "ws"}, "ws://a.test/parties/main/r"),
        ({"room": "r", "party": "chess"}, "wss://a.test/parties/chess/r"),
        ({"room": "r", "prefix": "rooms/v1"}, "wss://a.test/rooms/v1/main/r"),
        ({"room": "r", "path": "sub/path"}, "wss://a.test/parties/main/r/sub/path"),
        ({"room": "r", "base_path": "b/p"}, "wss://a.test/b/p"),
        ({"base_path": "b", "path": "sub"}, "wss://a.test/b/sub"),
        ({"room": "a?b#c"}, "wss://a.test/parties/main/a%3Fb%23c"),
        ({"room": "a%3Ab"}, "wss://a.test/parties/main/a%3Ab"),
        ({"room": None, "base_path": "b", "party": None}, "wss://a.test/b"),
    ],
)
def test_room_urls(options: dict[str, Any], url: str) -> None:
    assert PartyAddress.of({"host": "a.test", **options}).room_url() == url


@pytest.mark.parametrize(
    ("host", "protocol", "url"),
    [
        ("localhost", None, "http://localhost"),
        ("a.test", None, "https://a.test"),
        ("a.test", "ws", "http://a.test"),
        ("localhost", "wss", "https://localhost"),
        ("a.test", "http", "http://a.test"),
    ],
)
def test_room_urls_of_http(host: str, protocol: str | None, url: str) -> None:
    address = PartyAddress.of({"host": host, "room": "r", "protocol": protocol})
    assert address.room_url("http") == f"{url}/parties/main/r"


@pytest.mark.parametrize(
    ("query", "party_id", "end"),
    [
        ({}, None, "?"),
        ({}, "id", "?_pk=id"),
        (
            {"a": "1 2", "b": None, "c": 3, "d": True, "e": False},
            "i",
            "?_pk=i&a=1+2&c=3&d=true&e=false",
        ),
        ({"ä&=": "*~-._"}, None, "?%C3%A4%26%3D=*%7E-._"),
    ],
)
def test_queries(query: dict[str, Any], party_id: str | None, end: str) -> None:
    assert with_query("ws://a.test/x", query, party_id) == f"ws://a.test/x{end}"


@pytest.mark.parametrize("value", [["a"], {"a": 1}, b"x"])
def test_query_values_that_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^query: expected a string or a number for 'a'"):
        with_query("ws://a.test/x", {"a": value})


async def test_query_may_be_a_function_or_an_async_one() -> None:
    async def later() -> dict[str, str]:
        return {"a": "1"}

    assert await resolve_query({"a": "1"}) == {"a": "1"}
    assert await resolve_query(lambda: {"a": "1"}) == {"a": "1"}
    assert await resolve_query(later) == {"a": "1"}
    assert await resolve_query(lambda: None) == {}
    with pytest.raises(TypeError, match=r"^query: expected a dict, not list"):
        await resolve_query(list)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"path": "/sub"}, ValueError, "path: expected no slash at its beginning"),
        ({"protocol": "ftp"}, ValueError, "protocol: expected ws or wss, not 'ftp'"),
        ({"host": 3}, TypeError, "host: expected a string, not int"),
        ({"room": b"r"}, TypeError, "room: expected a string, not bytes"),
        ({"query": "a=1"}, TypeError, "query: expected a dict or a function, not str"),
    ],
)
def test_addresses_that_are_refused(
    options: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=rf"^{text}$"):
        PartyAddress.of(options)


@pytest.mark.parametrize(
    ("options", "name"), [({"room": "r"}, "host"), ({"host": "a.test", "party": "p"}, "room")]
)
def test_addresses_that_lead_nowhere(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: expected"):
        PartyAddress.of(options).require_room()
