"""The whole relay under load, row by row, in turn with the ceiling: a C program that only reads and sends prepared bytes.

The relay's figures are in `extra_info`, and every round's of both; the benchmark's time is of a whole round of both.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import pytest

from benchmarks.contenders import Contender, relay
from benchmarks.figures import Figures, medians
from benchmarks.machine import describe
from benchmarks.measure import measure
from benchmarks.peers import catalogue
from benchmarks.peers.installing import MissingError
from benchmarks.peers.outcome import CEILING_NAME, RELAY_NAME
from benchmarks.rows import ROWS, OpenRow, Row

ROUNDS = 3
SECONDS = 2.0


@pytest.fixture(scope="module")
def contenders() -> dict[str, Contender]:
    """The relay, and the ceiling where there is a C compiler."""
    found = {RELAY_NAME: relay()}
    with suppress(MissingError):
        found[CEILING_NAME] = catalogue.ceiling()
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def bench_relay(
    benchmark: Any,
    report_row: Callable[[str, Figures], None],
    contenders: dict[str, Contender],
    row: Row | OpenRow,
) -> None:
    rounds: dict[str, list[Figures]] = {name: [] for name in contenders}

    def run() -> None:
        for name, contender in contenders.items():
            rounds[name].append(measure(row, contender.command, SECONDS))

    benchmark.pedantic(run, rounds=ROUNDS, iterations=1)
    figures = medians(rounds[RELAY_NAME])
    benchmark.extra_info.update(
        asdict(figures),
        verdict=figures.verdict,
        machine=describe(contenders.values()),
        row=row.name,
        rounds={name: [asdict(each) for each in kept] for name, kept in rounds.items()},
    )
    report_row(row.name, figures)
    assert not figures.wrong
