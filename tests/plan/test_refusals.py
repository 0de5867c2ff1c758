"""What is told of workloads that cannot be carried: too much of what, how much may be, and what would help."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from relay.plan.prices import Calibration
from relay.plan.refusals import why_not, why_not_on_one_host
from relay.plan.sizing import CannotFit, Goals, most_connections, size
from relay.plan.workload import Workload

from .machines import calibration, workload

GOALS = Goals(target_p99=0.05, headroom=0.3)
DEAR_JOINS = msgspec.structs.replace(calibration().prices, handshake=100.0)


def small(bytes_of_memory: int) -> Calibration:
    found = calibration()
    machine = msgspec.structs.replace(found.machine, memory=bytes_of_memory)
    return msgspec.structs.replace(found, machine=machine)


def refusal(asked: Workload, goals: Goals = GOALS, machine: Calibration | None = None) -> str:
    """Of what cannot be planned."""
    machine = machine or calibration()
    with pytest.raises(CannotFit):
        size(machine, asked, goals, 2)
    return why_not(machine, asked, goals)


def test_a_channel_is_too_much() -> None:
    text = refusal(workload(connections=20_000, channel_size=20_000.0))
    assert text == (
        "a channel of 20000 members is more than one process carries: it takes more than all of a core, and 70% may be"
        " taken. A channel lives in one process: smaller channels, fewer messages or less --headroom would help"
    )


def test_a_channel_of_silent_members_is_too_much() -> None:
    asked = workload(connections=10**7, channel_size=1e7, messages=0.0, ping_interval=25.0)
    assert "smaller channels, a longer --ping-interval or less --headroom" in refusal(asked)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"connections": 1000, "channel_size": 1000.0, "messages": 0.001, "joins": 5000.0},
            "5 000 joins a second are more than one process carries with a channel of 1000 members: it takes ",
        ),
        (
            {"joins": 1_000_000.0},
            "1 000 000 joins a second, 10 000 in each of 100 channels, are more than one process carries with a"
            " channel of 10 members: it takes ",
        ),
    ],
    ids=["one channel", "several"],
)
def test_joins_are_too_much(changes: dict[str, Any], words: str) -> None:
    text = refusal(workload(**changes))
    assert text.startswith(words)
    assert text.endswith(": fewer joins, smaller channels or less --headroom would help")


def test_a_channel_that_is_too_much_without_joins_is_told_without_them() -> None:
    text = refusal(workload(connections=20_000, channel_size=20_000.0, joins=1.0))
    assert text.startswith("a channel of 20000 members is more than one process carries")


def test_joins_that_one_host_does_not_carry() -> None:
    machine = msgspec.structs.replace(calibration(), prices=DEAR_JOINS)
    habits = workload(messages=0.001, joins=100_000.0)
    grown = habits.with_connections
    assert most_connections(machine, habits, GOALS, 2, grown) is None
    assert why_not_on_one_host(machine, grown(20), GOALS, 2) == (
        "100 000 joins a second are more than the 2 processes of one host carry;"
        " fewer --joins, more --workers or less --headroom would help"
    )


def test_a_channel_that_one_host_does_not_carry() -> None:
    asked = workload(connections=40_000, channel_size=20_000.0, joins=1.0)
    text = why_not_on_one_host(calibration(), asked, GOALS, 2)
    assert text.startswith("a channel of 20000 members is more than one process carries")


def test_a_latency_that_a_channel_cannot_have() -> None:
    asked = workload(connections=10_000, channel_size=10_000.0, messages=0.0001)
    text = refusal(asked, Goals(target_p99=0.01, headroom=0.0))
    assert text.startswith(
        "a channel of 10000 members cannot be served with a p99 of 10 ms: it is "
    )
    assert text.endswith("A longer --target-p99 or smaller channels would help")


def test_a_target_that_no_number_of_processes_meets() -> None:
    """With so many channels that there cannot be a process for each."""
    text = refusal(workload(connections=50_000), Goals(target_p99=1e-6, headroom=0.0))
    assert text.startswith("a channel of 10 members cannot be served with a p99 of")


def test_a_channel_that_no_host_holds() -> None:
    asked = workload(connections=100_000, channel_size=100_000.0, messages=0.0)
    text = refusal(asked, machine=small(100_000_000))
    assert "is more than one host holds: it takes 470 MB of memory with its process" in text
    assert text.endswith("less --headroom or a host with more memory would help")


def test_a_process_that_no_host_holds() -> None:
    text = refusal(workload(), machine=small(50_000_000))
    assert text.startswith(
        "a process is more than one host holds: it takes 40 MB of memory without"
    )


def test_more_processes_than_are_planned() -> None:
    text = refusal(workload(connections=10**9))
    assert text.startswith("more than 4 096 processes would be needed, the most that are planned")
