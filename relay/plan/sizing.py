"""From a workload to processes and hosts, and from a machine to what it can hold."""

import math
from collections.abc import Callable
from typing import Final

import msgspec

from relay.plan.prices import Calibration, Memory, Prices
from relay.plan.rounds import Outcome, simulate
from relay.plan.workload import Workload, on_the_wire

MAX_PROCESSES: Final = 4096
MAX_CONNECTIONS: Final = 100_000_000
_PRECISION: Final = 0.01


class CannotFit(Exception):  # noqa: N818 - an answer, not an error of ours
    """No number of processes carries the workload; the text says why."""


class Goals(msgspec.Struct, frozen=True, kw_only=True):
    """`target_p99` in seconds, from a message's arrival to its last recipients; `headroom` is the share of each core, and of the
    memory, that stays free."""

    target_p99: float = 0.05
    headroom: float = 0.3

    def allow(self, outcome: Outcome) -> bool:
        """Whether a process may be loaded like this."""
        return outcome.busy <= 1.0 - self.headroom and outcome.p99 <= self.target_p99


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What a number of processes need together: cores of processor time, bytes, bytes a second on the wire."""

    processor: float
    user_memory: float
    kernel_memory: float
    bandwidth_in: float
    bandwidth_out: float


class Sizing(msgspec.Struct, frozen=True, kw_only=True):
    """A plan: each of `processes` gets `share`, and does with it what `outcome` says."""

    processes: int
    hosts: int
    share: Workload
    outcome: Outcome
    needs: Needs


def size(
    calibration: Calibration, workload: Workload, goals: Goals, processes_per_host: int
) -> Sizing:
    """The fewest processes that carry the workload, and the hosts for them. Raises CannotFit."""
    processes = _fewest(lambda parts: goals.allow(_outcome(calibration, workload, parts)), workload)
    if processes is None:
        raise CannotFit(_why_not(calibration.prices, workload, goals))
    return sizing_of(calibration, workload, processes, processes_per_host)


def sizing_of(
    calibration: Calibration, workload: Workload, processes: int, processes_per_host: int
) -> Sizing:
    """What so many processes make of it, whether it is too much for them or not."""
    share = workload.share(processes)
    outcome = simulate(calibration.prices, share)
    return Sizing(
        processes=processes,
        hosts=math.ceil(processes / processes_per_host),
        share=share,
        outcome=outcome,
        needs=needs_of(calibration.memory, workload, outcome, processes),
    )


def needs_of(memory: Memory, workload: Workload, outcome: Outcome, processes: int) -> Needs:
    """`outcome` is of one of the processes."""
    pings = workload.pings_per_second
    received = workload.messages_per_second * workload.read_bytes
    return Needs(
        processor=outcome.busy * processes,
        user_memory=memory.base * processes
        + memory.held_by(workload.connections, workload.channels),
        kernel_memory=memory.kernel * workload.connections,
        bandwidth_in=on_the_wire(workload.messages_per_second + pings, received),
        bandwidth_out=on_the_wire(
            outcome.sends_per_second * processes, outcome.bytes_out_per_second * processes
        ),
    )


def most_connections(
    calibration: Calibration, habits: Workload, goals: Goals, processes: int
) -> int:
    """How many connections with these habits so many processes carry within the goals; 0 when not even one channel fits."""
    channel = max(round(habits.channel_size), 1)

    def fits(channels: int) -> bool:
        scaled = habits.scaled_to(channels * channel)
        return goals.allow(_outcome(calibration, scaled, processes))

    low, high = 0, 1
    while high * channel <= MAX_CONNECTIONS and fits(high):
        low, high = high, high * 2
    while high - low > max(low * _PRECISION, 1):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low * channel


def _outcome(calibration: Calibration, workload: Workload, parts: int) -> Outcome:
    return simulate(calibration.prices, workload.share(parts))


def _fewest(fits: Callable[[int], bool], workload: Workload) -> int | None:
    """The load of each process falls with their number, so the number is found by doubling and halving."""
    limit = min(workload.channels, MAX_PROCESSES)
    high = 1
    while not fits(high):
        if high == limit:
            return None
        high = min(high * 2, limit)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _why_not(prices: Prices, workload: Workload, goals: Goals) -> str:
    """A channel that is too much for a process of its own is told first: no number of processes would help then."""
    outcome = simulate(prices, workload.share(workload.channels))
    members = f"a channel of {workload.channel_size:g} members"
    if goals.allow(outcome):
        return f"more than {MAX_PROCESSES} processes would be needed"
    if outcome.busy > 1.0 - goals.headroom:
        return (
            f"{members} is more than one process carries: it takes {outcome.busy:.0%} of a core,"
            f" and {100 * (1 - goals.headroom):.3g}% may be taken; a channel lives in one process"
        )
    return (
        f"{members} cannot be served with a p99 of {goals.target_p99 * 1e3:g} ms:"
        f" it is {outcome.p99 * 1e3:.1f} ms when the process does nothing else"
    )
