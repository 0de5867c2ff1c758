"""What is posted to a party room: who gets it, as what, and who may post."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from support.connection import Response
from support.fixtures import StartRelay, VisitAt
from support.member import Bystanders, Visitors
from support.websocket import BINARY, CLOSE, PING, TEXT, WebSocket, encode_frame

MEBIBYTE = 1 << 20


def post(
    visit: Visitors, target: str, body: bytes = b"hello", *headers: str, method: str = "POST"
) -> Response:
    caller = visit.connect()
    lines = [
        f"{method} {target} HTTP/1.1",
        "Host: relay.test",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    caller.send("\r\n".join([*lines, "", ""]).encode() + body)
    return caller.receive_response()


def delivered(response: Response) -> int:
    assert response.status == 200, response
    assert response.headers["content-type"] == "application/json"
    content = json.loads(response.body)
    assert list(content) == ["delivered"]
    return content["delivered"]


def assert_refused(response: Response, status: int, word: str) -> None:
    assert response.status == status, response
    assert word in json.loads(response.body)["error"]


TEXT_TYPES = ["text/plain", "application/json", "TEXT/plain; charset=utf-8", "image/png", ""]
BINARY_TYPES = [
    "application/octet-stream",
    "Application/Octet-Stream",
    "application/octet-stream;x",
]


@pytest.mark.parametrize(
    ("content_type", "body", "kind"),
    [
        *((content_type, "日🦆".encode(), TEXT) for content_type in TEXT_TYPES),
        *((content_type, b"plain", BINARY) for content_type in BINARY_TYPES),
        ("text/plain", b"\xff\xfe", BINARY),
        ("application/json", b"not json", TEXT),
        ("", b"", TEXT),
        ("application/octet-stream", b"", BINARY),
    ],
)
def test_it_goes_to_every_member_as_it_is(
    visit: Visitors, channel: str, content_type: str, body: bytes, kind: int
) -> None:
    target = f"/parties/main/{channel}"
    members = [visit.open(target), visit.open(f"{target}?_pk=a&echo=true")]
    headers = [f"Content-Type: {content_type}"] if content_type else []
    assert delivered(post(visit, target, body, *headers)) == 2
    for member in members:
        assert member.receive() == (kind, body)


def test_chunks_become_one_message(visit: Visitors, channel: str) -> None:
    member = visit.open(f"/party/{channel}")
    caller = visit.connect()
    head = f"POST /party/{channel} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    caller.send_pieces([head.encode(), b"3\r\nhel\r\n", b"2\r\nlo\r\n0\r\n\r\n"])
    assert delivered(caller.receive_response()) == 1
    assert member.receive() == (TEXT, b"hello")


@pytest.mark.parametrize(
    ("target", "count"),
    [
        ("/parties/main/{}", 1),
        ("/party/{}", 1),
        ("/parties/main/{}/sub/path", 1),
        ("/parties/main/{}?_pk=x&unknown=1", 1),
        ("http://relay.test/parties/main/{}", 1),
        ("/parties/other/{}", 0),
        ("/parties/main/{}x", 0),
    ],
)
def test_which_room(visit: Visitors, channel: str, target: str, count: int) -> None:
    member = visit.open(f"/parties/main/{channel}")
    assert delivered(post(visit, target.format(channel), b"posted")) == count
    assert delivered(post(visit, f"/party/{channel}", b"marker")) == 1
    if count:
        assert member.receive() == (TEXT, b"posted")
    assert member.receive() == (TEXT, b"marker")


def test_a_room_that_nobody_is_in_is_not_opened(visit: Visitors, channel: str) -> None:
    """Were it open, keys shown with the post would be those of its first member."""
    target = f"/party/{channel}"
    assert delivered(post(visit, target, b"1", "x-join-key: k", "x-send-key: k")) == 0
    visit.open(target).send_text("free to join and send")
    assert delivered(post(visit, target)) == 1


def test_what_members_and_posts_send_has_one_order(visit: Visitors, channel: str) -> None:
    target = f"/party/{channel}"
    first, second = visit.open(target + "?echo"), visit.open(target)
    for number in range(50):
        first.send_text(f"sent {number}")
        assert first.receive() == (TEXT, b"sent %d" % number)
        assert delivered(post(visit, target, b"posted %d" % number)) == 2
        assert first.receive() == (TEXT, b"posted %d" % number)
    for number in range(50):
        assert second.receive() == (TEXT, b"sent %d" % number)
        assert second.receive() == (TEXT, b"posted %d" % number)


def test_who_has_left_gets_nothing(visit: Visitors, channel: str) -> None:
    target = f"/party/{channel}"
    first, second = visit.open(target), visit.open(target)
    first.send_close()
    first.expect_close(1000)
    assert delivered(post(visit, target)) == 1
    assert second.receive() == (TEXT, b"hello")


@pytest.mark.parametrize("size", [MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 1])
def test_a_body_may_have_one_mebibyte(visit: Visitors, channel: str, size: int) -> None:
    target = f"/party/{channel}"
    member = visit.open(target)
    response = post(visit, target, b"x" * size)
    if size <= MEBIBYTE:
        assert delivered(response) == 1
        assert member.receive() == (TEXT, b"x" * size)
    else:
        assert_refused(response, 413, str(MEBIBYTE))


def test_too_large_is_said_before_the_body_comes(visit: Visitors, channel: str) -> None:
    caller = visit.connect()
    head = f"POST /party/{channel} HTTP/1.1\r\nHost: x\r\nContent-Length: {1 << 40}\r\n\r\n"
    caller.send(head.encode())
    assert_refused(caller.receive_response(), 413, str(MEBIBYTE))
    caller.expect_end()


def test_too_large_in_chunks(visit: Visitors, bystanders: Bystanders, channel: str) -> None:
    caller = visit.connect()
    head = f"POST /party/{channel} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    caller.send(head.encode() + b"fffffff\r\n" + b"x" * (MEBIBYTE + 1))
    assert_refused(caller.receive_response(), 413, str(MEBIBYTE))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods(visit: Visitors, channel: str, method: str) -> None:
    response = post(visit, f"/party/{channel}", method=method)
    assert_refused(response, 405, "POST")
    assert response.headers["allow"] == "GET, HEAD, POST, OPTIONS"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/party", 404),
        ("/parties/main", 404),
        ("/party/" + "x" * 512, 200),
        ("/party/" + "x" * 513, 414),
    ],
)
def test_what_is_no_room(visit: Visitors, target: str, status: int) -> None:
    assert post(visit, target).status == status


@pytest.mark.parametrize(
    ("target", "methods"),
    [
        ("/party/x", "GET, HEAD, POST, OPTIONS"),
        ("/c/x", "GET, HEAD, POST, OPTIONS"),
        ("/push/x", "POST, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_preflight(visit: Visitors, target: str, methods: str) -> None:
    caller = visit.connect()
    head = (
        f"OPTIONS {target} HTTP/1.1\r\nHost: x\r\nOrigin: https://example.org\r\n"
        "Access-Control-Request-Method: POST\r\n"
        "Access-Control-Request-Headers: content-type,x-send-key\r\n\r\n"
    )
    caller.send(head.encode() * 2)
    for _ in range(2):
        response = caller.receive_response()
        assert response.status == 204
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["access-control-allow-methods"] == methods
        assert response.headers["access-control-allow-headers"] == (
            "content-type, last-event-id, x-join-key, x-send-key"
        )
        assert int(response.headers["access-control-max-age"]) > 0
        assert "content-length" not in response.headers  # RFC 9110 section 8.6


# --- keys -------------------------------------------------------------------------------------------------------------------

RIGHT_JOIN, WRONG_JOIN = "x-join-key: in", "x-join-key: wrong"
RIGHT_SEND, WRONG_SEND = "x-send-key: out", "x-send-key: wrong"


@pytest.mark.parametrize(
    ("query", "headers", "status", "word"),
    [
        ("?joinKey=in&sendKey=out", [], 200, ""),
        ("", [RIGHT_JOIN, RIGHT_SEND], 200, ""),
        ("?joinKey=in", [RIGHT_SEND], 200, ""),
        ("", [], 401, "join key is missing"),
        ("", [RIGHT_SEND], 401, "join key is missing"),
        ("", [WRONG_JOIN, RIGHT_SEND], 403, "join key is wrong"),
        ("", [RIGHT_JOIN], 401, "send key is missing"),
        ("?sendKey=undefined", [RIGHT_JOIN], 401, "send key is missing"),
        ("", [RIGHT_JOIN, WRONG_SEND], 403, "send key is wrong"),
        ("?sendKey=wrong", [RIGHT_JOIN, RIGHT_SEND], 403, "send key is wrong"),
    ],
)
@pytest.mark.parametrize("is_open", [True, False])
def test_the_keys_of_a_namespace(
    start_relay: StartRelay,
    visit_at: VisitAt,
    tmp_path: Path,
    channel: str,
    query: str,
    headers: list[str],
    status: int,
    word: str,
    is_open: bool,
) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(
        f'[namespaces."parties/main/{channel}"]\njoin_keys = ["in"]\nsend_keys = ["out"]\n'
    )
    visit = visit_at(start_relay("--config", str(config)))
    if is_open:
        member = visit.open(f"/party/{channel}?joinKey=in")
    response = post(visit, f"/party/{channel}{query}", b"hello", *headers)
    if status == 200:
        assert delivered(response) == int(is_open)
    else:
        assert_refused(response, status, word)
        assert ("www-authenticate" in response.headers) is (status == 401)
    if is_open and status == 200:
        assert member.receive() == (TEXT, b"hello")


@pytest.mark.parametrize(
    ("first", "headers", "status"),
    [
        ("", [], 200),
        ("", ["x-join-key: any", "x-send-key: any"], 200),
        ("?joinKey=in", [], 401),
        ("?joinKey=in", [RIGHT_JOIN], 200),
        ("?sendKey=out", [], 401),
        ("?sendKey=out", [WRONG_SEND], 403),
        ("?sendKey=out", [RIGHT_SEND], 200),
        ("?joinKey=in&sendKey=out", [RIGHT_SEND], 401),
    ],
)
def test_the_keys_of_the_first_member(
    visit: Visitors, channel: str, first: str, headers: list[str], status: int
) -> None:
    visit.open(f"/party/{channel}{first}")
    assert post(visit, f"/party/{channel}", b"hello", *headers).status == status


def test_keys_that_come_while_the_body_does(visit: Visitors, channel: str) -> None:
    """The room was open to everyone when the post began; it is not when it would be published."""
    caller = visit.connect()
    head = f"POST /party/{channel} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
    caller.send(f"{head}Content-Length: 5\r\n\r\n".encode())
    assert caller.receive_response().status == 100
    visit.open(f"/party/{channel}?sendKey=out")
    caller.send(b"hello")
    assert_refused(caller.receive_response(), 401, "send key is missing")


def test_keys_in_trailers_are_none(visit: Visitors, channel: str) -> None:
    visit.open(f"/party/{channel}?sendKey=out")
    caller = visit.connect()
    head = f"POST /party/{channel} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    caller.send(head.encode() + b"0\r\nx-send-key: out\r\n\r\n")
    assert_refused(caller.receive_response(), 401, "send key is missing")


def test_origins_hold_for_posts(start_relay: StartRelay, visit_at: VisitAt) -> None:
    """A page of another site needs no preflight to post text."""
    visit = visit_at(start_relay("--origins", "https://good.example"))
    assert delivered(post(visit, "/party/x", b"", "Origin: https://good.example")) == 0
    assert delivered(post(visit, "/party/x")) == 0
    assert_refused(post(visit, "/party/x", b"", "Origin: https://bad.example"), 403, "origin")


# --- limits -----------------------------------------------------------------------------------------------------------------

SLOW = "0.001"


def test_the_burst_of_messages(start_relay: StartRelay, visit_at: VisitAt) -> None:
    flags = ("--limit-loopback", "true", "--message-rate", SLOW, "--message-burst", "3")
    visit = visit_at(start_relay(*flags))
    assert [post(visit, "/party/x").status for _ in range(4)] == [200, 200, 200, 429]
    response = post(visit, "/party/y")
    assert_refused(response, 429, "too many messages")
    assert int(response.headers["retry-after"]) > 100


@pytest.mark.parametrize(("size", "status"), [(99, 200), (100, 200), (101, 413)])
def test_the_burst_of_bytes(
    start_relay: StartRelay, visit_at: VisitAt, size: int, status: int
) -> None:
    flags = ("--limit-loopback", "true", "--byte-rate", SLOW, "--byte-burst", "100")
    visit = visit_at(start_relay(*flags))
    assert post(visit, "/party/x", b"x" * size).status == status
    assert post(visit, "/party/x", b"x" * 2).status == (429 if status == 200 else 200)


def test_loopback_is_exempt(start_relay: StartRelay, visit_at: VisitAt) -> None:
    visit = visit_at(start_relay("--message-rate", SLOW, "--message-burst", "1"))
    assert [post(visit, "/party/x").status for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("mode", ["dry-run", "off"])
def test_limits_that_do_not_hold(start_relay: StartRelay, visit_at: VisitAt, mode: str) -> None:
    server = start_relay(
        *("--limit-loopback", "true", "--limits", mode),
        *("--message-rate", SLOW, "--message-burst", "1", "--byte-rate", SLOW, "--byte-burst", "1"),
    )
    visit = visit_at(server)
    assert [post(visit, "/party/x").status for _ in range(5)] == [200] * 5
    assert server.stop() == 0
    assert ("4 published messages over their rate" in server.errors) is (mode == "dry-run")
    assert ("5 published messages over their byte rate" in server.errors) is (mode == "dry-run")


def test_a_blocked_address(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    """Whose member was kicked may not go on with posts."""
    flags = ("--limit-loopback", "true", "--message-rate", SLOW, "--message-burst", "2")
    visit = visit_at(start_relay(*flags, "--kick-after", "1"))
    kept = visit.connect()
    talker = visit.open(f"/party/{channel}")
    while not talk_until_closed(talker):
        pass
    kept.send(f"POST /party/{channel} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    response = kept.receive_response()
    assert_refused(response, 429, "blocked")
    assert int(response.headers["retry-after"]) > 0


def talk_until_closed(talker: WebSocket) -> bool:
    """One message more; whether the answer is a close."""
    with suppress(BrokenPipeError, ConnectionResetError):
        talker.send(encode_frame(TEXT, b"x") + encode_frame(PING))
    return talker.receive()[0] == CLOSE
