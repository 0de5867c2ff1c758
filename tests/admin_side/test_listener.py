"""The operator's listener: where it is, what it answers to anyone, and that nothing brings it down."""

from __future__ import annotations

import json
import re
import signal
import socket

import pytest
from support.fixtures import StartRelay, VisitAt
from support.process import RelayProcess, run_relay
from support.websocket import upgrade_head

from .conftest import ADMIN, TOKEN, AskAt, Operator, error_of

PROBES = ["/ready", "/health", "/version"]
READABLE = [*PROBES, "/", "/metrics", "/api/stats", "/api/channels", "/api/blocks"]
ORDERS = ["/api/kick", "/api/block", "/api/unblock", "/api/drain"]


def test_the_urls_are_printed(relay: RelayProcess) -> None:
    host, port = relay.admin_address
    lines = relay.output.splitlines()
    assert f"operators at http://{host}:{port}/" in lines
    assert f"listening on http://127.0.0.1:{relay.address[1]}" in lines


def test_off(start_relay: StartRelay) -> None:
    assert "operators" not in start_relay("--admin", "off").output


def test_another_address(start_relay: StartRelay, ask_at: AskAt) -> None:
    server = start_relay("--admin", "localhost:0")
    assert ask_at(server).ask("/ready").status == 200


def test_an_ipv6_address(start_relay: StartRelay, ask_at: AskAt) -> None:
    if not has_ipv6():
        pytest.skip("no IPv6 loopback here")
    server = start_relay("--admin", "[::1]:0")
    operator = ask_at(server)
    port = server.admin_address[1]
    assert operator.ask("/api/stats", f"Host: [::1]:{port}").status == 200


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as sock:
        try:
            sock.bind(("::1", 0))
        except OSError:
            return False
    return True


def test_a_busy_port_is_one_clear_line() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        result = run_relay("serve", "--port", "0", "--admin", f"127.0.0.1:{port}")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"relay: cannot listen for operators on 127.0.0.1 port {port}: Address already in use;"
        " choose another address with --admin HOST:PORT, or none with --admin off\n"
    )


def test_an_address_that_others_reach_needs_a_token() -> None:
    result = run_relay("serve", "--port", "0", "--admin", "0.0.0.0:0")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "relay: --admin: expected admin_token beside it, because others can reach 0.0.0.0, got none\n"
    )


@pytest.mark.parametrize(("target", "text"), [("/ready", "ready"), ("/health", "ok")])
def test_probes(operator: Operator, target: str, text: str) -> None:
    response = operator.ask(target)
    assert (response.status, response.body.decode()) == (200, text)
    assert response.headers["content-type"].startswith("text/plain")


def test_the_version(operator: Operator) -> None:
    assert operator.ask("/version").body.decode() == run_relay("--version").stdout.strip()
    assert operator.read("/api/stats")["version"] == run_relay("--version").stdout.strip()


@pytest.mark.parametrize("target", READABLE)
def test_head(operator: Operator, target: str) -> None:
    connection = operator.connect()
    connection.send(operator.head(target, "HEAD") + operator.head("/health"))
    assert connection.receive_response(to_head=True).status == 200
    assert connection.receive_response().body == b"ok"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("target", READABLE)
def test_what_is_read_is_not_written(operator: Operator, target: str, method: str) -> None:
    response = operator.ask(target, "Content-Length: 0", method=method)
    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")
    assert error_of(response) == "expected one of GET, HEAD at this path"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
@pytest.mark.parametrize("target", ORDERS)
def test_orders_are_posted(operator: Operator, target: str, method: str) -> None:
    response = operator.ask(target, method=method)
    assert (response.status, response.headers["allow"]) == (405, "POST")
    if method != "HEAD":
        assert error_of(response) == "expected POST at this path"


@pytest.mark.parametrize(
    "target",
    ["/nope", "/api", "/api/", "/api/stats/", "/c/x", "/push/x", "/metrics/x", "//", "/assets/",
     "/assets/../dashboard.html", "/assets/%2e%2e/side.py", "/assets/page.html", "/READY"],
)  # fmt: skip
def test_unknown_paths(operator: Operator, target: str) -> None:
    response = operator.ask(target)
    assert response.status == 404
    assert error_of(response) == "there is nothing at this path"


@pytest.mark.parametrize(
    "head",
    [
        upgrade_head("/c/x"),
        b"GET /c/x HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
    ],
    ids=["websocket", "event stream"],
)
def test_nobody_becomes_a_member_here(operator: Operator, head: bytes) -> None:
    response = operator.send(head)
    assert response.status == 400
    assert "public address" in error_of(response)


def test_other_protocols_are_not_taken_up(operator: Operator) -> None:
    head = b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert operator.send(head).status == 200


@pytest.mark.parametrize("target", [*READABLE, *ORDERS, "/nope"])
@pytest.mark.parametrize("lines", [(), ("Origin: http://evil.example",), ("Host: evil.example",)])
def test_no_origin_may_read_anything(
    operator: Operator, target: str, lines: tuple[str, ...]
) -> None:
    for method in ("GET", "OPTIONS"):
        response = operator.ask(target, *lines, method=method)
        assert not [name for name in response.headers if name.startswith("access-control-")]
        assert response.headers["cross-origin-resource-policy"] == "same-origin"


def test_keep_alive_and_pipelining(operator: Operator) -> None:
    connection = operator.connect()
    targets = ["/ready", "/metrics", "/nope", "/api/stats"] * 5
    connection.send(b"".join(operator.head(target) for target in targets))
    answers = [connection.receive_response().status for _ in targets]
    assert answers == [200, 200, 404, 200] * 5


# --- the page ------------------------------------------------------------------------------------------------------------------


def test_the_dashboard_and_its_parts(operator: Operator) -> None:
    page = operator.ask("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith(
        "default-src 'none'; script-src 'self'"
    )
    parts = re.findall(r'(?:src|href)="/?(assets/[^"]+)"', page.body.decode())
    assert parts
    for part in parts:
        response = operator.ask(f"/{part}")
        assert response.status == 200
        assert response.body
        known = operator.ask(f"/{part}", f"If-None-Match: {response.headers['etag']}")
        assert (known.status, known.body) == (304, b"")


# --- hostile peers -------------------------------------------------------------------------------------------------------------

SMUGGLED = [
    b"POST /api/drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"POST /api/drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    b"POST /api/drain HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n",
    b"POST /api/drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: +2\r\n\r\n{}",
    b"GET /ready HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /ready HTTP/1.1\r\n\r\n",
    b"GET /ready HTTP/2.0\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET /ready HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    b"GET /ready HTTP/1.1\r\nHost: localhost\r\nA: " + b"x" * 20_000 + b"\r\n\r\n",
]  # fmt: skip


@pytest.mark.parametrize("data", SMUGGLED, ids=range(len(SMUGGLED)))
def test_requests_that_two_readers_could_read_differently(operator: Operator, data: bytes) -> None:
    connection = operator.connect()
    connection.send(data)
    assert connection.receive_response().status in (400, 431)
    connection.expect_end()
    assert operator.ask("/ready").status == 200


@pytest.mark.parametrize(("size", "status"), [(65_535, 400), (65_536, 400), (65_537, 413)])
def test_a_large_body(operator: Operator, size: int, status: int) -> None:
    response = operator.order("/api/kick", b" " * size)
    assert response.status == status
    assert error_of(response)


def test_a_chunked_order(operator: Operator) -> None:
    head = operator.head(
        "/api/unblock", "POST", "Content-Type: application/json", "Transfer-Encoding: chunked"
    )
    body = b'{"address": "192.0.2.1"}'
    response = operator.send(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    assert json.loads(response.body) == {"unblocked": False}


def test_a_head_and_a_body_that_do_not_come(start_relay: StartRelay, ask_at: AskAt) -> None:
    operator = ask_at(start_relay(*ADMIN, "--handshake-timeout", "100ms"))
    order = operator.head(
        "/api/kick", "POST", "Content-Type: application/json", "Content-Length: 2"
    )
    for data in (b"GET /ready HTTP/1.1\r\n", order):
        assert operator.send(data).status == 408


@pytest.mark.parametrize("others", [8, 9, 10, 30])
def test_connections_that_idle_keep_nobody_out(ask_at: AskAt, others: int) -> None:
    """With a file limit of 200 ten are taken: a newcomer gets the place of the one that was answered the longest time ago."""
    with RelayProcess(*ADMIN, file_limit=200) as server:
        operator = ask_at(server)
        waiting = [operator.connect() for _ in range(others)]
        last = operator.connect()
        last.send(operator.head("/ready"))
        assert last.receive_response().status == 200
        cut = max(others - 9, 0)
        for connection in waiting[:cut]:
            connection.expect_end()
        for connection in waiting[cut:]:
            connection.send(operator.head("/health"))
            assert connection.receive_response().body == b"ok"
        counters = operator.read("/api/stats")["workers"][0]["counters"]
        assert counters.get("refused_admin_crowded_out", 0) >= cut


def test_an_order_under_way_keeps_its_place(ask_at: AskAt) -> None:
    head = ("/api/unblock", "POST", "Content-Type: application/json", "Content-Length: 24")
    with RelayProcess(*ADMIN, file_limit=200) as server:
        operator = ask_at(server)
        orders = [operator.connect() for _ in range(10)]
        for order in orders:
            order.send(operator.head(*head, "Expect: 100-continue"))
            order.receive_until(b"100 Continue\r\n\r\n")
        newcomer = operator.connect()
        newcomer.send(operator.head("/ready"))
        refused = newcomer.receive_response()
        assert refused.status == 503
        assert error_of(refused) == "too many connections at once, try again"
        orders[0].send(b'{"address": "192.0.2.1"}')
        assert orders[0].receive_response().status == 200


def test_a_client_that_goes_away(operator: Operator) -> None:
    for _ in range(20):
        connection = operator.connect()
        connection.send(operator.head("/metrics") * 10)
        connection.reset()
        connection.close()
    assert operator.ask("/ready").status == 200


# --- the end -------------------------------------------------------------------------------------------------------------------


def test_it_answers_while_everyone_is_closed(
    start_relay: StartRelay, ask_at: AskAt, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay(*ADMIN, "--drain-time", "60")
    member = visit_at(server).join(channel)
    operator = ask_at(server)
    server.send_signal(signal.SIGTERM)
    assert member.receive_close()[0] == 1001  # its own part of the closing handshake is waited for
    ready = operator.ask("/ready")
    assert (ready.status, ready.body) == (503, b"draining")
    assert operator.ask("/health").status == 200
    assert b"\nrelay_draining 1.0\n" in operator.ask("/metrics").body
    assert operator.read("/api/stats")["draining"] is True
    member.close()
    assert server.wait() == 0


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_an_order_to_drain(start_relay: StartRelay, ask_at: AskAt, body: bytes) -> None:
    server = start_relay(*ADMIN)
    response = ask_at(server).order("/api/drain", body)
    assert (response.status, json.loads(response.body)) == (202, {"draining": True})
    assert server.wait() == 0


def test_an_order_to_drain_closes_members(
    start_relay: StartRelay, ask_at: AskAt, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay(*ADMIN)
    member = visit_at(server).join(channel)
    assert ask_at(server, TOKEN).order("/api/drain", {}).status == 202
    member.expect_close(1001)
    member.close()
    assert server.wait() == 0
