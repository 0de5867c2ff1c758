"""A plan in words, for a person, and as JSON."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from relay.plan.here import Difference, differences
from relay.plan.hosts import DESCRIPTORS_BESIDE, MOST_FILES
from relay.plan.kernel_limits import Limit, limits_for, proxy_addresses
from relay.plan.prices import Calibration
from relay.plan.quantities import (
    counted,
    show_bits,
    show_bytes,
    show_milliseconds,
    show_number,
    show_share,
)
from relay.plan.relay_limits import RelayLimit, relay_limits
from relay.plan.show_measured import doubts
from relay.plan.sizing import Goals, Sizing
from relay.plan.workload import Workload

_LABEL_WIDTH: Final = 14
_LEAST_CORES: Final = 0.001


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is told of a plan."""

    calibration: Calibration
    workload: Workload
    goals: Goals
    sizing: Sizing

    @property
    def limits(self) -> list[Limit]:
        """What the fullest host must allow."""
        host = self.sizing.fullest
        kernel = self.calibration.memory.kernel * host.connections
        return limits_for(self.sizing.share.connections, host.processes, host.connections, kernel)

    @property
    def relay_limits(self) -> list[RelayLimit]:
        """What the relay must be told to allow."""
        return relay_limits(self.workload)

    @property
    def uses(self) -> dict[str, float]:
        """How much of each resource is used of what may be: 1 is all. The largest is what ends first. What can be set is no end:
        of files there are as many as the kernel can be told to allow."""
        outcome, goals = self.sizing.outcome, self.goals
        usable = goals.usable_memory(self.calibration)
        files = self.sizing.share.connections + DESCRIPTORS_BESIDE
        uses = {
            "processor": outcome.busy / goals.usable,
            "latency": outcome.p99 / goals.target_p99,
            "memory": self.sizing.fullest.memory / usable,
            "open files": files / MOST_FILES,
        }
        return uses if self.has_latency else {**uses, "latency": 0.0}

    @property
    def has_deliveries(self) -> bool:
        return self.workload.deliveries_per_second > 0

    @property
    def is_overloaded(self) -> bool:
        """Whether a process gets more than it can do; latencies and rates mean nothing then."""
        return self.sizing.outcome.busy >= 1.0

    @property
    def has_latency(self) -> bool:
        return self.has_deliveries and not self.is_overloaded

    @property
    def exceeds(self) -> bool:
        """Whether the processes that were asked for are too few."""
        allows_host = self.goals.allow_host(self.calibration, self.sizing.fullest)
        return not (self.goals.allow(self.sizing.outcome) and allows_host)

    @property
    def exceeded(self) -> list[str]:
        """The resources of which more is used than may be."""
        return [name for name, use in self.uses.items() if use > 1]

    @property
    def ends_first(self) -> str:
        return max(self.uses, key=lambda name: self.uses[name])

    @property
    def differences(self) -> list[Difference]:
        """What this machine has that the one which was measured had not."""
        return differences(self.calibration.machine)


def lines(report: Report) -> Iterator[str]:
    """The plan as text."""
    yield from _asked(report.workload)
    yield ""
    for label, value, note in _answers(report):
        yield f"{label:<{_LABEL_WIDTH}}{value:>12}   {note}".rstrip()
    yield ""
    yield from _limits(report)
    yield ""
    yield from _basis(report)


def _asked(workload: Workload) -> Iterator[str]:
    connections = counted(workload.connections, "connection", "connections")
    channels = counted(workload.channels, "channel", "channels")
    yield (
        f"{connections} in {channels} of {show_number(workload.channel_size)};"
        f" each sends {_messages(workload.messages)} a second of {show_bytes(workload.payload_bytes)}."
    )
    deliveries = workload.deliveries_per_second
    told = (
        f"{counted(deliveries, 'delivery', 'deliveries')} a second"
        if deliveries
        else "no deliveries"
    )
    visits = counted(workload.joins, "join and leave", "joins and leaves")
    joins = f", and {visits} a second" * bool(workload.joins)
    yield f"That is {_messages(workload.messages_per_second)} and {told}{joins}."


def _messages(number: float) -> str:
    return counted(number, "message", "messages")


def _answers(report: Report) -> Iterator[tuple[str, str, str]]:
    sizing, needs = report.sizing, report.sizing.needs
    over = "more than " if report.is_overloaded else ""
    spare = sizing.hosts + 1
    is_even = sizing.share.connections * sizing.processes == report.workload.connections
    connections = counted(sizing.share.connections, "connection", "connections")
    share = f"{connections} {'each' if is_even else 'in the busiest'}"
    busy = show_share(min(sizing.outcome.busy, 1.0))
    yield "processes", show_number(sizing.processes), f"{share}, {over}{busy} of a core"
    processes = counted(sizing.fullest.processes, "process", "processes")
    spares = f"{show_number(spare)} to go on when one is lost"
    yield "hosts", show_number(sizing.hosts), f"of up to {processes}; {spares}"
    yield "p99", *_latency(report)
    yield "processor", _cores(needs.processor), _work(report, over)
    yield "memory", show_bytes(needs.user_memory + needs.kernel_memory), _memory_note(report)
    yield "network in", show_bits(needs.bandwidth_in), "with the headers of packets"
    yield "network out", show_bits(needs.bandwidth_out), over and "at least: more than can be sent"
    uses = ", ".join(
        f"{name} {over if name == 'processor' else ''}{show_share(use)}"
        for name, use in _told_uses(report)
    )
    unmet = ", when what is marked SET below is set" * any(
        not limit.is_met for limit in report.limits
    )
    yield "ends first", report.ends_first, f"of what may be used{unmet}: {uses}"


def _told_uses(report: Report) -> Iterator[tuple[str, float]]:
    """Files are told of only when they are an end."""
    for name, use in report.uses.items():
        is_told = report.has_latency if name == "latency" else name != "open files"
        if is_told or name == report.ends_first:
            yield name, use


def _latency(report: Report) -> tuple[str, str]:
    outcome = report.sizing.outcome
    if not report.has_deliveries:
        return "none", "there is nothing to deliver"
    if report.is_overloaded:
        return "none", "it grows without end: a process gets more than it can do"
    return show_milliseconds(outcome.p99), f"inside the relay; p50 {show_milliseconds(outcome.p50)}"


def _cores(number: float) -> str:
    if 0 < number < _LEAST_CORES:
        return f"under {_LEAST_CORES:g} cores"
    return counted(number, "core", "cores")


def _work(report: Report, over: str) -> str:
    deliveries = report.workload.deliveries_per_second
    if over:
        return "at least: the processes have no more"
    if deliveries < 1:  # then it is pings that are paid for
        return ""
    microseconds = report.sizing.needs.processor / deliveries * 1e6
    batch = report.sizing.outcome.batch
    return f"{show_number(microseconds, 2)} µs a delivery, {_messages(batch)} a send"


def _memory_note(report: Report) -> str:
    needs = report.sizing.needs
    return (
        f"{show_bytes(needs.user_memory)} in the processes, {show_bytes(needs.kernel_memory)} in the kernel;"
        " a channel with a stuck reader holds up to backlog_limit more"
    )


def _limits(report: Report) -> Iterator[str]:
    yield "Each host must allow:"
    for limit in report.limits:
        yield _limit_line(limit)
    addresses = proxy_addresses(report.sizing.fullest.connections)
    if addresses > 1:
        yield (
            f"  behind a proxy: {show_number(addresses)} addresses of it, or of the relay;"
            " each pair has 28 232 ports by default"
        )
    for each in report.relay_limits:
        yield f"  relay serve must allow {each.why}: {each.setting} (default {each.default})"


def _limit_line(limit: Limit) -> str:
    present = "not known here" if limit.present is None else f"{limit.present} here"
    mark = "ok " if limit.is_met else "SET"
    return f"  {mark} {limit.name:<32} {limit.needed:>9}   {present}; {limit.setting}"


def _basis(report: Report) -> Iterator[str]:
    calibration = report.calibration
    machine = calibration.machine
    yield (
        f"Prices of {machine.processor} ({counted(machine.cores, 'core', 'cores')}, {show_bytes(machine.memory)}),"
        f" {machine.kernel},"
        f" measured {calibration.taken[:10]} with relay"
        f" {calibration.version}; they fit their measurements within {show_share(calibration.misfit)}."
    )
    yield from doubts(calibration)
    if report.differences:
        told = "; ".join(map(str, report.differences))
        yield f"This is not the machine that was measured, and planned for: {told}."
    if report.sizing.processes < report.workload.channels < report.sizing.processes * 2:
        yield "Channels are few: a process may get one more than its share."


def to_json(report: Report) -> dict[str, Any]:
    """The same as plain data. Where `is_overloaded`, the processor time and the rates that are told are the least there is."""
    sizing, outcome = report.sizing, report.sizing.outcome
    return {
        "workload": {
            **msgspec.structs.asdict(report.workload),
            "channels": report.workload.channels,
            "messages_per_second": report.workload.messages_per_second,
            "deliveries_per_second": report.workload.deliveries_per_second,
        },
        "goals": msgspec.structs.asdict(report.goals),
        "processes": sizing.processes,
        "hosts": sizing.hosts,
        "hosts_with_one_lost": sizing.hosts + 1,
        "connections_per_process": sizing.share.connections,
        "fullest_host": sizing.fullest._asdict(),
        "is_overloaded": report.is_overloaded,
        "utilisation": outcome.busy,
        "p50_seconds": outcome.p50 if report.has_latency else None,
        "p99_seconds": outcome.p99 if report.has_latency else None,
        "messages_per_send": outcome.batch if report.has_latency else None,
        "sends_per_second": outcome.sends_per_second
        * (report.workload.connections / sizing.share.connections),
        "needs": msgspec.structs.asdict(sizing.needs),
        "uses": report.uses,
        "ends_first": report.ends_first,
        "exceeds": report.exceeds,
        "limits": [
            {**msgspec.structs.asdict(limit), "is_met": limit.is_met} for limit in report.limits
        ],
        "relay_limits": [msgspec.structs.asdict(limit) for limit in report.relay_limits],
        "calibration": msgspec.to_builtins(report.calibration),
        "machine_differs": [msgspec.structs.asdict(each) for each in report.differences],
    }
