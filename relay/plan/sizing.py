"""From a workload to processes and hosts, and from a machine to what it can hold."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import msgspec

from relay.plan.hosts import (
    DESCRIPTORS_BESIDE,
    MOST_FILES,
    Host,
    fullest,
    place,
)
from relay.plan.prices import Calibration, Memory, Prices
from relay.plan.rounds import Outcome, simulate
from relay.plan.workload import PONG_BYTES, Workload, on_the_wire

MAX_PROCESSES: Final = 4096
_GUESSES: Final = 4
_FIRST_STEP: Final = 1000
_STEPS_GROW: Final = 4

Grown = Callable[[int], Workload]
"""The workload with so many connections: their joins may grow with them, or not."""


class CannotFit(Exception):  # noqa: N818 - an answer, not an error of ours
    """No number of processes carries the workload; relay/plan/refusals.py says why."""


class Goals(msgspec.Struct, frozen=True, kw_only=True):
    """`target_p99` in seconds, from a message's arrival to its last recipients; `headroom` is the share of each core, and of the
    memory, that stays free."""

    target_p99: float = 0.05
    headroom: float = 0.3

    @property
    def usable(self) -> float:
        """The share of each core and of the memory that may be used."""
        return 1.0 - self.headroom

    def allow(self, outcome: Outcome) -> bool:
        """Whether a core may be loaded like this."""
        return outcome.busy <= self.usable and outcome.p99 <= self.target_p99

    def allow_host(self, calibration: Calibration, host: Host) -> bool:
        """Whether its memory may be filled like this, and its processes can have so many files."""
        files = host.connections / host.processes + DESCRIPTORS_BESIDE
        return host.memory <= self.usable_memory(calibration) and files <= MOST_FILES

    def usable_memory(self, calibration: Calibration) -> float:
        """Bytes of one host."""
        return calibration.machine.memory * self.usable


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What a number of processes need together: cores of processor time, bytes, bytes a second on the wire."""

    processor: float
    user_memory: float
    kernel_memory: float
    bandwidth_in: float
    bandwidth_out: float


class Sizing(msgspec.Struct, frozen=True, kw_only=True):
    """A plan: the busiest of `processes` gets `share`, and does with it what `outcome` says; `fullest` is a host with the most of
    them."""

    processes: int
    hosts: int
    share: Workload
    outcome: Outcome
    fullest: Host
    needs: Needs


def size(
    calibration: Calibration, workload: Workload, goals: Goals, processes_per_host: int
) -> Sizing:
    """The fewest processes that carry the workload, and the hosts for them. Raises CannotFit."""

    def fits(parts: int) -> bool:
        share = workload.share(parts)
        alone = fullest(calibration.memory, workload, share, 1)
        return goals.allow_host(calibration, alone) and goals.allow(outcome_of(calibration, share))

    processes = _fewest(fits, workload)
    if processes is None:
        raise CannotFit
    return sizing_of(calibration, workload, goals, processes, processes_per_host)


def sizing_of(
    calibration: Calibration,
    workload: Workload,
    goals: Goals,
    processes: int,
    processes_per_host: int,
) -> Sizing:
    """What so many processes make of it, whether it is too much for them or not; no more than there are channels."""
    share = workload.share(processes)
    outcome = outcome_of(calibration, share)
    usable = goals.usable_memory(calibration)
    hosts, host = place(calibration.memory, workload, share, processes, processes_per_host, usable)
    return Sizing(
        processes=processes,
        hosts=hosts,
        share=share,
        outcome=outcome,
        fullest=host,
        needs=needs_of(calibration.memory, workload, share, outcome, processes),
    )


def needs_of(
    memory: Memory, workload: Workload, share: Workload, outcome: Outcome, processes: int
) -> Needs:
    """`outcome` is of the busiest of the processes, which has `share`: the others have less where channels do
    not divide evenly."""
    fold = workload.connections / share.connections
    pings = workload.pings_per_second
    received = workload.messages_per_second * workload.read_bytes + pings * PONG_BYTES
    return Needs(
        processor=outcome.busy * fold,
        user_memory=memory.base * processes
        + memory.held_by(workload.connections, workload.channels),
        kernel_memory=memory.kernel * workload.connections,
        bandwidth_in=on_the_wire(workload.messages_per_second + pings, received),
        bandwidth_out=on_the_wire(
            outcome.sends_per_second * fold, outcome.bytes_out_per_second * fold
        ),
    )


def most_connections(
    calibration: Calibration, habits: Workload, goals: Goals, workers: int, grown: Grown
) -> tuple[int, Sizing] | None:
    """The most connections with these habits that `size` puts on one host, and its plan for them; None when not even one channel
    fits. So many fit, and one more does not."""
    channel = max(round(habits.channel_size), 1)
    host = _OneHost(calibration, goals, workers, grown)
    # joins that do not grow are more than one process carries, perhaps, and not more than several do
    low = next((found for found in (channel, channel * workers) if host.carries(found)), None)
    if low is None:
        return None
    held = _last(host.holds, low, MOST_FILES * workers + 1, low)
    most = held if host.carries(held) else _last(host.carries, low, held, host.guess(low))
    return most, size(calibration, grown(most), goals, workers)


class _OneHost:
    """What the memory and the cores of one host suffice for, asked by the number of connections."""

    def __init__(self, calibration: Calibration, goals: Goals, workers: int, grown: Grown) -> None:
        self._calibration = calibration
        self._goals = goals
        self._workers = workers
        self._grown = grown

    def holds(self, connections: int) -> bool:
        """Whether its memory and its files suffice. It is quickly said, so it is asked first."""
        return self._processes(self._grown(connections)) > 0

    def carries(self, connections: int) -> bool:
        """Whether its cores suffice, too."""
        workload = self._grown(connections)
        processes = self._processes(workload)
        if not processes:
            return False
        return self._goals.allow(outcome_of(self._calibration, workload.share(processes)))

    def guess(self, connections: int) -> int:
        """How many it may carry, from how busy it is with so many: the processor mostly ends first."""
        for _ in range(_GUESSES):
            workload = self._grown(connections)
            share = workload.share(max(self._processes(workload), 1))
            busy = outcome_of(self._calibration, share).busy
            if not 0 < busy < 1:
                break
            connections = min(
                int(connections * self._goals.usable / busy), MOST_FILES * self._workers
            )
        return connections

    def _processes(self, workload: Workload) -> int:
        """As many as there are workers, channels, and memory for: 0 when one is too much for it."""
        most = min(self._workers, workload.channels)
        return next((parts for parts in range(most, 0, -1) if self._has_room(workload, parts)), 0)

    def _has_room(self, workload: Workload, processes: int) -> bool:
        share = workload.share(processes)
        host = fullest(self._calibration.memory, workload, share, processes)
        return self._goals.allow_host(self._calibration, host)


def _last(fits: Callable[[int], bool], low: int, high: int, guess: int) -> int:
    """The last number that fits: `low` does and `high` does not. It is looked for from the guess on, in steps that grow until the
    answer lies between two of them."""
    at, step = guess, max(guess // _FIRST_STEP, 1)
    former: bool | None = None
    is_between = False
    while high - low > 1:
        at = min(max(at, low + 1), high - 1)
        does_fit = fits(at)
        low, high = (at, high) if does_fit else (low, at)
        is_between = is_between or former is (not does_fit)
        former = does_fit
        at = (low + high) // 2 if is_between else at + (step if does_fit else -step)
        step *= _STEPS_GROW
    return low


def outcome_of(calibration: Calibration, share: Workload) -> Outcome:
    """What one process makes of it. What is delivered to no one has no latency."""
    outcome = _simulated(calibration.prices, share)
    return outcome if share.deliveries_per_second else outcome._replace(p50=0.0, p99=0.0)


@lru_cache(maxsize=256)
def _simulated(prices: Prices, share: Workload) -> Outcome:
    """Shares come again: several numbers of connections, or of processes, have the same."""
    return simulate(prices, share)


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
