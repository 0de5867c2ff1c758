"""What ends on a host beside its cores: memory, and files; and how processes are divided among hosts and channels."""

from __future__ import annotations

import msgspec
import pytest

from relay.plan.hosts import DESCRIPTORS_BESIDE, MOST_FILES, Host, fullest, place
from relay.plan.prices import Calibration, Memory
from relay.plan.show import Report
from relay.plan.sizing import Goals, most_connections, size, sizing_of

from .machines import calibration, workload

GOALS = Goals(target_p99=0.05, headroom=0.3)
ROUND = Memory(base=100.0, connection=1.0, channel=5.0, kernel=0.5)
QUIET = workload(messages=0.0)


def with_memory(size_bytes: int) -> Calibration:
    found = calibration()
    machine = msgspec.structs.replace(found.machine, memory=size_bytes)
    return msgspec.structs.replace(found, machine=machine)


def test_memory_of_a_host() -> None:
    asked = workload(connections=1000)
    host = fullest(ROUND, asked, asked.share(4), 2)
    assert host == Host(2, 500, 2 * 100 + 500 * 1.5 + 50 * 5)


def test_the_fullest_host_has_no_more_than_the_workload() -> None:
    asked = workload(connections=30)
    share = asked.share(2)  # two channels of the three
    assert fullest(ROUND, asked, share, 2).connections == 30


def test_thirteen_processes_on_four_hosts() -> None:
    asked = workload(connections=13_000)
    hosts, host = place(ROUND, asked, asked.share(13), 13, 4, 1e9)
    assert (hosts, host.processes, host.connections) == (4, 4, 4000)


@pytest.mark.parametrize(("usable", "hosts", "on_one"), [(1400, 4, 1), (2800, 2, 2), (2799, 4, 1)])
def test_memory_spreads_processes(usable: float, hosts: int, on_one: int) -> None:
    """Each of the four takes 100 + 600 x 1.5 + 60 x 5 + 100 bytes."""
    memory = msgspec.structs.replace(ROUND, base=200.0)
    asked = workload(connections=2400)
    found, host = place(memory, asked, asked.share(4), 4, 4, usable)
    assert (found, host.processes) == (hosts, on_one)


def test_memory_decides_how_many_processes_are_needed() -> None:
    """100 000 connections take 430 MB in the kernel and 50 MB in the processes; 70 MB of a host may be used."""
    asked = workload(connections=100_000, messages=0.0)
    small = with_memory(100_000_000)
    found = size(small, asked, GOALS, 8)
    assert found.fullest.processes == 1
    assert found.hosts == found.processes > 10
    assert found.fullest.memory <= 70e6
    assert size(with_memory(1 << 40), asked, GOALS, 8).processes == 1
    report = Report(calibration=small, workload=asked, goals=GOALS, sizing=found)
    assert report.ends_first == "memory"
    assert not report.exceeds


def test_too_much_memory_is_told_of_processes_that_were_asked_for() -> None:
    small, asked = with_memory(100_000_000), workload(connections=100_000, messages=0.0)
    sizing = sizing_of(small, asked, GOALS, 2, 8)
    report = Report(calibration=small, workload=asked, goals=GOALS, sizing=sizing)
    assert report.exceeds
    assert report.uses["memory"] > 1
    assert report.ends_first == "memory"


def test_inverse_is_what_memory_holds() -> None:
    """A process of 40 MB, 4 300 bytes a connection and 2 000 for each channel of ten: 70 % of 1 GB holds 146 666. With a second
    process, which nothing here needs, it would be less."""
    machine = with_memory(1_000_000_000)
    found = most_connections(machine, QUIET, GOALS, 2, QUIET.scaled_to)
    assert found is not None
    most, sizing = found
    assert most == 146_666
    assert (sizing.hosts, sizing.processes) == (1, 1)
    assert 0.7e9 - 4300 < sizing.fullest.memory <= 0.7e9


def test_inverse_takes_fewer_processes_where_memory_is_short() -> None:
    found = most_connections(with_memory(100_000_000), QUIET, GOALS, 2, QUIET.scaled_to)
    assert found is not None
    assert found[1].processes == 1
    assert found[0] == 6_666  # 70 MB less 40, at 4 500 bytes each


def test_inverse_where_not_even_a_process_fits() -> None:
    assert most_connections(with_memory(1 << 20), QUIET, GOALS, 2, QUIET.scaled_to) is None


def test_files_end_at_what_the_kernel_can_be_told_to_allow() -> None:
    machine = with_memory(1 << 60)
    found = most_connections(machine, QUIET, GOALS, 1, QUIET.scaled_to)
    assert found is not None
    most, sizing = found
    assert most == MOST_FILES - DESCRIPTORS_BESIDE
    assert sizing.processes == 1
    asked = QUIET.scaled_to(most)
    report = Report(calibration=machine, workload=asked, goals=GOALS, sizing=sizing)
    assert report.ends_first == "open files"


def test_joins_in_all_do_not_grow() -> None:
    habits = workload(connections=10, joins=10.0)
    found = most_connections(with_memory(150_000_000), habits, GOALS, 2, habits.with_connections)
    assert found is not None
    assert found[1].share.joins * found[1].processes == pytest.approx(10, rel=0.01)
    assert found[0] > 4000


def test_joins_that_several_processes_carry_and_one_does_not() -> None:
    """Of 100 microseconds each, so that 10 000 a second are a whole core."""
    prices = msgspec.structs.replace(calibration().prices, handshake=100.0, send=0.001)
    machine = msgspec.structs.replace(with_memory(240_000_000), prices=prices)
    habits = workload(connections=10, messages=0.001, joins=10_000.0)
    found = most_connections(machine, habits, GOALS, 4, habits.with_connections)
    assert found is not None
    assert found[1].processes == 2


def test_processes_that_have_less_than_the_busiest_count_less() -> None:
    """Three channels on two processes: the busiest has two of them."""
    asked = workload(connections=300, channel_size=100.0)
    two, three = (sizing_of(calibration(), asked, GOALS, parts, 4) for parts in (2, 3))
    assert two.share.connections == 200
    assert two.needs.processor == pytest.approx(two.outcome.busy * 1.5)
    assert two.needs.processor == pytest.approx(three.needs.processor, rel=0.05)
    assert two.needs.bandwidth_out == pytest.approx(three.needs.bandwidth_out, rel=0.05)
    assert two.needs.user_memory == 2 * 40e6 + 300 * 300 + 3 * 2000


def test_joins_come_to_channels() -> None:
    asked = workload(connections=300, channel_size=100.0, joins=30.0)
    assert [asked.share(parts).joins for parts in (1, 2, 3)] == [30, 20, 10]
