"""After the benchmarks, what pytest-benchmark's own table cannot show: time per unit, the whole relay's rows, the studies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import pytest

from benchmarks.figures import Figures
from benchmarks.machine import origin
from benchmarks.study import Finding, Study, lines
from benchmarks.table import heading, row_line
from benchmarks.yardsticks import Yardstick, measure

NS_LINES = pytest.StashKey[list[str]]()
ROW_LINES = pytest.StashKey[list[str]]()
STUDY_LINES = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[NS_LINES] = []
    config.stash[ROW_LINES] = []
    config.stash[STUDY_LINES] = []


@pytest.fixture(scope="session")
def machine() -> str:
    return "\n".join(origin())


@pytest.fixture
def per_unit(
    benchmark: Callable[..., object], request: pytest.FixtureRequest, machine: str
) -> Callable[[int, Callable[[], object], Yardstick], object]:
    """Benchmark a call that does so many units of work, and report nanoseconds per unit (of the median call).

    The ratios to the yardstick are measured apart, after it.
    """

    def run(units: int, call: Callable[[], object], yardstick: Yardstick) -> object:
        outcome = benchmark(call)
        stats = benchmark.stats  # type: ignore[attr-defined]
        if stats is not None:  # None with --benchmark-disable
            ns = stats["median"] * 1e9 / units
            benchmark.extra_info.update(  # type: ignore[attr-defined]
                ns_per_unit=ns,
                ratios=[asdict(each) for each in measure(units, call, yardstick)],
                yardstick=yardstick.name,
                machine=machine,
            )
            request.config.stash[NS_LINES].append(f"{request.node.name:48} {ns:10.2f}")
        return outcome

    return run


@pytest.fixture
def report_row(request: pytest.FixtureRequest) -> Callable[[str, Figures], None]:
    """Keep a row of the table for the end of the run."""

    def report(name: str, figures: Figures) -> None:
        request.config.stash[ROW_LINES].append(row_line(name, "relay", figures))

    return report


@pytest.fixture
def report_study(request: pytest.FixtureRequest) -> Callable[[Study, list[Finding]], None]:
    """Keep the small table of a study for the end of the run."""

    def report(study: Study, findings: list[Finding]) -> None:
        request.config.stash[STUDY_LINES].extend(("", study.question, *lines(findings)))

    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for title, rows in (
        (f"{'nanoseconds per unit':48} {'median':>10}", config.stash[NS_LINES]),
        (heading(), config.stash[ROW_LINES]),
        ("studies", config.stash[STUDY_LINES]),
    ):
        if rows:
            terminalreporter.write_line("")
            for line in (title, *rows):
                terminalreporter.write_line(line)
