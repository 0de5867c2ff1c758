"""The head of a request as the parser tells of it: what it asks for, whatever spelling it has."""

from __future__ import annotations

import pytest

from relay._core import Request, has_token


def request(target: bytes = b"/c/room", method: bytes = b"GET", **headers: bytes) -> Request:
    found = Request()
    found.on_url(target)
    for name, value in headers.items():
        found.on_header(name.replace("_", "-").encode(), value)
    found.on_headers_complete()
    found.method = method
    return found


def test_it_is_empty_at_first() -> None:
    empty = Request()
    assert (empty.method, empty.target, empty.version, empty.headers) == (b"", b"", "1.1", {})
    assert not empty.is_complete
    assert not empty.wants_membership
    assert empty.path_and_query == (b"", b"")


def test_it_is_complete_when_the_parser_says_so() -> None:
    assert request().is_complete


def test_the_target_comes_in_pieces() -> None:
    found = request(b"/c/ro")
    found.on_url(b"om?as=Ann")
    assert found.target == b"/c/room?as=Ann"


def test_headers_have_names_in_lower_case_and_bare_values() -> None:
    assert request(Sec_WebSocket_Key=b"  abc \t").headers == {b"sec-websocket-key": b"abc"}


def test_a_header_given_again_is_a_list() -> None:
    found = request(Accept=b"text/html")
    found.on_header(b"ACCEPT", b"*/*")
    found.on_header(b"accept", b"")
    assert found.headers[b"accept"] == b"text/html, */*, "


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", b"/", b""),
        (b"/c/a?b", b"/c/a", b"b"),
        (b"/c/a?", b"/c/a", b""),
        (b"/c/a?b?c", b"/c/a", b"b?c"),
        (b"http://host/c/a?b", b"/c/a", b"b"),
        (b"http://host:1/", b"/", b""),
        (b"http://host", b"", b""),
        (b"http://host?b/c", b"/c", b""),
        (b"*", b"", b""),
        (b"host:443", b"", b""),
        (b"", b"", b""),
    ],
)
def test_the_target_in_parts(target: bytes, path: bytes, query: bytes) -> None:
    assert request(target).path_and_query == (path, query)


@pytest.mark.parametrize(
    ("upgrade", "wants"),
    [
        (b"websocket", True),
        (b"WebSocket", True),
        (b"h2c, websocket", True),
        (b"websocket/13", False),
        (b"websockets", False),
        (b"h2c", False),
        (b"", False),
    ],
)
def test_upgrades(upgrade: bytes, wants: bool) -> None:
    found = request(Upgrade=upgrade)
    assert found.wants_upgrade == found.wants_membership == wants
    assert not found.wants_stream


@pytest.mark.parametrize("target", [b"/c/a", b"/r/a", b"/c/", b"http://host/c/a?as=x"])
def test_event_streams(target: bytes) -> None:
    found = request(target, Accept=b"text/html, Text/Event-Stream;q=0.9")
    assert found.wants_stream
    assert found.wants_membership


@pytest.mark.parametrize(
    "found",
    [
        request(),
        request(Accept=b"*/*"),
        request(b"/", Accept=b"text/event-stream"),
        request(b"/parties/main/a", Accept=b"text/event-stream"),
        request(method=b"POST", Accept=b"text/event-stream"),
        request(method=b"HEAD", Accept=b"text/event-stream"),
        request(Accept=b"text/event-stream", Upgrade=b"websocket"),
    ],
)
def test_no_event_streams(found: Request) -> None:
    assert not found.wants_stream


@pytest.mark.parametrize(
    ("value", "has_it"),
    [
        (b"upgrade", True),
        (b"Upgrade", True),
        (b"keep-alive, Upgrade", True),
        (b" upgrade ,x", True),
        (b"upgrades", False),
        (b"up grade", False),
        (b"", False),
    ],
)
def test_tokens_of_a_list(value: bytes, has_it: bool) -> None:
    assert has_token(value, b"upgrade") == has_it


@pytest.mark.parametrize("arguments", [(None, b"x"), (b"x", None), ("x", b"x"), (b"x", "x")])
def test_names_and_values_are_bytes(arguments: tuple[object, object]) -> None:
    with pytest.raises(TypeError):
        request().on_header(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "opens"),
    [
        ({}, True),
        ({"Connection": b"keep-alive, UPGRADE"}, True),
        ({"Connection": b"keep-alive"}, False),
        ({"Sec_WebSocket_Version": b"8"}, False),
        ({"Sec_WebSocket_Version": b""}, False),
        ({"method": b"POST"}, False),
    ],
)
def test_opening_handshakes(change: dict[str, bytes], opens: bool) -> None:
    headers = {"Connection": b"Upgrade", "Sec_WebSocket_Version": b"13"} | change
    assert request(**headers).opens_websocket == opens


def test_no_opening_handshake() -> None:
    assert not request(Connection=b"Upgrade").opens_websocket
    assert not request(Sec_WebSocket_Version=b"13").opens_websocket
    old = request(Connection=b"Upgrade", Sec_WebSocket_Version=b"13")
    old.version = "1.0"
    assert not old.opens_websocket
