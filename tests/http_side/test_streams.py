"""Any split of any pipelined requests, good and bad, gives the same answers."""

from __future__ import annotations

import json
from typing import TypeAlias

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from .memory import LIMIT, Answered, answers_to
from .test_bodies import BAD, GOOD, UNCLEAR, split_at

Told: TypeAlias = tuple[bytes, Answered]

CHUNKED = b"Transfer-Encoding: chunked\r\n"


def request(method: bytes, number: int, extra: bytes = b"", body: bytes = b"") -> bytes:
    return b"%s /%d HTTP/1.1\r\nHost: relay.test\r\n%s\r\n%s" % (method, number, extra, body)


def with_length(method: bytes, number: int, body: bytes) -> bytes:
    return request(method, number, b"Content-Length: %d\r\n" % len(body), body)


def answer(value: object, status: int = 200) -> Answered:
    return Answered(status, json.dumps(value, separators=(",", ":")).encode())


DECOY = request(b"GET", 99)
NOT_HERE = answer({"error": "not here"}, 405)

numbers = st.integers(1, 50)
bodies = st.sampled_from([b"", b"x", b"\r\n\r\n", DECOY, b"y" * 5000])
requests = st.one_of(
    st.tuples(numbers, bodies).map(
        lambda given: (with_length(b"POST", *given), answer(given[1].decode()))
    ),
    st.tuples(numbers, st.sampled_from(GOOD)).map(
        lambda given: (
            request(b"POST", given[0], CHUNKED, given[1][0]),
            answer(given[1][1].decode()),
        )
    ),
    st.tuples(numbers, bodies).map(
        lambda given: (with_length(b"GET", *given), answer(f"/{given[0]}"))
    ),
    st.tuples(numbers, bodies).map(lambda given: (with_length(b"DELETE", *given), NOT_HERE)),
)
ends = st.sampled_from(
    [
        *((request(b"POST", 0, CHUNKED, data + b"\r\n\r\n"), 400) for data in BAD),
        *((request(b"POST", 0, b"\r\n".join([*lines, b""])), 400) for lines in UNCLEAR),
        (request(b"POST", 0, b"Content-Length: %d\r\n" % (LIMIT + 1)), 413),
        (request(b"DELETE", 0, b"Content-Length: 65537\r\n"), 405),
        (request(b"DELETE", 0, CHUNKED, b"0\r\n\r\n"), 405),
        (request(b"DELETE", 0, b"Expect: 100-continue\r\nContent-Length: 1\r\n", b"x"), 405),
        (request(b"GET", 0, b"Connection: close\r\n"), 200),
        (request(b"GET", 0).replace(b"1.1", b"1.0"), 200),
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, 431),
    ]
)


@given(st.lists(requests, max_size=5), ends, st.sets(st.integers(0, 3000), max_size=12))
@settings(deadline=None, max_examples=150)
def test_any_split_gives_the_same_answers(
    before: list[Told], end: tuple[bytes, int], offsets: set[int]
) -> None:
    """After the last one nothing may be answered: where it ends is not known, or the connection does."""
    stream = b"".join(data for data, _ in before) + end[0] + DECOY
    answers = trio.run(answers_to, split_at(stream, offsets))
    assert answers[:-1] == [told for _, told in before]
    assert answers[-1].status == end[1]


@pytest.mark.parametrize(
    ("extra", "body"),
    [(b"Content-Length: 4\r\n", b"body"), (CHUNKED, b"4\r\nbody\r\n0\r\n\r\n")],
)
async def test_byte_by_byte(extra: bytes, body: bytes) -> None:
    stream = request(b"GET", 1) + request(b"POST", 2, extra, body) + request(b"GET", 3)
    pieces = [stream[i : i + 1] for i in range(len(stream))]
    assert await answers_to(pieces) == [answer("/1"), answer("body"), answer("/3")]


@pytest.mark.parametrize(
    ("extra", "body"), [(b"Content-Length: 9\r\n", b"x"), (CHUNKED, b"9\r\nx")]
)
async def test_a_body_that_ends_too_early(extra: bytes, body: bytes) -> None:
    answers = await answers_to([request(b"GET", 1) + request(b"POST", 2, extra, body)])
    assert [found.status for found in answers] == [200, 400]
