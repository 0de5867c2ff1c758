"""From workloads to processes, and back."""

from __future__ import annotations

import pytest

from relay.plan.rounds import simulate
from relay.plan.sizing import Goals, most_connections, size, sizing_of

from .machines import SENDS_COST, calibration, workload

GOALS = Goals(target_p99=0.05, headroom=0.3)
SLOW = Goals(target_p99=0.02, headroom=0.3)


@pytest.mark.parametrize(
    ("connections", "processes"), [(1000, 1), (7000, 1), (8600, 2), (30_000, 4)]
)
def test_processes(connections: int, processes: int) -> None:
    """Each connection takes 9 sends of 10 microseconds a second, and 70 % of a core may be taken: some 7 700 of them."""
    found = size(calibration(), workload(connections=connections), GOALS, 2)
    assert found.processes == processes
    assert found.outcome.busy <= 0.7
    assert found.hosts == -(-processes // 2)


def test_one_less_is_too_few() -> None:
    asked = workload(connections=30_000)
    found = size(calibration(), asked, GOALS, 2)
    assert not GOALS.allow(sizing_of(calibration(), asked, GOALS, found.processes - 1, 2).outcome)


def test_headroom_and_target_count() -> None:
    asked = workload(connections=10_000)
    by_headroom = [
        size(calibration(), asked, Goals(headroom=share), 1).processes for share in (0.0, 0.3, 0.8)
    ]
    assert by_headroom == sorted(by_headroom)
    assert by_headroom[0] < by_headroom[-1]
    slow = size(calibration(), asked, Goals(target_p99=1.0, headroom=0.0), 1)
    fast = size(calibration(), asked, Goals(target_p99=0.0005, headroom=0.0), 1)
    assert fast.processes >= slow.processes
    assert fast.outcome.p99 <= 0.0005


def test_needs() -> None:
    asked = workload(connections=2000)
    needs = size(calibration(), asked, GOALS, 2).needs
    assert needs.user_memory == 40e6 + 2000 * 300 + 200 * 2000
    assert needs.kernel_memory == 2000 * 4000
    assert needs.processor == pytest.approx(0.18, rel=0.05)
    # 18 000 sends a second, each a packet with its headers
    assert needs.bandwidth_out == pytest.approx(18_000 * (asked.frame_bytes + 66), rel=0.05)


@pytest.mark.parametrize(
    ("changes", "goals", "workers"),
    [
        ({}, GOALS, 1),
        ({}, GOALS, 2),
        ({"channel_size": 7.0}, GOALS, 3),
        ({"channel_size": 2.37, "messages": 0.5}, GOALS, 2),
        ({"joins": 20.0}, GOALS, 2),
        ({"connections": 1000, "channel_size": 1000.0, "messages": 0.01}, SLOW, 2),
        ({"messages": 0.0}, GOALS, 2),
    ],
    ids=["one process", "two", "three", "parts of members", "joins", "by latency", "by memory"],
)
def test_inverse_is_the_last_that_a_plan_puts_on_one_host(
    changes: dict[str, float], goals: Goals, workers: int
) -> None:
    habits = workload(**changes)
    found = most_connections(calibration(), habits, goals, workers, habits.scaled_to)
    assert found is not None
    most, sizing = found

    def hosts(connections: int) -> int:
        return size(calibration(), habits.scaled_to(connections), goals, workers).hosts

    assert sizing == size(calibration(), habits.scaled_to(most), goals, workers)
    assert sizing.hosts == 1
    assert (hosts(most + 1), hosts(round(most * 1.01) + 1)) == (2, 2)


def test_inverse_of_what_ends_by_the_processor() -> None:
    habits = workload()
    found = most_connections(calibration(), habits, GOALS, 2, habits.scaled_to)
    assert found is not None
    assert 15_000 < found[0] < 16_000  # 70 % of two cores, at 90 microseconds a second each
    assert found[0] % 20 == 0  # whole channels, as many on each
    assert found[1].processes == 2


def test_inverse_of_what_never_fits() -> None:
    habits = workload(connections=20_000, channel_size=20_000.0)
    assert most_connections(calibration(), habits, GOALS, 2, habits.scaled_to) is None


def test_one_process_has_all() -> None:
    """Also connections that fill no channel of their own."""
    asked = workload(connections=100, channel_size=3.0)
    assert asked.share(1) == asked


def test_a_share_has_whole_channels() -> None:
    share = workload(connections=100, channel_size=30.0).share(2)
    assert share.channels == 2
    assert share.connections == 60
    assert simulate(SENDS_COST, share).busy > 0
