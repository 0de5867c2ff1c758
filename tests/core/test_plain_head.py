"""Plain heads, read without httptools, held against httptools: what is read there is read here alike, or left to it."""

from __future__ import annotations

from collections.abc import Iterator

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay._core import Request, read_plain_head

MAX_HEADERS = 100

HANDSHAKE = (
    b"GET /c/room?as=Ann HTTP/1.1\r\nHost: 127.0.0.1:8787\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nUser-Agent: \xe4 \t x\r\n\r\n"
)
PLAIN = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def judge(head: bytes) -> Request | None:
    """What httptools makes of it; None when it refuses it, or finds no whole head."""
    request = Request()
    parser = httptools.HttpRequestParser(request)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError:
        return None
    request.method, request.version = parser.get_method(), parser.get_http_version()
    return request if request.is_complete else None


def parts(request: Request) -> tuple[object, ...]:
    headers = list(request.headers.items())
    return request.method, request.target, request.version, headers, request.is_complete


def assert_alike(head: bytes) -> bool:
    """Whether it is plain; then httptools must read the same."""
    found = read_plain_head(head, MAX_HEADERS)
    if found is None:
        return False
    judged = judge(head)
    assert judged is not None, head
    assert parts(found) == parts(judged), head
    return True


@pytest.mark.parametrize(
    "head",
    [
        HANDSHAKE,
        PLAIN,
        b"GET /x HTTP/1.1\r\n\r\n",
        b"GET /c/"
        + bytes(b for b in range(33, 127) if b != ord("#"))
        + b" HTTP/1.1\r\nhost:h\r\n\r\n",
        b"GET / HTTP/1.1\r\n!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \t h \t \r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"h%d: x\r\n" % i for i in range(MAX_HEADERS)) + b"\r\n",
        b"GET / HTTP/1.1\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
    ],
)
def test_plain_heads(head: bytes) -> None:
    assert assert_alike(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\r\n\r\n",
        b"GET /",
        b"POST" + PLAIN[3:],
        b"get" + PLAIN[3:],
        b"\r\n" + PLAIN,
        PLAIN.replace(b" /", b" http://h/"),
        PLAIN.replace(b" /", b" *"),
        PLAIN.replace(b" / ", b" /# "),
        PLAIN.replace(b" / ", b"  / "),
        PLAIN.replace(b" / ", b" /\xe4 "),
        PLAIN.replace(b"1.1", b"1.0"),
        PLAIN.replace(b"\r\nHost", b"\nHost"),
        PLAIN.replace(b"h\r\n", b"h\n"),
        PLAIN.replace(b": h", b" : h"),
        PLAIN.replace(b": h", b""),
        PLAIN.replace(b": h", b":"),
        PLAIN.replace(b": h", b": \t"),
        PLAIN.replace(b": h", b": h\r\n folded"),
        PLAIN.replace(b": h", b": h\r\n\tfolded"),
        PLAIN.replace(b": h", b": a\x00b"),
        PLAIN.replace(b": h", b": a\x7fb"),
        PLAIN.replace(b": h", b": h\r\nhost: h"),
        PLAIN.replace(b"Host: h", b": h"),
        PLAIN.replace(b"Host: h", b"Content-Length: 0"),
        PLAIN.replace(b"Host: h", b"TRANSFER-ENCODING: chunked"),
        PLAIN + b"\r\n",
        PLAIN[:-1],
        PLAIN[:-2],
        PLAIN[:-4],
        b"GET / HTTP/1.1\r\n"
        + b"".join(b"h%d: x\r\n" % i for i in range(MAX_HEADERS + 1))
        + b"\r\n",
    ],
)
def test_heads_that_are_left_to_httptools(head: bytes) -> None:
    assert read_plain_head(head, MAX_HEADERS) is None


def changed(head: bytes) -> Iterator[bytes]:
    """The head with any one byte left out, put in or replaced."""
    for i in range(len(head)):
        yield head[:i] + head[i + 1 :]
        for byte in range(256):
            yield head[:i] + bytes([byte]) + head[i + 1 :]
            yield head[:i] + bytes([byte]) + head[i:]


def test_any_one_byte_changed() -> None:
    plain = [assert_alike(head) for head in changed(PLAIN)]
    assert any(plain)
    assert not all(plain)


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(HANDSHAKE)),
            st.integers(0, 4),
            st.sampled_from(
                [
                    b"",
                    b" ",
                    b"\t",
                    b"\r",
                    b"\n",
                    b"\r\n",
                    b":",
                    b"#",
                    b"\x00",
                    b"\x7f",
                    b"\xff",
                    b"a",
                    b"/",
                    b"1",
                ]
            ),
        ),
        min_size=1,
        max_size=4,
    )
)
@example([(0, 0, b"\r\n")])
def test_changes_to_a_handshake(changes: list[tuple[int, int, bytes]]) -> None:
    head = HANDSHAKE
    for place, length, text in changes:
        head = head[:place] + text + head[place + length :]
    assert_alike(head)


NAMES = st.sampled_from(
    [
        b"Host",
        b"host",
        b"Connection",
        b"Upgrade",
        b"Content-Length",
        b"Transfer-Encoding",
        b"Proxy-Connection",
        b"X",
        b"TE",
    ]
)
VALUES = st.sampled_from(
    [
        b"h",
        b"close",
        b"upgrade",
        b"websocket",
        b"h2c",
        b"0",
        b"5",
        b"chunked",
        b"",
        b" ",
        b"a,b",
        b"\xe4\t\x80",
        b"keep-alive",
    ]
)


@given(
    st.sampled_from(
        [
            b"/",
            b"/c/a",
            b"/?",
            b"/%",
            b'/"<>\\^`{|}',
            b"//h/x",
            b"/a:b@c",
            b"/?#",
            b"*",
            b"http://h/",
        ]
    ),
    st.lists(st.tuples(NAMES, VALUES), max_size=6),
)
def test_headers_that_mean_something_to_a_parser(
    target: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    assert_alike(b"GET %b HTTP/1.1\r\n%b\r\n" % (target, lines))


@pytest.mark.parametrize("head", [None, "GET / HTTP/1.1\r\n\r\n", bytearray(PLAIN)])
def test_a_head_is_bytes(head: object) -> None:
    with pytest.raises(TypeError):
        read_plain_head(head, MAX_HEADERS)  # type: ignore[arg-type]
