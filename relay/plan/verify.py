"""Run the point that was predicted, with one relay process and the load generator, and put both side by side."""

import math
from typing import Final

import msgspec

from relay._load import Generator, Latency
from relay.bench.measured import measure_run
from relay.bench.usage import file_room, raise_file_limit
from relay.bench.words import counted, was
from relay.plan.calibrate import FILES_BESIDE_CONNECTIONS
from relay.plan.hosts import DESCRIPTORS_BESIDE
from relay.plan.prices import Calibration
from relay.plan.relay_limits import BACKLOG_LIMIT_BYTES, MAX_MESSAGE_BYTES
from relay.plan.rounds import EVEN, simulate
from relay.plan.subject import Subject, two_cores
from relay.plan.workload import Workload

SECONDS: Final = 8.0
WARM_UP_SECONDS: Final = 2.0
MIN_PAYLOAD_BYTES: Final = 64
"""The generator's messages carry what it needs to tell each of them from all others."""
IN_FLIGHT: Final = 1024
IN_FLIGHT_BYTES: Final = 256 << 20
BACKLOG_MESSAGES: Final = 8
SETTLE_SECONDS: Final = 0.5
WARM_CHANNELS: Final = 2
WARM_MEMBERS: Final = 20
WARM_RATE: Final = 200.0
GENERATOR_MOST: Final = 0.9
DISTURBANCE_MOST: Final = 0.1


class Compared(msgspec.Struct, frozen=True):
    """One figure, in its unit; what could not be measured is None."""

    name: str
    predicted: float
    measured: float | None
    unit: str

    @property
    def ratio(self) -> float:
        """Predicted to measured."""
        return self.predicted / self.measured if self.measured else float("nan")


class Verification(msgspec.Struct, frozen=True):
    """`figures` of a process with the share; `lost` deliveries, `dropped` connections and a busy generator make them
    worth nothing. So does `disturbance`, the share of the time in which either of the two waited for its core because something
    else had it."""

    workload: Workload
    figures: list[Compared]
    lost: int
    generator_utilisation: float
    disturbance: float = 0.0
    dropped: int = 0

    @property
    def trouble(self) -> str:
        """Why the figures are worth nothing; empty when they count."""
        if self.dropped:
            return f"{counted(self.dropped, 'connection')} {was(self.dropped)} ended by the relay"
        if self.lost:
            return f"{counted(self.lost, 'delivery', 'deliveries')} {was(self.lost)} lost"
        if self.generator_utilisation >= GENERATOR_MOST:
            return f"the generator used {self.generator_utilisation:.0%} of its core"
        if self.disturbance > DISTURBANCE_MOST:
            return f"something else had one of the two cores for {self.disturbance:.0%} of the time"
        return ""

    @property
    def is_valid(self) -> bool:
        return not self.trouble


def room() -> int:
    """How many connections a relay and a generator here can have between them, each in a process with so many files at most."""
    beside = DESCRIPTORS_BESIDE + WARM_CHANNELS * WARM_MEMBERS
    return max(file_room() - beside, 1)


def runnable(workload: Workload, most: int) -> Workload:
    """The workload, or as much of it, in whole channels, as one machine can be asked to connect."""
    if workload.connections <= most:
        return workload
    channel = math.ceil(workload.channel_size)
    return workload.scaled_to(max(most // channel * channel, 1))


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one process made of a workload: `busy` is the share of a core that it used, `memory` what it held in all, in bytes,
    and `held` what its connections added to that. For the others see Verification."""

    workload: Workload
    channels: int
    busy: float
    sends_per_second: float
    memory: int
    held: int
    latency: Latency
    lost: int
    dropped: int
    generator_utilisation: float
    disturbance: float


def verify(calibration: Calibration, workload: Workload, seconds: float = SECONDS) -> Verification:
    """Measure what one process makes of the workload, and compare. Raises as `run_load` does."""
    return compare(calibration, run_load(workload, seconds))


def run_load(
    workload: Workload, seconds: float, warm_up_seconds: float = WARM_UP_SECONDS
) -> Measured:
    """Put the workload on one process. Channels have whole numbers of members here, and messages come evenly
    spaced, as the generator sends them. Raises SubjectError, and RuntimeError when too few files may be opened."""
    members = max(round(workload.channel_size), 1)
    channels = max(workload.connections // members, 1)
    whole = msgspec.structs.replace(
        workload,
        channel_size=float(members),
        connections=channels * members,
        payload_bytes=max(workload.payload_bytes, MIN_PAYLOAD_BYTES),
    )
    raise_file_limit(whole.connections + FILES_BESIDE_CONNECTIONS)
    payload = round(whole.payload_bytes)
    flags = _flags(whole.ping_interval, payload)
    with two_cores() as (core, _), Subject(flags, core) as subject:
        warm = _warm_up(subject)
        resident = subject.watched.resident_bytes()
        generator = Generator(
            subject.port,
            channels=channels,
            members=members,
            senders=members,
            in_flight=max(min(IN_FLIGHT, IN_FLIGHT_BYTES // payload // channels), 2),
            payload_bytes=payload,
            visitors=max(round(whole.joins), 1) if whole.joins else 0,
        )
        generator.connect()
        generator.hold(SETTLE_SECONDS)
        held = subject.watched.resident_bytes() - resident
        rate, churn = whole.messages_per_second, whole.joins
        dropped = generator.run(warm_up_seconds, rate=rate, churn=churn).dropped
        before = subject.counters()
        run = measure_run(generator, subject.watched, seconds, rate=rate, churn=churn)
        report, used = run.report, run.server
        assert used is not None
        sends = subject.counters()["sends"] - before["sends"]
        total = subject.watched.resident_bytes()
        generator.close(0)
        warm.close(0)
    return Measured(
        workload=whole,
        channels=channels,
        busy=used.ran / report.seconds,
        sends_per_second=sends / report.seconds,
        memory=total,
        held=held,
        latency=report.latency,
        lost=report.lost,
        dropped=dropped + report.dropped,
        generator_utilisation=report.cpu_seconds / report.seconds,
        disturbance=max(used.waited, run.own.waited) / report.seconds,
    )


def compare(calibration: Calibration, measured: Measured) -> Verification:
    """What the prices say of the same load, beside what came of it."""
    workload, memory, latency = measured.workload, calibration.memory, measured.latency
    predicted = simulate(calibration.prices, workload, spacing=EVEN)
    beside = memory.held_by(WARM_CHANNELS * WARM_MEMBERS, WARM_CHANNELS)
    held = memory.held_by(workload.connections, measured.channels)
    return Verification(
        workload,
        [
            Compared("processor", predicted.busy, measured.busy, "of a core"),
            Compared("sends", predicted.sends_per_second, measured.sends_per_second, "a second"),
            Compared("memory", memory.base + beside + held, measured.memory, "bytes"),
            Compared("of connections", held, measured.held, "bytes"),
            Compared("p50", predicted.p50 * 1e3, milliseconds(latency.p50, latency), "ms"),
            Compared("p99", predicted.p99 * 1e3, milliseconds(latency.p99, latency), "ms"),
        ],
        measured.lost,
        measured.generator_utilisation,
        measured.disturbance,
        measured.dropped,
    )


def milliseconds(percentile: float, latency: Latency) -> float | None:
    """A percentile of a latency, which has none when nothing was delivered."""
    return percentile * 1e3 if latency.samples else None


def _flags(ping_interval: float, payload_bytes: int) -> tuple[str, ...]:
    """Limits that such messages are within."""
    message = max(MAX_MESSAGE_BYTES, payload_bytes)
    backlog = max(BACKLOG_LIMIT_BYTES, payload_bytes * BACKLOG_MESSAGES)
    return (
        *("--ping-interval", f"{ping_interval:g}"),
        *("--max-message", f"{message}", "--backlog-limit", f"{backlog}"),
    )


def _warm_up(subject: Subject) -> Generator:
    """A small crowd that talks and then stays, so that what any first connection costs is no longer to pay."""
    crowd = Generator(
        subject.port,
        path="/c/warm-{channel}",
        channels=WARM_CHANNELS,
        members=WARM_MEMBERS,
        senders=WARM_MEMBERS,
        in_flight=64,
    )
    crowd.connect()
    crowd.run(SETTLE_SECONDS, rate=WARM_RATE)
    return crowd
