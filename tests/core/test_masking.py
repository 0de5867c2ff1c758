"""Masking (RFC 6455 section 5.3) and the search for `"id"`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay._core import apply_mask, contains_id

from .wire import KEY, mask, refused

DATA = bytes((7 * i + 3) % 256 for i in range(5_000))


def test_the_example_of_rfc_6455_section_5_7() -> None:
    assert apply_mask(b"Hello", KEY) == bytes.fromhex("7f9f4d5158")


@pytest.mark.parametrize("offset", range(8))
def test_every_short_length_at_every_offset(offset: int) -> None:
    for length in range(101):
        data = DATA[:length]
        assert apply_mask(data, KEY, offset) == mask(data, KEY, offset), length


@pytest.mark.parametrize("start", range(33))
def test_every_alignment_of_the_input(start: int) -> None:
    view = memoryview(DATA)[start : start + 200]
    assert apply_mask(view, KEY, start) == mask(bytes(view), KEY, start)


@pytest.mark.parametrize("length", [1_023, 1_024, 1_025, 4_096, 4_999])
def test_long_payloads(length: int) -> None:
    assert apply_mask(DATA[:length], KEY) == mask(DATA[:length])


@pytest.mark.parametrize("offset", [2**31 - 1, 2**31, 2**32 + 1, 2**40 + 3, 2**62 + 2])
def test_an_offset_far_into_a_payload(offset: int) -> None:
    assert apply_mask(b"abcdefghi", KEY, offset) == mask(b"abcdefghi", KEY, offset % 4)


@given(st.binary(max_size=200), st.binary(min_size=4, max_size=4), st.integers(0, 1_000))
def test_masking_twice_gives_the_payload_back(data: bytes, key: bytes, offset: int) -> None:
    masked = apply_mask(data, key, offset)
    assert masked == mask(data, key, offset)
    assert apply_mask(masked, key, offset) == data


@given(st.binary(max_size=100), st.integers(0, 100))
def test_two_pieces_with_an_offset_are_the_whole(data: bytes, cut: int) -> None:
    head, tail = data[:cut], data[cut:]
    assert apply_mask(head, KEY) + apply_mask(tail, KEY, len(head)) == apply_mask(data, KEY)


def test_the_callers_buffer_is_left_alone() -> None:
    data = bytearray(b"some bytes of the caller, long enough for the wide loop, and more")
    before = bytes(data)
    assert apply_mask(data, bytearray(KEY)) == mask(before)
    assert data == before


@pytest.mark.parametrize("key", [b"", b"abc", b"abcde", b"abcdefgh"])
def test_a_key_that_is_not_four_bytes(key: bytes) -> None:
    with refused():
        apply_mask(b"data", key)


@pytest.mark.parametrize("offset", [-1, -4, -(2**40)])
def test_a_negative_offset(offset: int) -> None:
    with refused():
        apply_mask(b"data", KEY, offset)


@pytest.mark.parametrize("value", ["text", 5, None])
def test_only_bytes_are_masked(value: object) -> None:
    with pytest.raises(TypeError):
        apply_mask(value, KEY)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        apply_mask(b"data", value)  # type: ignore[arg-type]


@pytest.mark.parametrize("length", [4, 5, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 128, 200])
def test_id_is_found_at_every_position(length: int) -> None:
    for position in range(length - 3):
        payload = bytearray(b"x" * length)
        payload[position : position + 4] = b'"id"'
        assert contains_id(payload), position


@pytest.mark.parametrize(
    "filler", [b'"', b"i", b"d", b'"i', b'i"d', b'"id', b'"i"d', b'""i', b'id"']
)
def test_id_is_found_after_near_misses_of_every_length(filler: bytes) -> None:
    for length in range(130):
        near = (filler * (length // len(filler) + 1))[:length]
        assert contains_id(near) is (b'"id"' in near), near
        assert contains_id(near + b'"id"'), near


@pytest.mark.parametrize(
    "payload",
    [
        *[b"", b'"', b'"id', b'id"', b"id", b"'id'", b'"ID"', b'"Id"', b'"iD"', b'"id "', b'" id"'],
        *[b'"id\\"', b'\\"id\\"', b'"\\u0069d"', b'"idd"', b'"iid"', b'"identity"', b'"\xe9id"'],
        b'"i\x00d"',
    ],
)
def test_what_is_not_an_id(payload: bytes) -> None:
    assert contains_id(payload) is False


@pytest.mark.parametrize("payload", [b'"id"', b'{"id":1}', b'{"a":{"id":1}}', b'["id"]', b'\\"id"'])
def test_what_is_an_id(payload: bytes) -> None:
    assert contains_id(payload) is True


def test_nothing_past_the_end_is_read() -> None:
    for padding in range(70):
        payload = b"x" * padding + b'"id"'
        for missing in (1, 2, 3):
            assert contains_id(memoryview(payload)[:-missing]) is False, (padding, missing)
            assert contains_id(memoryview(payload)[padding + missing :]) is False


@given(st.text(alphabet='"id', max_size=80))
def test_id_is_found_as_python_finds_it(text: str) -> None:
    payload = text.encode()
    assert contains_id(payload) is (b'"id"' in payload)


@pytest.mark.parametrize("value", ['"id"', 5, None])
def test_only_bytes_are_searched(value: object) -> None:
    with pytest.raises(TypeError):
        contains_id(value)  # type: ignore[arg-type]
