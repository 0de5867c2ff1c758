"""Form-urlencoded texts in parts and percent-encoded ones, held against urllib."""

from __future__ import annotations

import tracemalloc
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay._core import percent_decoded, split_form


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


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        (b"", b""),
        (b"a", b"a"),
        (b"%41", b"A"),
        (b"%4a%4A%aF%ff%00", b"JJ\xaf\xff\x00"),
        (b"%2541", b"%41"),
        (b"%%41%4%41", b"%A%4A"),
        (b"%", b"%"),
        (b"%4", b"%4"),
        (b"%g1%1g%/0%:0%@1%`1%\x114", b"%g1%1g%/0%:0%@1%`1%\x114"),
        (b"+\xe4", b"+\xe4"),
    ],
)
def test_percent_encoded_texts(text: bytes, decoded: bytes) -> None:
    assert percent_decoded(text) == unquote_to_bytes(text) == decoded


@given(st.lists(st.sampled_from([b"%", b"4", b"f", b"F", b"g", b"%41", b"\x00", b"\xc1"])))
def test_any_percent_encoded_text(pieces: list[bytes]) -> None:
    text = b"".join(pieces)
    assert percent_decoded(text) == unquote_to_bytes(text)


def test_every_pair_of_bytes_behind_a_percent_sign() -> None:
    for pair in range(0x10000):
        text = b"%" + pair.to_bytes(2)
        assert percent_decoded(text) == unquote_to_bytes(text)


@pytest.mark.parametrize("escape", [b"%", b"%41", b"%zz"])
def test_an_escape_costs_no_object(escape: bytes) -> None:
    form = b"as=" + escape * (16_000 // len(escape))
    tracemalloc.start()
    try:
        split_form(form, 1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(form)


@pytest.mark.parametrize("text", [None, "%41"])
def test_a_percent_encoded_text_is_bytes(text: object) -> None:
    with pytest.raises(TypeError):
        percent_decoded(text)  # type: ignore[arg-type]
