"""Where the body of a request ends: by hand, against httptools as a whole-stream parser, and at every split."""

from __future__ import annotations

from itertools import pairwise

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.bodies import BodyDecoder, BodyRoom, body_length
from relay.requests import MAX_HEAD_BYTES, Refusal, parse_head

LIMIT = 1000
NEXT = b"GET /health HTTP/1.1\r\n"

GOOD = [
    (b"0\r\n\r\n", b""),
    (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
    (b"00003\r\nabc\r\n000\r\n\r\n", b"abc"),
    (b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"0123456789" * 2),
    (b"3;name=value;other\r\nabc\r\n0\r\n\r\n", b"abc"),
    (b'3;name="a b"\r\nabc\r\n0\r\n\r\n', b"abc"),
    (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n"),
    (b"9\r\n0\r\n\r\nGET \r\n0\r\n\r\n", b"0\r\n\r\nGET "),
    (b"1\r\na\r\n0\r\nTrailer: x\r\nx-send-key: k\r\n\r\n", b"a"),
    (b"0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", b""),
]

BAD = [
    b"\r\n",
    b"x\r\n",
    b"-3\r\nabc\r\n",
    b"+3\r\nabc\r\n",
    b"0x3\r\nabc\r\n",
    b" 3\r\nabc\r\n",
    b"3 \r\nabc\r\n",
    b"3\nabc\n0\n\n",
    b"3\rabc",
    b"3\r\nabcd\r\n0\r\n\r\n",
    b"3\r\nab\r\n0\r\n\r\n",
    b"3\r\nabc0\r\n\r\n",
    b"3\r\nabc\n0\r\n\r\n",
    b"3\r\nabc\r\n0\r\n\n",
    b"fffffffffffffffff\r\n",
    b"3;a\nb\r\nabc\r\n",
    b"0\r\nContent-Length: 5\r\n\r\n",
    b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"0\r\nbad trailer\r\n\r\n",
    b"0\r\nX: y\n\r\n",
]


def decode(pieces: list[bytes], length: int | None = None, limit: int = LIMIT) -> object:
    """The body and what is behind it; or the status of the refusal; or None when more is needed."""
    try:
        decoder = BodyDecoder(length, limit)
        for number, piece in enumerate(pieces):
            rest = decoder.feed(piece)
            if rest is not None:
                return decoder.body, rest + b"".join(pieces[number + 1 :])
    except Refusal as refusal:
        return refusal.status
    return None


def split_at(data: bytes, offsets: set[int]) -> list[bytes]:
    edges = [0, *sorted(offset for offset in offsets if offset < len(data)), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def one_by_one(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


@pytest.mark.parametrize(("data", "body"), GOOD)
def test_chunks_at_every_split(data: bytes, body: bytes) -> None:
    stream = data + NEXT
    assert decode([stream]) == (body, NEXT)
    assert decode(one_by_one(stream)) == (body, NEXT)
    for offset in range(len(stream)):
        assert decode([stream[:offset], stream[offset:]]) == (body, NEXT)


@pytest.mark.parametrize(("data", "body"), GOOD)
def test_chunks_that_are_cut_short(data: bytes, body: bytes) -> None:
    for end in range(len(data)):
        assert decode([data[:end]]) is None


@pytest.mark.parametrize("data", BAD)
def test_malformed_chunks(data: bytes) -> None:
    assert decode([data]) == 400
    assert decode(one_by_one(data)) == 400


@given(
    st.lists(st.binary(min_size=1, max_size=40) | st.sampled_from([b"\r\n\r\n", b"0\r\n\r\n"])),
    st.binary(max_size=20),
    st.sets(st.integers(0, 400)),
)
def test_what_was_cut_into_chunks_is_put_together(
    chunks: list[bytes], behind: bytes, offsets: set[int]
) -> None:
    stream = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    pieces = split_at(stream + behind, offsets)
    assert decode(pieces, limit=5000) == (b"".join(chunks), behind)


class Oracle:
    """What httptools makes of a stream that is all there at once."""

    def __init__(self) -> None:
        self.body = b""
        self.is_whole = False

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        self.is_whole = True


def judged_by_oracle(data: bytes) -> bytes | int | None:
    oracle = Oracle()
    parser = httptools.HttpRequestParser(oracle)
    parser.feed_data(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        parser.feed_data(data)
    except httptools.HttpParserError:
        if not oracle.is_whole:
            return 400
    return oracle.body if oracle.is_whole else None


framing = st.lists(
    st.sampled_from(
        [b"0", b"1", b"2", b"a", b"\r\n", b"\r", b"\n", b";", b"x", b":", b" ", b"0\r\n\r\n"]
    ),
    max_size=24,
).map(b"".join)


@given(framing, st.sets(st.integers(0, 60)))
def test_any_bytes_mean_what_they_mean_to_httptools(data: bytes, offsets: set[int]) -> None:
    found = decode(split_at(data, offsets))
    expected = judged_by_oracle(data)
    assert (found[0] if isinstance(found, tuple) else found) == expected
    if isinstance(found, tuple):
        assert data.endswith(found[1])


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT, LIMIT + 1])
def test_the_limit(size: int) -> None:
    body, chunked = b"x" * size, b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)
    expected = (body, b"") if size <= LIMIT else 413
    assert decode([body], size) == decode(one_by_one(body), size) == expected
    assert decode([chunked]) == decode(one_by_one(chunked)) == expected


def test_an_announced_length_over_the_limit_is_refused_at_once() -> None:
    with pytest.raises(Refusal) as caught:
        BodyDecoder(LIMIT + 1, LIMIT)
    assert caught.value.status == 413


def test_chunks_over_the_limit_are_refused_when_they_exceed_it() -> None:
    decoder = BodyDecoder(None, LIMIT)
    assert decoder.feed(b"ffffffff\r\n" + b"x" * LIMIT) is None
    with pytest.raises(Refusal) as caught:
        decoder.feed(b"x")
    assert caught.value.status == 413


@pytest.mark.parametrize("line", [b"0\r\nX: %s\r\n\r\n", b"0;%s\r\n\r\n"])
@pytest.mark.parametrize(("size", "fits"), [(-100, True), (100, False)])
def test_trailers_and_extensions_are_bounded(line: bytes, size: int, fits: bool) -> None:
    stream = line % (b"x" * (MAX_HEAD_BYTES + size))
    assert decode(one_by_one(stream)) == ((b"", b"") if fits else 400)


def test_a_large_chunk_is_no_framing() -> None:
    size = 20 * MAX_HEAD_BYTES
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)
    pieces = split_at(chunk, set(range(0, len(chunk), 5000)))
    assert decode(pieces, limit=size) == (b"x" * size, b"")


def head(*lines: bytes, version: bytes = b"1.1") -> bytes:
    request = b"POST /party/x HTTP/" + version
    return b"\r\n".join([request, b"Host: relay.test", *lines, b"", b""])


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        ((), 0),
        ((b"Content-Length: 0",), 0),
        ((b"Content-Length: 17",), 17),
        ((b"content-length:  17\t",), 17),
        ((b"Content-Length: 0017",), 17),
        ((b"Transfer-Encoding: chunked",), None),
        ((b"TRANSFER-ENCODING: Chunked ",), None),
    ],
)
def test_how_long_a_body_is(lines: tuple[bytes, ...], length: int | None) -> None:
    assert body_length(parse_head(head(*lines))) == length


UNCLEAR = [
    (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    (b"Content-Length: 5", b"Content-Length: 5"),
    (b"Content-Length: 5", b"Content-Length: 6"),
    (b"Content-Length: 5, 5",),
    (b"Content-Length:",),
    (b"Content-Length: +5",),
    (b"Content-Length: -5",),
    (b"Content-Length: 0x5",),
    (b"Content-Length: 5 5",),
    (b"Content-Length : 5",),
    (b"Content-Length: 5\x0b",),
    (b"Content-Length: 99999999999999999999",),
    (b"Content-Length: 1000000000000000000",),
    (b"Transfer-Encoding: gzip",),
    (b"Transfer-Encoding: gzip, chunked",),
    (b"Transfer-Encoding: chunked, gzip",),
    (b"Transfer-Encoding: chunked, chunked",),
    (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    (b"Transfer-Encoding: xchunked",),
    (b"Transfer-Encoding:",),
    (b"Transfer-Encoding: \x0bchunked",),
    (b"Transfer-Encoding:\r\n chunked",),
    (b"Transfer-Encoding : chunked",),
]


@pytest.mark.parametrize("lines", UNCLEAR)
def test_a_length_that_is_not_clear(lines: tuple[bytes, ...]) -> None:
    with pytest.raises(Refusal) as caught:
        body_length(parse_head(head(*lines)))
    assert caught.value.status == 400


def test_chunks_are_unknown_to_http_1_0() -> None:
    """RFC 9112 section 6.1: such a message must be taken for a faulty one."""
    with pytest.raises(Refusal):
        body_length(parse_head(head(b"Transfer-Encoding: chunked", version=b"1.0")))


@pytest.mark.parametrize(("size", "fits"), [(59, True), (60, True), (61, False)])
def test_room_for_bodies(size: int, fits: bool) -> None:
    room = BodyRoom(100)
    room.grow(0, 40)
    room.grow(0, 1)
    if fits:
        room.grow(1, size)
        assert room.held_bytes == 40 + size
    else:
        with pytest.raises(Refusal) as caught:
            room.grow(1, size)
        assert caught.value.status == 503
        room.grow(1, 0)
        assert room.held_bytes == 40


def test_a_body_alone_always_has_room() -> None:
    room = BodyRoom(100)
    room.grow(0, 100)
    room.grow(100, 101)
    room.grow(101, 0)
    assert room.held_bytes == 0
