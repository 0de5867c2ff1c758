"""The whole relay under load, row by row; the figures are in `extra_info`, the benchmark's time is of a whole round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from benchmarks.contenders import Contender, relay
from benchmarks.figures import Figures, medians
from benchmarks.machine import describe
from benchmarks.measure import measure
from benchmarks.rows import ROWS, OpenRow, Row

ROUNDS = 3
SECONDS = 2.0


@pytest.fixture(scope="module")
def contender() -> Contender:
    return relay()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def bench_relay(
    benchmark: Any,
    report_row: Callable[[str, Figures], None],
    contender: Contender,
    row: Row | OpenRow,
) -> None:
    rounds: list[Figures] = []
    benchmark.pedantic(
        lambda: rounds.append(measure(row, contender.command, SECONDS)), rounds=ROUNDS, iterations=1
    )
    figures = medians(rounds)
    benchmark.extra_info.update(
        asdict(figures), verdict=figures.verdict, machine=describe([contender])
    )
    report_row(row.name, figures)
    assert not figures.wrong
