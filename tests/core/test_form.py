"""Form-urlencoded texts in parts, held against urllib."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay._core import split_form


def reference(form: bytes, most: int) -> dict[bytes, bytes]:
    pairs: dict[bytes, bytes] = {}
    for pair in form.split(b"&")[:most]:
        name, _, value = pair.partition(b"=")
        name, value = (unquote_to_bytes(each.replace(b"+", b" ")) for each in (name, value))
        pairs.setdefault(name, value)
    return pairs


@pytest.mark.parametrize(
    ("form", "pairs"),
    [
        (b"", {b"": b""}),
        (b"a", {b"a": b""}),
        (b"a=", {b"a": b""}),
        (b"=b", {b"": b"b"}),
        (b"a=b&c=d", {b"a": b"b", b"c": b"d"}),
        (b"a=b=c", {b"a": b"b=c"}),
        (b"a=1&a=2", {b"a": b"1"}),
        (b"%61=1&a=2", {b"a": b"1"}),
        (b"a=b+c%2B%zz%", {b"a": b"b c+%zz%"}),
        (b"a&&b&", {b"a": b"", b"": b"", b"b": b""}),
        (b"a=\x00\xff", {b"a": b"\x00\xff"}),
    ],
)
def test_forms(form: bytes, pairs: dict[bytes, bytes]) -> None:
    assert split_form(form, 100) == reference(form, 100) == pairs


@given(
    st.lists(st.sampled_from([b"a", b"b", b"=", b"&", b"+", b"%", b"%61", b"%fF", b"\xe4"])),
    st.integers(0, 5),
)
def test_any_form(pieces: list[bytes], most: int) -> None:
    form = b"".join(pieces)
    assert split_form(form, most) == reference(form, most)


@pytest.mark.parametrize("form", [None, "a=b"])
def test_a_form_is_bytes(form: object) -> None:
    with pytest.raises(TypeError):
        split_form(form, 100)  # type: ignore[arg-type]
