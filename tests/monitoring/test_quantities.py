"""Numbers as a person reads them."""

from __future__ import annotations

import math

import pytest

from relay.commands.quantities import (
    count,
    fold,
    rate,
    seconds,
    share,
    size,
    size_rate,
    span,
    sparkline,
)

WRITTEN = [
    (count, 0, "0"),
    (count, 999_999, "999,999"),
    (count, 1_234_567, "1.23 M"),
    (rate, 0, "0/s"),
    (rate, 0.25, "0.2/s"),
    (rate, 0.03, "0.03/s"),
    (rate, 4.5, "4.5/s"),
    (rate, 1234.4, "1,234/s"),
    (size, 0, "0 B"),
    (size, 1023, "1,023 B"),
    (size, 1024, "1.0 KiB"),
    (size, 1_048_576, "1.0 MiB"),
    (size, 3 << 50, "3,072 TiB"),
    (size_rate, 512, "512 B/s"),
    (share, 0.5, "50 %"),
    (share, 1.234, "123 %"),
    (fold, 1, "1.0 x"),
    (fold, 99.9, "99.9 x"),
    (fold, 100, "100 x"),
    (fold, 250, "100 x"),
    (seconds, 0.0000505, "50.5 µs"),
    (seconds, 0.0125, "12.5 ms"),
    (seconds, 2, "2 s"),
]


@pytest.mark.parametrize(("write", "value", "text"), WRITTEN)
def test_written(write, value, text):
    assert write(value) == text
    assert write(None) == "-"


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("write", [count, rate, seconds, share, size, size_rate])
def test_what_is_no_number(write, value):
    assert write(value) == "-"
    assert write(-1e308)
    assert sparkline([1.0, value, 1.0], 10) == "▇ ▇"


@pytest.mark.parametrize("values", [[-100.0, 1.0], [-5.0, -1.0], [0.0, -1e308]])
def test_a_sparkline_begins_at_nothing(values):
    line = sparkline(values, 10)
    assert len(line) == 2
    assert line[0] == "▁"


@pytest.mark.parametrize(
    ("total", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (3600, "1 h 0 min"), (90061, "1 d 1 h")],
)
def test_span(total, text):
    assert span(total) == text


def test_sparkline():
    assert sparkline([0, 1, 2, 6], 10) == "▁▂▃▇"
    assert sparkline([0, 0], 10) == "▁▁"
    assert sparkline([1, None, 6], 10) == "▂ ▇", "a gap stays one"
    assert sparkline([], 10) == ""


@pytest.mark.parametrize(("length", "places"), [(9, 9), (10, 10), (11, 5), (20, 10)])
def test_a_sparkline_fits_and_ends_with_the_newest(length, places):
    line = sparkline([0.0] * (length - 1) + [5.0], 10)
    assert len(line) == places
    assert line[-1] == "▇"
