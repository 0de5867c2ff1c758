"""Processes on hosts: as many on each as it has workers and memory for. The fullest host decides."""

import math
from typing import Final, NamedTuple

from relay.plan.prices import Memory
from relay.plan.workload import Workload

MOST_FILES: Final = 2_147_483_584
"""Of one process: `fs.nr_open` can be raised to this and no further (Linux, sysctl_nr_open_max). All lower limits can be set."""

DESCRIPTORS_BESIDE: Final = 1128
"""Of one process: its own, and those of plain HTTP requests."""


class Host(NamedTuple):
    """The fullest of the hosts: its processes, the connections they have together, and the bytes of both in the processes and
    in the kernel."""

    processes: int
    connections: int
    memory: float


def fullest(memory: Memory, workload: Workload, share: Workload, processes: int) -> Host:
    """A host with so many of the busiest processes, each with `share`; all of them have no more than the workload."""
    connections = min(share.connections * processes, workload.connections)
    channels = min(share.channels * processes, workload.channels)
    held = memory.held_by(connections, channels) + memory.kernel * connections
    return Host(processes, connections, memory.base * processes + held)


def place(
    memory: Memory,
    workload: Workload,
    share: Workload,
    processes: int,
    workers: int,
    usable_memory: float,
) -> tuple[int, Host]:
    """How many hosts the processes need, with at most `workers` on each and their memory within what may be used, and the
    fullest of them. A process that alone is too much for a host gets one all the same."""
    per_host = min(workers, processes)
    while per_host > 1 and fullest(memory, workload, share, per_host).memory > usable_memory:
        per_host -= 1
    hosts = math.ceil(processes / per_host)
    return hosts, fullest(memory, workload, share, math.ceil(processes / hosts))
