"""Values as text: what is read, what is refused, and that what is shown reads back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.settings import units

READ = [
    (units.SIZE, "0", 0),
    (units.SIZE, "4096", 4096),
    (units.SIZE, "1MiB", 2**20),
    (units.SIZE, "64 kB", 64_000),
    (units.SIZE, " 64kb ", 64_000),
    (units.SIZE, "1.5KiB", 1536),
    (units.SIZE, "2GB", 2_000_000_000),
    (units.SIZE, "3gib", 3 * 2**30),
    (units.SIZE, "7B", 7),
    (units.SIZE, "0.1", 1),
    (units.DURATION, "25s", 25.0),
    (units.DURATION, "25", 25.0),
    (units.DURATION, "100ms", 0.1),
    (units.DURATION, "2m", 120.0),
    (units.DURATION, "2 min", 120.0),
    (units.DURATION, "1.5h", 5400.0),
    (units.RATE, "250/s", 250.0),
    (units.RATE, "250", 250.0),
    (units.RATE, "1e9", 1e9),
    (units.RATE, "15/m", 0.25),
    (units.RATE, "15 / min", 0.25),
    (units.RATE, "1000/h", 1000 / 3600),
    (units.BYTE_RATE, "256KiB/s", 2**18),
    (units.BYTE_RATE, "256KiB", 2**18),
    (units.BYTE_RATE, "262144", 2**18),
    (units.AMOUNT, "1000", 1000.0),
    (units.AMOUNT, "2.5", 2.5),
    (units.WHOLE, "17", 17),
    (units.WHOLE, "-1", -1),
    (units.SWITCH, "Yes", True),
    (units.SWITCH, "off", False),
    (units.LIST, "", []),
    (units.LIST, "a", ["a"]),
    (units.LIST, "a, b,c", ["a", "b", "c"]),
    (units.LIST, "a,,b", ["a", "", "b"]),
]


@pytest.mark.parametrize(("kind", "text", "value"), READ)
def test_text_is_read(kind: units.Kind, text: str, value: Any) -> None:
    assert kind.parse(text) == value
    assert type(kind.parse(text)) is kind.types[0]


@pytest.mark.parametrize("switch", [True, False])
def test_every_word_of_a_switch(switch: bool) -> None:
    words = ["true", "1", "yes", "on"] if switch else ["false", "0", "no", "off"]
    assert [units.parse_switch(word) for word in words] == [switch] * 4


REFUSED = [
    *((units.SIZE, text) for text in ("", "x", "-1", "1 apple", "1s", "1/s", "nan", "inf", "1_000", "٣")),
    *((units.DURATION, text) for text in ("", "x", "-1s", "1 MiB", "1d", "s", "1s 2s", "nan")),
    *((units.RATE, text) for text in ("", "fast", "1/", "1/d", "/s", "1s", "1/s/s", "-1/s")),
    *((units.BYTE_RATE, text) for text in ("", "1MiB/m", "1MiB/", "x", "1 s/s")),
    *((units.AMOUNT, text) for text in ("", "x", "1s", "inf")),
    *((units.WHOLE, text) for text in ("", "x", "1.0", "1e3", "0x10", "1_000", "9" * 101)),
    *((units.SWITCH, text) for text in ("", "2", "maybe")),
    *((units.TABLE, text) for text in ("", "{", "\udcff", "[" * 100_000)),
    *((kind, "9" * 400) for kind in (units.SIZE, units.DURATION, units.RATE, units.AMOUNT)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), REFUSED)
def test_what_is_no_value_is_refused(kind: units.Kind, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - a setting's own error replaces the text
        kind.parse(text)


SHOWN = [
    (units.SIZE, 0, "0B"),
    (units.SIZE, 1000, "1000B"),
    (units.SIZE, 1024, "1KiB"),
    (units.SIZE, 3 * 2**29, "1536MiB"),
    (units.DURATION, 0.0, "0s"),
    (units.DURATION, 0.1, "100ms"),
    (units.DURATION, 90.0, "90s"),
    (units.DURATION, 60.0, "1m"),
    (units.DURATION, 86400.0, "24h"),
    (units.RATE, 0.0, "0/s"),
    (units.RATE, 0.25, "15/m"),
    (units.RATE, 1000 / 3600, "1000/h"),
    (units.BYTE_RATE, 2**18, "256KiB/s"),
    (units.AMOUNT, 1000.0, "1000"),
    (units.SWITCH, True, "true"),
    (units.LIST, ["a", "b"], "a,b"),
]


@pytest.mark.parametrize(("kind", "value", "text"), SHOWN)
def test_values_are_shown_in_their_natural_unit(kind: units.Kind, value: Any, text: str) -> None:
    assert kind.show(value) == text
    assert kind.parse(text) == value


@given(st.integers(0, 2**60))
def test_a_size_reads_back(value: int) -> None:
    # a size in bytes goes through a float, so that "1.5KiB" can be one
    for kind in (units.SIZE, units.BYTE_RATE):
        assert kind.parse(kind.show(value)) == pytest.approx(value, rel=1e-15)


@given(st.floats(0, 1e300))
def test_a_number_reads_back(value: float) -> None:
    for kind in (units.DURATION, units.RATE, units.AMOUNT):
        assert kind.parse(kind.show(value)) == value
