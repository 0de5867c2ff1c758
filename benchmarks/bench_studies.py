"""Limits, slow readers, channels, clients, plans; the figures are in `extra_info`, the benchmark's time is of all rounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks import (
    address_flood,
    capacity,
    clients,
    fairness,
    idle_memory,
    join_storm,
    limits,
    loud_channel,
    pauses,
    ping_spread,
    rates,
    scrape,
    slow_reader,
    streams,
)
from benchmarks.contenders import relay
from benchmarks.machine import describe
from benchmarks.study import Finding, Study, plain

STUDIES = [
    module.STUDY
    for module in (
        limits,
        rates,
        fairness,
        idle_memory,
        scrape,
        slow_reader,
        loud_channel,
        join_storm,
        ping_spread,
        address_flood,
        streams,
        clients,
        pauses,
        capacity,
    )
]


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.program.partition(".")[2])
def bench_study(
    benchmark: Any,
    report_study: Callable[[Study, list[Finding]], None],
    study: Study,
) -> None:
    findings: list[Finding] = []
    benchmark.pedantic(
        lambda: findings.extend(study.measure(study.rounds, study.seconds)), rounds=1, iterations=1
    )
    benchmark.extra_info.update(findings=plain(findings), machine=describe([relay()]))
    report_study(study, findings)
    assert not [finding.name for finding in findings if finding.wrong]
