"""Plain requests on the public listener."""

from __future__ import annotations

import json
import re

import pytest
from support.connection import Connection, Response
from support.member import Bystanders, Visitors
from support.process import run_relay
from support.websocket import upgrade_head


def request(
    target: str,
    *,
    method: str = "GET",
    version: str = "HTTP/1.1",
    extra: str = "",
    body: bytes = b"",
) -> bytes:
    return f"{method} {target} {version}\r\nHost: relay.test\r\n{extra}\r\n".encode() + body


def ask(visit: Visitors, data: bytes, *, to_head: bool = False) -> Response:
    caller = visit.connect()
    caller.send(data)
    return caller.receive_response(to_head=to_head)


def error_text(response: Response) -> str:
    """The text of an error, which is JSON `{"error": "…"}`."""
    assert response.headers["content-type"].split(";")[0] == "application/json", response
    content = json.loads(response.body)
    assert list(content) == ["error"]
    assert isinstance(content["error"], str)
    return content["error"]


def test_health(visit: Visitors) -> None:
    response = ask(visit, request("/health"))
    assert (response.status, response.body.strip()) == (200, b"ok")
    assert response.headers["content-type"].startswith("text/plain")


def test_version(visit: Visitors) -> None:
    response = ask(visit, request("/version"))
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/plain")
    version = response.body.decode().strip()
    assert re.fullmatch(r"\d+(\.\d+)+[\w.+-]*", version)
    assert version in run_relay("--version").stdout


@pytest.mark.parametrize("query", ["?", "?x=1", "?%zz"])
def test_a_query_does_not_matter(visit: Visitors, query: str) -> None:
    assert ask(visit, request("/health" + query)).status == 200


@pytest.mark.parametrize("target", ["/health", "/version", "/c/x", "/nowhere"])
def test_any_origin_may_read(visit: Visitors, target: str) -> None:
    response = ask(visit, request(target, extra="Origin: https://example.org\r\n"))
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "target",
    [
        "/nowhere",
        "/healthy",
        "/health/",
        "/HEALTH",
        "/c",
        "/cc/x",
        "//",
        "/.well-known/x",
        "/%2e",
        "/favicon",
    ],
)
def test_unknown_paths(visit: Visitors, bystanders: Bystanders, target: str) -> None:
    response = ask(visit, request(target))
    assert response.status == 404
    assert error_text(response)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("target", ["/nowhere", "/health", "/version"])
def test_other_methods(visit: Visitors, bystanders: Bystanders, method: str, target: str) -> None:
    response = ask(visit, request(target, method=method, extra="Content-Length: 2\r\n", body=b"{}"))
    assert response.status in (404, 405)
    assert error_text(response)


@pytest.mark.parametrize("path", ["/c/", "/r/"])
def test_a_channel_without_an_upgrade(visit: Visitors, channel: str, path: str) -> None:
    response = ask(visit, request(path + channel, extra="Accept: application/json\r\n"))
    assert response.status == 426
    assert "websocket" in response.headers["upgrade"].lower()  # RFC 9110 section 15.5.22
    assert error_text(response)
    assert visit.join(channel).joined["total"] == 1


@pytest.mark.parametrize(("size", "status"), [(511, 426), (512, 426), (513, 414)])
def test_a_long_channel_without_an_upgrade(visit: Visitors, size: int, status: int) -> None:
    response = ask(visit, request("/c/" + "x" * size, extra="Accept: application/json\r\n"))
    assert response.status == status
    assert error_text(response)


@pytest.mark.parametrize("target", ["/health", "/version"])
def test_head(visit: Visitors, target: str) -> None:
    caller = visit.connect()
    caller.send(request(target))
    full = caller.receive_response()
    caller.send(request(target, method="HEAD") + request("/health"))
    bare = caller.receive_response(to_head=True)
    assert (bare.status, bare.headers["content-length"]) == (full.status, str(len(full.body)))
    assert caller.receive_response().body.strip() == b"ok", (
        "a body after HEAD would be taken for a response"
    )


def test_head_of_what_is_not_there(visit: Visitors) -> None:
    caller = visit.connect()
    caller.send(request("/nowhere", method="HEAD") + request("/health"))
    assert caller.receive_response(to_head=True).status == 404
    assert caller.receive_response().status == 200


def test_keep_alive(visit: Visitors) -> None:
    caller = visit.connect()
    for target, status in (
        ("/health", 200),
        ("/nowhere", 404),
        ("/version", 200),
        ("/c/x", 426),
        ("/health", 200),
    ):
        caller.send(request(target, extra="Accept: */*\r\n"))
        assert caller.receive_response().status == status


def test_pipelining(visit: Visitors) -> None:
    caller = visit.connect()
    targets = ["/health", "/version", "/nowhere"] * 30
    caller.send(b"".join(request(target) for target in targets))
    assert [caller.receive_response().status for _ in targets] == [200, 200, 404] * 30


def test_pipelining_in_single_bytes(visit: Visitors) -> None:
    caller = visit.connect()
    caller.send_pieces(bytes((byte,)) for byte in request("/health") * 3)
    assert [caller.receive_response().status for _ in range(3)] == [200] * 3


def test_a_body_is_not_the_next_request(visit: Visitors) -> None:
    caller = visit.connect()
    inner = request("/version")
    caller.send(
        request("/nowhere", method="POST", extra=f"Content-Length: {len(inner)}\r\n", body=inner)
    )
    assert caller.receive_response().status in (404, 405)
    expect_health_or_end(caller)


def test_a_chunked_body_is_not_the_next_request(visit: Visitors) -> None:
    caller = visit.connect()
    inner = request("/version")
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner)
    caller.send(
        request("/nowhere", method="POST", extra="Transfer-Encoding: chunked\r\n", body=body)
    )
    assert caller.receive_response().status in (404, 405, 411)
    expect_health_or_end(caller)


def expect_health_or_end(caller: Connection) -> None:
    """The connection is either over, or in step: a request for /health is answered as such."""
    try:
        caller.send(request("/health"))
        assert caller.receive_response().body.strip() == b"ok"
    except (EOFError, ConnectionError):
        pass


@pytest.mark.parametrize(
    "extra", ["Connection: close\r\n", "connection: CLOSE\r\n", "Connection: x, close\r\n"]
)
def test_connection_close(visit: Visitors, extra: str) -> None:
    caller = visit.connect()
    caller.send(request("/health", extra=extra) + request("/version"))
    response = caller.receive_response()
    assert response.body.strip() == b"ok"
    assert response.headers["connection"].lower() == "close"
    caller.expect_end()


def test_http_1_0(visit: Visitors) -> None:
    caller = visit.connect()
    caller.send(request("/health", version="HTTP/1.0"))
    assert caller.receive_response().body.strip() == b"ok"
    caller.expect_end()


def test_absolute_form(visit: Visitors) -> None:
    """RFC 9112 section 3.2.2: a server must accept it."""
    assert ask(visit, request("http://relay.test/health")).body.strip() == b"ok"


def test_no_host(visit: Visitors) -> None:
    """RFC 9112 section 3.2."""
    assert ask(visit, b"GET /health HTTP/1.1\r\n\r\n").status == 400


def test_an_upgrade_behind_a_request(visit: Visitors, channel: str, bystanders: Bystanders) -> None:
    """Allowed by HTTP, and rare: it may be refused, but answered it must be."""
    caller = visit.dial()
    caller.send(request("/health"))
    assert caller.receive_response().status == 200
    caller.send(upgrade_head(f"/c/{channel}"))
    received = caller.receive_to_end_or_response()
    assert received == b"" or received.startswith((b"HTTP/1.1 101", b"HTTP/1.1 4"))


def test_a_client_that_stops_after_its_request(visit: Visitors) -> None:
    caller = visit.connect()
    caller.send(request("/health"))
    caller.finish_sending()
    assert caller.receive_response().status == 200
    caller.expect_end()


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_client_that_does_not_wait_for_the_answer(
    visit: Visitors, bystanders: Bystanders, end: str
) -> None:
    for _ in range(50):
        caller = visit.connect()
        caller.send(request("/health") * 20)
        getattr(caller, end)()
    bystanders.exchange()


@pytest.mark.parametrize("protocol", ["h2c", "h2c, TLS/1.0", "websockets"])
def test_other_protocols_than_websocket_are_no_concern(
    visit: Visitors, channel: str, protocol: str
) -> None:
    """Java's client offers HTTP/2 with whatever it asks for (RFC 9110 section 7.8: the offer may be ignored)."""
    offer = f"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AA\r\n"
    caller = visit.connect()
    caller.send(f"GET /health HTTP/1.1\r\n{offer}\r\n".encode())
    assert caller.receive_response().body == b"ok"
    caller.send(f"POST /c/{channel} HTTP/1.1\r\n{offer}Content-Length: 1\r\n\r\n1".encode())
    assert caller.receive_response().body == b'{"delivered":0}'
    caller.send(f"GET /c/{channel} HTTP/1.1\r\n{offer}\r\n".encode())
    response = caller.receive_response()
    assert (response.status, response.headers["upgrade"]) == (426, "websocket")
    caller.send(f"GET /c/{channel} HTTP/1.1\r\n{offer}Accept: text/event-stream\r\n\r\n".encode())
    assert b"text/event-stream" in caller.receive_until(b"\r\n\r\n")
