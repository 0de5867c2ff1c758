"""A plan in words, for a person, and as JSON."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from relay.plan.kernel_limits import Limit, limits_for, proxy_addresses
from relay.plan.prices import Calibration
from relay.plan.quantities import show_bits, show_bytes, show_count, show_milliseconds
from relay.plan.sizing import Goals, Sizing
from relay.plan.workload import Workload

if TYPE_CHECKING:
    from relay.plan.verify import Verification

_LABEL_WIDTH: Final = 14


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is told of a plan."""

    calibration: Calibration
    workload: Workload
    goals: Goals
    sizing: Sizing
    processes_per_host: int

    @property
    def connections_per_host(self) -> int:
        return -(-self.workload.connections // self.sizing.hosts)

    @property
    def limits(self) -> list[Limit]:
        """What each host must allow."""
        kernel = self.calibration.memory.kernel * self.connections_per_host
        return limits_for(self.sizing.share.connections, self.connections_per_host, kernel)

    @property
    def uses(self) -> dict[str, float]:
        """How much of each resource is used of what may be: 1 is all. The largest is what ends first."""
        outcome, needs = self.sizing.outcome, self.sizing.needs
        memory = (needs.user_memory + needs.kernel_memory) / self.sizing.hosts
        files = self.limits[0]
        return {
            "processor": outcome.busy / (1 - self.goals.headroom),
            "latency": outcome.p99 / self.goals.target_p99,
            "memory": memory / (self.calibration.machine.memory * (1 - self.goals.headroom)),
            "open files": files.needed / files.present if files.present else 0.0,
        }

    @property
    def exceeds(self) -> bool:
        """Whether the processes that were asked for are too few."""
        return not self.goals.allow(self.sizing.outcome)

    @property
    def ends_first(self) -> str:
        return max(self.uses, key=lambda name: self.uses[name])


def lines(report: Report) -> Iterator[str]:
    """The plan as text."""
    yield from _asked(report.workload)
    yield ""
    for label, value, note in _answers(report):
        yield f"{label:<{_LABEL_WIDTH}}{value:>12}   {note}".rstrip()
    yield ""
    yield "Each host must allow:"
    for limit in report.limits:
        yield _limit_line(limit)
    addresses = proxy_addresses(report.connections_per_host)
    if addresses > 1:
        yield f"  behind a proxy: {addresses} addresses of it, or of the relay; each pair has 28 232 ports by default"
    yield ""
    yield from _basis(report)


def _asked(workload: Workload) -> Iterator[str]:
    yield (
        f"{show_count(workload.connections)} connections in {show_count(workload.channels)} channels of"
        f" {workload.channel_size:g}; each sends {workload.messages:.4g} messages a second"
        f" of {show_bytes(workload.payload_bytes)}."
    )
    yield (
        f"That is {show_count(workload.messages_per_second)} messages and"
        f" {show_count(workload.deliveries_per_second)} deliveries a second"
        + (f", and {workload.joins:g} joins and leaves a second." if workload.joins else ".")
    )


def _answers(report: Report) -> Iterator[tuple[str, str, str]]:
    sizing, needs, outcome = report.sizing, report.sizing.needs, report.sizing.outcome
    spare = sizing.hosts + 1
    share = f"{show_count(sizing.share.connections)} connections each"
    yield "processes", f"{sizing.processes}", f"{share}, {outcome.busy:.0%} of a core"
    per_host = report.processes_per_host
    yield "hosts", f"{sizing.hosts}", f"of {per_host} processes; {spare} to go on when one is lost"
    yield (
        "p99",
        show_milliseconds(outcome.p99),
        f"inside the relay; p50 {show_milliseconds(outcome.p50)}",
    )
    deliveries = report.workload.deliveries_per_second
    each = f"{needs.processor / deliveries * 1e6:.2g} µs a delivery, " if deliveries else ""
    yield "processor", f"{needs.processor:.3g} cores", f"{each}{outcome.batch:.2f} messages a send"
    yield "memory", show_bytes(needs.user_memory + needs.kernel_memory), _memory_note(report)
    yield "network in", show_bits(needs.bandwidth_in), "with the headers of packets"
    yield "network out", show_bits(needs.bandwidth_out), ""
    uses = ", ".join(f"{name} {use:.0%}" for name, use in report.uses.items())
    yield "ends first", report.ends_first, f"of what may be used: {uses}"


def _memory_note(report: Report) -> str:
    needs = report.sizing.needs
    return (
        f"{show_bytes(needs.user_memory)} in the processes, {show_bytes(needs.kernel_memory)} in the kernel;"
        " a channel with a stuck reader holds up to backlog_limit more"
    )


def _limit_line(limit: Limit) -> str:
    present = "not known here" if limit.present is None else f"{limit.present} here"
    mark = "ok " if limit.is_met else "SET"
    return f"  {mark} {limit.name:<32} {limit.needed:>9}   {present}; {limit.setting}"


def _basis(report: Report) -> Iterator[str]:
    calibration = report.calibration
    machine = calibration.machine
    yield (
        f"Prices of {machine.processor} ({machine.cores} cores), {machine.kernel}, measured {calibration.taken[:10]} with relay"
        f" {calibration.version}; they fit their measurements within {calibration.misfit:.0%}."
    )
    if report.workload.channels < report.sizing.processes * 2:
        yield "Channels are few: a process may get one more than its share."


def to_json(report: Report) -> dict[str, Any]:
    """The same as plain data."""
    outcome = report.sizing.outcome
    return {
        "workload": {
            **msgspec.structs.asdict(report.workload),
            "channels": report.workload.channels,
            "messages_per_second": report.workload.messages_per_second,
            "deliveries_per_second": report.workload.deliveries_per_second,
        },
        "goals": msgspec.structs.asdict(report.goals),
        "processes": report.sizing.processes,
        "hosts": report.sizing.hosts,
        "hosts_with_one_lost": report.sizing.hosts + 1,
        "connections_per_process": report.sizing.share.connections,
        "utilisation": outcome.busy,
        "p50_seconds": outcome.p50,
        "p99_seconds": outcome.p99,
        "messages_per_send": outcome.batch,
        "sends_per_second": outcome.sends_per_second * report.sizing.processes,
        "needs": msgspec.structs.asdict(report.sizing.needs),
        "uses": report.uses,
        "ends_first": report.ends_first,
        "limits": [
            {**msgspec.structs.asdict(limit), "is_met": limit.is_met} for limit in report.limits
        ],
        "calibration": msgspec.to_builtins(report.calibration),
    }


def calibration_lines(calibration: Calibration) -> Iterator[str]:
    """The prices of a machine."""
    prices, memory = calibration.prices, calibration.memory
    yield f"{calibration.machine.processor}, {calibration.machine.cores} cores, {calibration.machine.kernel}"
    for label, value, note in (
        (
            "wake-up",
            prices.turn,
            f"of the event loop; {prices.sleep:.1f} more from sleep, {prices.sleep + prices.wake:.1f} after 20 ms",
        ),
        ("round", prices.round, "one look for news"),
        ("read", prices.read, "from one socket"),
        ("message", prices.message, "parsed, checked, stamped"),
        (
            "send",
            prices.send,
            f"to one member; {prices.cold:.2f} more among 10 000, {prices.chill + prices.stale:.2f} more after a pause",
        ),
        ("KiB in", prices.byte_in * 1024, ""),
        ("KiB out", prices.byte_out * 1024, "to one member"),
        ("handshake", prices.handshake, "from accept to the own join"),
    ):
        yield f"{label:<{_LABEL_WIDTH}}{value:>9.3f} µs   {note}".rstrip()
    held = f"a connection in the process, {memory.channel:.0f} B a channel, {memory.kernel:.0f} B a socket in the kernel"
    yield f"{'memory':<{_LABEL_WIDTH}}{memory.connection:>9.0f} B    {held}"
    yield f"The prices fit their measurements within {calibration.misfit:.1%}."


def verification_lines(verification: "Verification") -> Iterator[str]:
    """Predicted against measured."""
    workload = verification.workload
    yield (
        f"Verified with one process: {show_count(workload.connections)} connections, channels of {workload.channel_size:g},"
        f" {show_count(workload.messages_per_second)} messages a second, evenly spaced."
    )
    yield f"{'':<{_LABEL_WIDTH}}{'predicted':>12}{'measured':>12}{'ratio':>8}"
    for each in verification.figures:
        yield f"{each.name:<{_LABEL_WIDTH}}{each.predicted:>12.4g}{each.measured:>12.4g}{each.ratio:>8.2f}   {each.unit}"
    if verification.trouble:
        yield f"Not valid: {verification.trouble}."


def verification_to_json(verification: "Verification") -> dict[str, Any]:
    """The same as plain data."""
    return {
        "connections": verification.workload.connections,
        "figures": {
            each.name: {"predicted": each.predicted, "measured": each.measured, "unit": each.unit}
            for each in verification.figures
        },
        "lost": verification.lost,
        "generator_utilisation": verification.generator_utilisation,
        "disturbance": verification.disturbance,
        "is_valid": verification.is_valid,
    }
