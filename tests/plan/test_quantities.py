"""Numbers as plans show them: from nothing to more than anybody has, never with an exponent."""

from __future__ import annotations

import pytest

from relay.plan.quantities import (
    counted,
    show_bits,
    show_bytes,
    show_milliseconds,
    show_number,
    show_share,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1e-9, "under 0.000001"),
        (0.000_000_999, "under 0.000001"),
        (0.000001, "0.000001"),
        (0.000_277_78, "0.000278"),
        (0.5, "0.5"),
        (1, "1"),
        (1.04, "1.04"),
        (12.5, "12.5"),
        (999.4, "999"),
        (999.6, "1 000"),
        (50_000, "50 000"),
        (1234567.8, "1 234 568"),
        (1e12, "1 000 000 000 000"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert show_number(value) == text


def test_fewer_digits() -> None:
    assert [show_number(value, 2) for value in (0.0995, 1.25, 99.6, 1200)] == [
        "0.1",
        "1.2",
        "100",
        "1 200",
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 cores"), (0.5, "0.5 cores"), (1, "1 core"), (1.001, "1 core"), (2, "2 cores")],
)
def test_nouns(number: float, text: str) -> None:
    assert counted(number, "core", "cores") == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0%"),
        (0.00001, "under 0.01%"),
        (0.004, "0.4%"),
        (0.681, "68%"),
        (0.999, "100%"),
        (2.5, "250%"),
        (123.4, "12 340%"),
    ],
)
def test_shares(share: float, text: str) -> None:
    assert show_share(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (1.5, "1.5 B"),
        (999.4, "999 B"),
        (999.6, "1 kB"),
        (25.3e9, "25.3 GB"),
        (2e15, "2 PB"),
        (5e21, "5 000 000 PB"),
    ],
)
def test_sizes(value: float, text: str) -> None:
    assert show_bytes(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 bit/s"), (0.001, "0.008 bit/s"), (1e6, "8 Mbit/s"), (1e13, "80 Tbit/s")],
)
def test_rates_on_the_wire(value: float, text: str) -> None:
    assert show_bits(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (1e-9, "under 0.001 ms"),
        (0.000_045, "0.045 ms"),
        (0.0016, "1.6 ms"),
        (0.05, "50 ms"),
        (7.798, "7 798 ms"),
        (12.34, "12.3 s"),
        (1e7, "10 000 000 s"),
    ],
)
def test_latencies(seconds: float, text: str) -> None:
    assert show_milliseconds(seconds) == text
