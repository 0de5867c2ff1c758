r"""The recipient in front of a message: `@@<uid>@@<json>` and `\x1F<uid>\x1F<json>`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay._core import split_address

from .wire import refused

UNADDRESSED = [
    b"",
    b"1",
    b'{"a":1}',
    b"@",
    b"@a@@1",
    b"@a@1",
    b" @@a@@1",
    b'"@@a@@"',
    b'"\\u001fa\\u001f"',
    b"1@@a@@",
    b"1\x1fa\x1f",
    b"\x1e",
    b"\x20\x1fa\x1f1",
    b"\xef\xbb\xbf@@a@@1",
]

ADDRESSED = [
    (b"@@a@@1", b"a", 5),
    (b"\x1fa\x1f1", b"a", 3),
    (b"@@a@@", b"a", 5),
    (b"\x1fa\x1f", b"a", 3),
    (b"@@@@1", b"", 4),
    (b"\x1f\x1f1", b"", 2),
    (b"@@@@", b"", 4),
    (b"\x1f\x1f", b"", 2),
    # A uid may hold one @; the payload begins at the first pair.
    (b"@@a@b@@1", b"a@b", 7),
    (b"@@a@@@1", b"a", 5),
    (b"@@@@@1", b"", 4),
    (b"@@a@@@@b@@1", b"a", 5),
    (b'@@a@@"@@b@@"', b"a", 5),
    (b"\x1fa\x1f\x1fb\x1f", b"a", 3),
    # The other spelling's mark is part of the uid, or of the payload.
    (b"\x1fa@@b\x1f1", b"a@@b", 6),
    (b"@@a\x1fb@@1", b"a\x1fb", 7),
    (b"\x1f@@a@@\x1f1", b"@@a@@", 7),
    (b"@@a@@\x1f", b"a", 5),
    # The uid is returned as it was sent.
    (b"@@ a @@1", b" a ", 7),
    (b"@@\xe6\x97\xa5@@1", b"\xe6\x97\xa5", 7),
    (b"@@\xff\x00@@1", b"\xff\x00", 6),
    (b"@@a@@ 1", b"a", 5),
]

UNCLOSED = [
    b"@@",
    b"@@@",
    b"@@a",
    b"@@a@",
    b"@@a@1",
    b"@@a@b@c@",
    b"@@a\x1f1",
    b"\x1f",
    b"\x1fa",
    b"\x1fa@@1",
    b"\x1fa\\u001f1",
]


@pytest.mark.parametrize("text", UNADDRESSED)
def test_no_prefix(text: bytes) -> None:
    assert split_address(text) == (None, 0)


@pytest.mark.parametrize(("text", "uid", "offset"), ADDRESSED)
def test_a_prefix(text: bytes, uid: bytes, offset: int) -> None:
    assert split_address(text) == (uid, offset)


@pytest.mark.parametrize("text", UNCLOSED)
def test_a_prefix_that_is_not_closed(text: bytes) -> None:
    with refused():
        split_address(text)


@pytest.mark.parametrize("mark", [b"@@", b"\x1f"])
def test_every_length_of_uid(mark: bytes) -> None:
    for length in [*range(140), 1_000, 70_000]:
        uid = b"u" * length
        assert split_address(mark + uid + mark + b"1") == (uid, length + 2 * len(mark))
        with refused():
            split_address(mark + uid)


@pytest.mark.parametrize("mark", [b"@@", b"\x1f"])
def test_nothing_past_the_end_is_read(mark: bytes) -> None:
    for length in range(70):
        text = mark + b"u" * length + mark
        for missing in range(1, len(mark) + 1):
            with refused():
                split_address(memoryview(text)[:-missing])


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_every_kind_of_buffer(make: type) -> None:
    uid, offset = split_address(make(b"@@abc@@1"))
    assert (uid, offset) == (b"abc", 7)
    assert type(uid) is bytes


@pytest.mark.parametrize("value", ["@@a@@1", 5, None])
def test_only_bytes_are_split(value: object) -> None:
    with pytest.raises(TypeError):
        split_address(value)  # type: ignore[arg-type]


@given(st.lists(st.sampled_from([b"@", b"\x1f", b"a", b'"']), max_size=12).map(b"".join))
def test_as_the_specification_reads(text: bytes) -> None:
    mark = next((m for m in (b"@@", b"\x1f") if text.startswith(m)), None)
    if mark is None:
        assert split_address(text) == (None, 0)
        return
    uid, closing, _ = text[len(mark) :].partition(mark)
    if not closing:
        with refused():
            split_address(text)
    else:
        assert split_address(text) == (uid, len(uid) + 2 * len(mark))
