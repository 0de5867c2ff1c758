"""Opening handshakes, good and bad. Each bad one is answered or cut, and a pair of bystanders never notices."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence

import pytest
from support.member import Bystanders, Visitors
from support.websocket import TEXT, encode_frame, upgrade_head

Headers = Mapping[str, str | Sequence[str] | None]


GOOD: dict[str, Headers] = {
    "keep-alive, Upgrade": {"Connection": "keep-alive, Upgrade"},
    "upgrade in lower case": {"Connection": "upgrade"},
    "UPGRADE": {"Connection": "UPGRADE", "Upgrade": "WEBSOCKET"},
    "WebSocket": {"Upgrade": "WebSocket"},
    "two Connection headers": {"Connection": ["keep-alive", "Upgrade"]},
    "no space behind the colon": {"X-One": "1"},
    "an origin": {"Origin": "https://example.org"},
    "many headers": {f"X-Header-{number}": "value" for number in range(60)},
    "a long header": {"Cookie": "x" * 8000},
    "an unknown extension": {"Sec-WebSocket-Extensions": "x-unknown; parameter=1"},
    "names in lower case": {
        "Upgrade": None, "Connection": None, "Sec-WebSocket-Version": None,
        "upgrade": "websocket", "connection": "upgrade", "sec-websocket-version": "13",
    },
}  # fmt: skip


@pytest.mark.parametrize("headers", GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("path", ["/c/", "/r/"])
def test_accepted(visit: Visitors, channel: str, path: str, headers: Headers) -> None:
    head = upgrade_head(path + channel, headers=headers)
    visit.call(head).expect_join(head)


def test_the_example_of_the_rfc(visit: Visitors, channel: str) -> None:
    """RFC 6455 section 1.3."""
    caller = visit.call(
        upgrade_head(f"/c/{channel}", headers={"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}),
    )
    assert (
        caller.receive_response().headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    )


def test_nothing_is_negotiated_that_was_not_offered(visit: Visitors, channel: str) -> None:
    caller = visit.call(upgrade_head(f"/c/{channel}"))
    headers = caller.receive_response().headers
    assert "sec-websocket-extensions" not in headers
    assert "sec-websocket-protocol" not in headers


BAD: dict[str, tuple[Headers, set[int]]] = {
    "no key": ({"Sec-WebSocket-Key": None}, {400}),
    "an empty key": ({"Sec-WebSocket-Key": ""}, {400}),
    "a short key": ({"Sec-WebSocket-Key": base64.b64encode(b"x" * 15).decode()}, {400}),
    "a long key": ({"Sec-WebSocket-Key": base64.b64encode(b"x" * 17).decode()}, {400}),
    "a key that is not base64": ({"Sec-WebSocket-Key": "!" * 22 + "=="}, {400}),
    "a key without padding": ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ"}, {400}),
    "two keys": (
        {"Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA=="]},
        {400},
    ),
    "no version": ({"Sec-WebSocket-Version": None}, {400, 426}),
    "version 8": ({"Sec-WebSocket-Version": "8"}, {426}),
    "version 0": ({"Sec-WebSocket-Version": "0"}, {426}),
    "version 14": ({"Sec-WebSocket-Version": "14"}, {426}),
    "version 130": ({"Sec-WebSocket-Version": "130"}, {426}),
    "version x": ({"Sec-WebSocket-Version": "x"}, {400, 426}),
    "no Upgrade": ({"Upgrade": None}, {400, 426}),
    "Upgrade: h2c": ({"Upgrade": "h2c"}, {400, 426}),
    "Upgrade: websockets": ({"Upgrade": "websockets"}, {400, 426}),
    "no Connection": ({"Connection": None}, {400, 426}),
    "Connection: keep-alive": ({"Connection": "keep-alive"}, {400, 426}),
    "Connection: upgraded": ({"Connection": "upgraded"}, {400, 426}),
    "no Host": ({"Host": None}, {400}),
    "two Hosts": ({"Host": ["one.test", "two.test"]}, {400}),
}


@pytest.mark.parametrize(("headers", "statuses"), BAD.values(), ids=BAD)
def test_refused(
    visit: Visitors, channel: str, bystanders: Bystanders, headers: Headers, statuses: set[int]
) -> None:
    response = visit.call(upgrade_head(f"/c/{channel}", headers=headers)).receive_response()
    assert response.status in statuses, response
    assert isinstance(json.loads(response.body)["error"], str)
    if response.status == 426 and "version" in str(headers).lower():
        assert response.headers["sec-websocket-version"] == "13"  # RFC 6455 section 4.4
    assert visit.join(channel).joined["total"] == 1, "a refused caller is no member"


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "HEAD", "OPTIONS", "DELETE", "CONNECT", "BREW", "get"]
)
def test_another_method(visit: Visitors, channel: str, bystanders: Bystanders, method: str) -> None:
    caller = visit.call(upgrade_head(f"/c/{channel}", method=method))
    assert caller.receive_response(to_head=method == "HEAD").status != 101


@pytest.mark.parametrize(
    "version", ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/11", "HTP/1.1", ""]
)
def test_another_http_version(
    visit: Visitors, channel: str, bystanders: Bystanders, version: str
) -> None:
    received = visit.call(
        upgrade_head(f"/c/{channel}", version=version)
    ).receive_to_end_or_response()
    assert not received.startswith(b"HTTP/1.1 101") or version == "HTTP/1.2"


@pytest.mark.parametrize(
    "target", ["/", "/x", "/c", "/C/x", "/health", "/version", "//c/x", "/cx/y", "*", "c/x"]
)
def test_another_target(visit: Visitors, bystanders: Bystanders, target: str) -> None:
    response = visit.call(upgrade_head(target)).receive_response()
    assert response.status != 101
    assert response.status in (200, 400, 404, 405, 426)


def test_a_head_in_single_bytes(visit: Visitors, channel: str) -> None:
    caller = visit.dial()
    head = upgrade_head(f"/c/{channel}?as=Ada")
    caller.send_pieces(bytes((byte,)) for byte in head)
    caller.expect_join(head)


@pytest.mark.parametrize("cut", [1, 4, 16, -1, -2, -3, -4])
def test_a_head_in_two_pieces(visit: Visitors, channel: str, cut: int) -> None:
    caller = visit.dial()
    head = upgrade_head(f"/c/{channel}")
    caller.send_pieces((head[:cut], head[cut:]))
    caller.expect_join(head)


def test_frames_in_the_segment_of_the_head(visit: Visitors, channel: str) -> None:
    frames = b"".join(encode_frame(TEXT, b"%d" % number) for number in range(20))
    member = visit.enter(f"/c/{channel}?echo=1", then=frames)
    assert [member.receive_message() for _ in range(20)] == list(range(20))


def test_half_a_frame_in_the_segment_of_the_head(visit: Visitors, channel: str) -> None:
    frame = encode_frame(TEXT, b'"in two halves"')
    for cut in range(1, len(frame)):
        member = visit.enter(f"/c/{channel}?echo=1", then=frame[:cut])
        member.send(frame[cut:])
        assert member.receive_message() == "in two halves"
        member.leave()


GARBAGE = {
    "zeros": b"\0" * 100 + b"\r\n\r\n",
    "line ends": b"\r\n" * 50 + b"x\r\n\r\n",
    "a TLS hello": bytes.fromhex("16030100f8010000f40303") + bytes(range(240)) + b"\r\n\r\n",
    "an HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "random bytes": bytes((index * 167 + 13) % 256 for index in range(600)) + b"\r\n\r\n",
    "websocket frames": encode_frame(TEXT, b"x" * 200) * 3 + b"\r\n\r\n",
    "a line without a target": b"GET\r\n\r\n",
    "a space in the target": b"GET /c/a b HTTP/1.1\r\nHost: relay.test\r\n\r\n",
    "a response": b"HTTP/1.1 200 OK\r\n\r\n",
    "one line": b"hello\r\n\r\n",
}

ODD_HEADERS = {
    "a folded header": b"X-Folded: one\r\n two\r\n",
    "a folded Upgrade": b"X-A: 1\r\n\tUpgrade: websocket\r\n",
    "obs-text": b"X-Text: \xe9\xff\x80\r\n",
    "raw UTF-8": "X-Text: 日本\r\n".encode(),
    "a name that is not ASCII": b"X-\xe9: 1\r\n",
    "a name with a space": b"X Name: 1\r\n",
    "a space before the colon": b"X-Name : 1\r\n",
    "an empty name": b": 1\r\n",
    "no colon": b"nonsense\r\n",
    "a NUL": b"X-Nul: a\0b\r\n",
    "a bare CR": b"X-Cr: a\rb\r\n",
    "a bare LF": b"X-Lf: a\nX-B: b\r\n",
    "a DEL": b"X-Del: a\x7fb\r\n",
    "a body": b"Content-Length: 5\r\n",
    "a huge body": b"Content-Length: 99999999999999999999\r\n",
    "a negative body": b"Content-Length: -1\r\n",
    "two lengths": b"Content-Length: 1\r\nContent-Length: 2\r\n",
    "chunks": b"Transfer-Encoding: chunked\r\n",
    "chunks and a length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "expect": b"Expect: 100-continue\r\n",
}

MUST_REFUSE = {
    "a name with a space",
    "a space before the colon",
    "an empty name",
    "no colon",
    "a NUL",
    "two lengths",
}


@pytest.mark.parametrize("stream", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_answered_or_cut(visit: Visitors, bystanders: Bystanders, stream: bytes) -> None:
    caller = visit.call(stream)
    received = caller.receive_to_end_or_response()
    assert received == b"" or received.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5", b"HTTP/1.0 4"))


@pytest.mark.parametrize("name", ODD_HEADERS)
def test_odd_headers_are_taken_or_refused(
    visit: Visitors, channel: str, bystanders: Bystanders, name: str
) -> None:
    caller = visit.call(upgrade_head(f"/c/{channel}", raw=ODD_HEADERS[name]))
    caller.send(b"hello")
    received = caller.receive_to_end_or_response()
    allowed = (
        (b"HTTP/1.1 4",) if name in MUST_REFUSE else (b"HTTP/1.1 4", b"HTTP/1.1 101", b"HTTP/1.1 5")
    )
    assert received == b"" or received.startswith(allowed), received


@pytest.mark.parametrize(
    "target", [b"/c/\xe6\x97\xa5", b"/c/\xff", b"/c/x?as=\xff", b"/c/\x7f", b"/c/\x01"], ids=ascii
)
def test_a_target_that_is_not_ascii_is_taken_or_refused(
    visit: Visitors, bystanders: Bystanders, target: bytes
) -> None:
    head = upgrade_head("/target").replace(b"/target", target, 1)
    received = visit.call(head).receive_to_end_or_response()
    assert received == b"" or received.startswith((b"HTTP/1.1 4", b"HTTP/1.1 101"))


@pytest.mark.parametrize("cut", [0, 1, 10, 60, -2, -1])
@pytest.mark.parametrize("end", ["close", "reset", "finish_sending"])
def test_a_caller_who_leaves_in_the_middle(
    visit: Visitors, channel: str, bystanders: Bystanders, cut: int, end: str
) -> None:
    caller = visit.call(upgrade_head(f"/c/{channel}")[:cut])
    getattr(caller, end)()
    if end == "finish_sending":
        received = caller.receive_to_end_or_response()
        assert received == b"" or received.startswith(b"HTTP/1.1 4")
    bystanders.exchange()
