"""Why a workload cannot be planned for: what is too much of which resource, how much may be, and what would help."""

import msgspec

from relay.plan.hosts import fullest
from relay.plan.prices import Calibration
from relay.plan.quantities import show_bytes, show_milliseconds, show_number, show_share
from relay.plan.rounds import Outcome
from relay.plan.sizing import MAX_PROCESSES, Goals, outcome_of
from relay.plan.workload import Workload


def why_not(calibration: Calibration, workload: Workload, goals: Goals) -> str:
    """Of a workload that no number of processes carries. A channel that is too much for a process of its own is told first: no
    number would help then."""
    alone = workload.share(workload.channels)
    outcome = outcome_of(calibration, alone)
    if not goals.allow(outcome):
        without = msgspec.structs.replace(alone, joins=0.0)
        if alone.joins and goals.allow(outcome_of(calibration, without)):
            return _joins(workload, alone, outcome, goals)
        return _channel(alone, outcome, goals)
    host = fullest(calibration.memory, workload, alone, 1)
    if not goals.allow_host(calibration, host):
        return _memory(calibration, alone, host.memory, goals)
    return (
        f"more than {show_number(MAX_PROCESSES)} processes would be needed, the most that are planned;"
        " plan for a part of the connections"
    )


def why_not_on_one_host(
    calibration: Calibration, workload: Workload, goals: Goals, workers: int
) -> str:
    """The same of one host, where `workload` is a channel for each of its workers."""
    alone = workload.share(workload.channels)
    if workers == 1 or not alone.joins or goals.allow(outcome_of(calibration, alone)):
        return why_not(calibration, workload, goals)
    without = msgspec.structs.replace(alone, joins=0.0)
    if not goals.allow(outcome_of(calibration, without)):
        return why_not(calibration, without, goals)
    return (
        f"{show_number(workload.joins)} joins a second are more than the {workers} processes of one host carry;"
        " fewer --joins, more --workers or less --headroom would help"
    )


def _joins(workload: Workload, alone: Workload, outcome: Outcome, goals: Goals) -> str:
    """Without them it would do."""
    joins, channels = show_number(workload.joins), workload.channels
    each = f", {show_number(alone.joins)} in each of {show_number(channels)} channels," * (
        channels > 1
    )
    return (
        f"{joins} joins a second{each} are more than one process carries with a channel of"
        f" {_members(alone)}: {_beyond(outcome, goals)}. A channel lives in one process:"
        " fewer joins, smaller channels or less --headroom would help"
    )


def _channel(alone: Workload, outcome: Outcome, goals: Goals) -> str:
    if outcome.busy <= goals.usable:
        return (
            f"a channel of {_members(alone)} cannot be served with a p99 of"
            f" {show_milliseconds(goals.target_p99)}: it is {show_milliseconds(outcome.p99)} when the process does"
            " nothing else. A longer --target-p99 or smaller channels would help"
        )
    less = "fewer messages" if alone.messages else "a longer --ping-interval"
    return (
        f"a channel of {_members(alone)} is more than one process carries: {_beyond(outcome, goals)}."
        f" A channel lives in one process: smaller channels, {less} or less --headroom would help"
    )


def _memory(calibration: Calibration, alone: Workload, needed: float, goals: Goals) -> str:
    usable = goals.usable_memory(calibration)
    base = calibration.memory.base
    if base > usable:
        return (
            f"a process is more than one host holds: it takes {show_bytes(base)} of memory without connections, and"
            f" {show_bytes(usable)} may be used. Less --headroom or a host with more memory would help"
        )
    return (
        f"a channel of {_members(alone)} is more than one host holds: it takes {show_bytes(needed)} of memory with its"
        f" process, and {show_bytes(usable)} may be used. Smaller channels, less --headroom or a host with more memory"
        " would help"
    )


def _beyond(outcome: Outcome, goals: Goals) -> str:
    if outcome.busy <= goals.usable:
        return (
            f"the p99 is {show_milliseconds(outcome.p99)}, and the target"
            f" {show_milliseconds(goals.target_p99)}"
        )
    taken = show_share(outcome.busy, 3) if outcome.busy < 1 else "more than all"
    return f"it takes {taken} of a core, and {show_share(goals.usable, 3)} may be taken"


def _members(alone: Workload) -> str:
    return f"{alone.channel_size:.12g} members"
