"""UTF-8 (Unicode 15, table 3-7; RFC 3629 section 4), whole and in pieces."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay._core import Utf8Validator, is_utf8

# Table 3-7: the ranges of each byte of a well-formed sequence, by its first byte.
TABLE_3_7 = [
    [(0x00, 0x7F)],
    [(0xC2, 0xDF), (0x80, 0xBF)],
    [(0xE0, 0xE0), (0xA0, 0xBF), (0x80, 0xBF)],
    [(0xE1, 0xEC), (0x80, 0xBF), (0x80, 0xBF)],
    [(0xED, 0xED), (0x80, 0x9F), (0x80, 0xBF)],
    [(0xEE, 0xEF), (0x80, 0xBF), (0x80, 0xBF)],
    [(0xF0, 0xF0), (0x90, 0xBF), (0x80, 0xBF), (0x80, 0xBF)],
    [(0xF1, 0xF3), (0x80, 0xBF), (0x80, 0xBF), (0x80, 0xBF)],
    [(0xF4, 0xF4), (0x80, 0x8F), (0x80, 0xBF), (0x80, 0xBF)],
]

EDGES = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]

GOOD = {
    "empty": b"",
    "ascii": b"plain",
    "nul": b"\x00",
    "U+007F": b"\x7f",
    "U+0080": b"\xc2\x80",
    "U+07FF": b"\xdf\xbf",
    "U+0800": b"\xe0\xa0\x80",
    "U+D7FF": b"\xed\x9f\xbf",
    "U+E000": b"\xee\x80\x80",
    "U+FEFF, a byte order mark": b"\xef\xbb\xbf",
    "U+FFFF, a noncharacter": b"\xef\xbf\xbf",
    "U+10000": b"\xf0\x90\x80\x80",
    "U+10FFFF": b"\xf4\x8f\xbf\xbf",
    "mixed": "κόσμε, 日本, 😀, end".encode(),
}

BAD = {
    "a lone continuation": b"\x80",
    "a second continuation": b"\xc2\x80\x80",
    "overlong, 2 bytes": b"\xc0\xaf",
    "overlong, 2 bytes, last": b"\xc1\xbf",
    "overlong, 3 bytes": b"\xe0\x9f\xbf",
    "overlong, 4 bytes": b"\xf0\x8f\xbf\xbf",
    "overlong nul": b"\xc0\x80",
    "surrogate U+D800": b"\xed\xa0\x80",
    "surrogate U+DFFF": b"\xed\xbf\xbf",
    "surrogate pair (CESU-8)": b"\xed\xa0\xbd\xed\xb8\x80",
    "U+110000": b"\xf4\x90\x80\x80",
    "lead F5": b"\xf5\x80\x80\x80",
    "lead F8, 5 bytes": b"\xf8\x88\x80\x80\x80",
    "lead FC, 6 bytes": b"\xfc\x84\x80\x80\x80\x80",
    "FE": b"\xfe",
    "FF": b"\xff",
    "ascii in a 2-byte sequence": b"\xc3(",
    "ascii in a 3-byte sequence": b"\xe2\x82(",
    "ascii in a 4-byte sequence": b"\xf0\x9f\x98(",
    "a lead in a sequence": b"\xe2\xe2\x82\xac",
}

CUT_SHORT = [
    b"\xc2",
    b"\xe0",
    b"\xe0\xa0",
    b"\xed\x9f",
    b"\xf0",
    b"\xf0\x90",
    b"\xf0\x90\x80",
    b"\xf4\x8f\xbf",
]


def is_decodable(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def tail_length(data: bytes) -> int | None:
    """How many bytes of an unfinished character `data` ends with; None when it can never become valid.

    By the table rather than by an incremental decoder: CPython's waits for a third byte after `ED A0`.
    """
    start = 0
    while start < len(data):
        row = next((r for r in TABLE_3_7 if r[0][0] <= data[start] <= r[0][1]), None)
        if row is None:
            return None
        sequence = data[start : start + len(row)]
        if not all(low <= byte <= high for byte, (low, high) in zip(sequence, row, strict=False)):
            return None
        if len(sequence) < len(row):
            return len(sequence)
        start += len(row)
    return 0


def check(data: bytes) -> None:
    assert is_utf8(data) is is_decodable(data), data


def check_pieces(pieces: list[bytes]) -> None:
    """Fed piece by piece, the validator says after each what the table says of all so far."""
    validator = Utf8Validator()
    assert validator.is_complete
    seen = b""
    for piece in pieces:
        seen += piece
        tail = tail_length(seen)
        assert validator.feed(piece) is (tail is not None), seen
        assert validator.is_complete is (tail == 0), seen


def check_splits(data: bytes) -> None:
    check_pieces([data])
    check_pieces([data[i : i + 1] for i in range(len(data))])
    for offset in range(1, len(data)):
        check_pieces([data[:offset], b"", data[offset:]])


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD.keys())
def test_well_formed(data: bytes) -> None:
    assert is_utf8(data) is True
    check_splits(data)


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_ill_formed(data: bytes) -> None:
    assert is_utf8(data) is False
    check_splits(data)
    check_splits(b"some text before" + data + b"and after")


@pytest.mark.parametrize("data", CUT_SHORT, ids=bytes.hex)
def test_cut_short(data: bytes) -> None:
    assert is_utf8(data) is False
    check_splits(data)


def test_every_sequence_of_one_and_two_bytes() -> None:
    for first in range(256):
        check(bytes([first]))
        for second in range(256):
            check(bytes([first, second]))


def test_three_byte_sequences_at_every_edge() -> None:
    for first, second, third in product(range(0xE0, 0xF0), range(256), EDGES):
        check(bytes([first, second, third]))


def test_four_byte_sequences_at_every_edge() -> None:
    for first, second, third, fourth in product(range(0xF0, 0xF9), range(0x70, 0xD0), EDGES, EDGES):
        check(bytes([first, second, third, fourth]))


def test_the_validator_on_all_edges() -> None:
    leads = [0x41, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEE, 0xF0, 0xF1, 0xF4, 0xF5]
    for first, second, third in product(leads, EDGES, EDGES):
        data = bytes([first, second, third])
        check_pieces([data[:1], data[1:2], data[2:]])
        check_pieces([data])


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\x80", b"\xc0", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f"]
)
@pytest.mark.parametrize("around", [b"a", "é".encode(), "日".encode(), "😀".encode()], ids=len)
def test_a_bad_byte_at_every_position_of_long_text(bad: bytes, around: bytes) -> None:
    text = around * 300
    assert is_utf8(text)
    for position in range(81):
        assert not is_utf8(text[: position * len(around)] + bad + text), position
        assert not is_utf8(text + bad + around * position), position


@pytest.mark.parametrize("character", ["é", "日", "😀"])
def test_a_good_character_at_every_position_of_long_text(character: str) -> None:
    for position in range(81):
        data = b"a" * position + character.encode() + b"a" * (80 - position)
        assert is_utf8(data), position
        for cut in range(1, len(character.encode())):
            assert not is_utf8(data[:position] + character.encode()[:cut] + b"a" * 80), position


def test_nothing_past_the_end_is_read() -> None:
    for padding in range(70):
        data = b"a" * padding + "😀".encode()
        for missing in (1, 2, 3):
            assert not is_utf8(memoryview(data)[:-missing]), (padding, missing)


def test_once_invalid_stays_invalid() -> None:
    validator = Utf8Validator()
    assert validator.feed(b"\xff") is False
    assert validator.feed(b"fine") is False
    assert validator.feed(b"") is False
    assert validator.is_complete is False


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_every_kind_of_buffer(make: type) -> None:
    assert is_utf8(make(b"caf\xc3\xa9"))
    assert Utf8Validator().feed(make(b"caf\xc3\xa9"))


@pytest.mark.parametrize("value", ["text", 5, None])
def test_only_bytes_are_checked(value: object) -> None:
    with pytest.raises(TypeError):
        is_utf8(value)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Utf8Validator().feed(value)  # type: ignore[arg-type]


@given(st.text(max_size=60))
def test_text_is_valid_at_every_split(text: str) -> None:
    data = text.encode()
    assert is_utf8(data)
    check_splits(data)


# Bytes that sit on the edges of the table's ranges, so that broken sequences are likely and long.
edge_bytes = st.lists(
    st.sampled_from([0x41, *EDGES, 0xC1, 0xC2, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5]),
    max_size=40,
).map(bytes)


@given(st.binary(max_size=60) | edge_bytes)
def test_arbitrary_bytes_as_python_decodes_them(data: bytes) -> None:
    check(data)
    check(b"x" * 64 + data)
    check_splits(data)
