"""How busy others kept the cores, and what is said of prices that were measured then."""

from __future__ import annotations

import os
import resource
import time

import msgspec
import pytest

from relay.plan import disturbance, here
from relay.plan.disturbance import Disturbance, busy_seconds
from relay.plan.show_measured import doubts

from .machines import calibration

STAT = """\
cpu  900 9 90 9000 90 9 9 9 9 9
cpu0 100 2 30 1000 50 1 4 20 7 7
cpu1 200 2 30 1000 50 1 4 20 7 7
intr 5 5 5
"""


@pytest.mark.parametrize(
    ("names", "seconds"), [(["cpu0"], 1.57), (["cpu0", "cpu1"], 4.14), (["cpu7"], 0), ([], 0)]
)
def test_all_but_idle_time_is_busy(names: list[str], seconds: float) -> None:
    assert busy_seconds(STAT, names) == pytest.approx(seconds)


class Machine:
    """Clocks that are set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.busy = self.own = 0.0
        usage = resource.getrusage(resource.RUSAGE_SELF)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(disturbance, "busy_seconds", lambda *_: self.busy)
        monkeypatch.setattr(
            resource,
            "getrusage",
            lambda who: type(usage)([self.own * (who == 0), 0.0, *usage[2:]]),
        )


@pytest.mark.parametrize(
    ("busy", "own", "share"), [(8.0, 8.0, 0.0), (12.0, 8.0, 0.2), (7.9, 8.0, 0.0), (99.0, 0.0, 1.0)]
)
def test_what_others_used(
    monkeypatch: pytest.MonkeyPatch, busy: float, own: float, share: float
) -> None:
    machine = Machine(monkeypatch)
    with Disturbance((0, 1)) as found:
        machine.now, machine.busy, machine.own = 10.0, busy, own
    assert found.share == pytest.approx(share)


def test_a_real_machine_tells() -> None:
    with Disturbance(os.sched_getaffinity(0)) as found:
        sum(range(100_000))
    assert 0 <= found.share <= 1


@pytest.mark.parametrize(
    ("busy", "misfit", "words"),
    [
        (0.1, 0.15, []),
        (0.23, 0.15, ["others had 23% of the two cores"]),
        (0.1, 0.31, ["by 31%: plans may be as far off"]),
        (0.5, 0.5, ["others had 50%", "by 50%"]),
    ],
)
def test_doubts(busy: float, misfit: float, words: list[str]) -> None:
    found = list(doubts(msgspec.structs.replace(calibration(), disturbance=busy, misfit=misfit)))
    assert len(found) == len(words)
    assert all(word in line for word, line in zip(words, found, strict=True))


def test_this_machine_is_itself() -> None:
    assert here.differences(here.this_machine()) == []


def test_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = calibration().machine
    other = msgspec.structs.replace(measured, processor="loom", cores=8, memory=16 << 30)
    monkeypatch.setattr(here, "this_machine", lambda: other)
    assert [str(each) for each in here.differences(measured)] == [
        "processor loom, not abacus",
        "cores 8, not 2",
        "memory 17.2 GB, not 8.59 GB",
    ]


def test_a_little_more_memory_is_no_other_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = calibration().machine
    other = msgspec.structs.replace(measured, memory=round(measured.memory * 1.005))
    monkeypatch.setattr(here, "this_machine", lambda: other)
    assert here.differences(measured) == []


def test_a_system_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(here, "processor", nowhere)
    assert here.differences(calibration().machine) == []
