"""One round of one row against a fresh server."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.figures import Figures
from benchmarks.process import ServerProcess, pinned_to_load_core
from benchmarks.rows import OpenRow, Row
from benchmarks.wire import ITTY, Wire
from relay._load import Generator, RunReport
from relay.bench import measured
from relay.bench.usage import Usage, raise_file_limit

FILES_BESIDE_CONNECTIONS = 200
WARM_UP_SECONDS = 1.0
SILENCES_MAX = 20
LOSS_TIMEOUT_SECONDS = 15.0  # a fan-out to 10 000 takes the slowest peers seconds
IDLE_PAYLOAD_BYTES = 64
INTERVAL_SECONDS = 0.1  # within which the last delivery is known


def measure(
    row: Row | OpenRow, command: Sequence[str], seconds: float, wire: Wire = ITTY
) -> Figures:
    """Start the server, load it, read what it used; `seconds` is the measured part of a load row."""
    raise_file_limit(row.connections + FILES_BESIDE_CONNECTIONS)
    with pinned_to_load_core(), ServerProcess(command) as server:
        if isinstance(row, OpenRow):
            return measure_opening(row, server, wire)
        return measure_load(row, server, seconds, wire)


def measure_load(row: Row, server: ServerProcess, seconds: float, wire: Wire) -> Figures:
    generator = connected(row, server, wire)
    settle(generator)
    generator.run(WARM_UP_SECONDS)
    figures = measure_run(generator, server, seconds)
    generator.close(0)
    return figures


def connected(row: Row, server: ServerProcess, wire: Wire = ITTY) -> Generator:
    """The row's load, its connections open."""
    generator = Generator(
        server.port,
        channels=row.channels,
        members=row.members,
        in_flight=row.in_flight,
        loss_timeout_seconds=LOSS_TIMEOUT_SECONDS,
        **wire.speech("bench-{channel}", row.payload_bytes),
        senders=row.members if row.everyone_sends else 1,
    )
    generator.connect()
    return generator


def settle(generator: Generator) -> None:
    """Until nothing has come for a while: some servers let a connection join only some time after its 101."""
    for _ in range(SILENCES_MAX):
        report = generator.hold(measured.SETTLE_SECONDS)
        if not report.joins + report.events:  # pings are no sign of anything
            return


def measure_run(generator: Generator, server: ServerProcess, seconds: float) -> Figures:
    """What the server used for exactly the messages of one run.

    Rates and shares are of the time in which there was something to do, until the last delivery: after it nobody works, and when
    something is lost the generator waits for it as long as `LOSS_TIMEOUT_SECONDS`.
    """
    run = measured.measure_run(generator, server, seconds, interval_seconds=INTERVAL_SECONDS)
    assert run.server is not None
    return figures_of(run.report, run.own, run.server)


def figures_of(report: RunReport, own: Usage, used: Usage) -> Figures:
    """The figures of a run, of what this thread used for it and what the server did. What nothing arrived for is no number."""
    nothing = float("nan")
    busy = max(measured.busy_seconds(report), 1e-9)
    last = measured.last_delivery_seconds(report)
    return Figures(
        units_per_second=report.delivered / last if last else 0.0,
        server_us=used.ran * 1e6 / report.delivered if report.delivered else nothing,
        p50_ms=report.latency.p50 * 1e3 if report.delivered else nothing,
        p99_ms=report.latency.p99 * 1e3 if report.delivered else nothing,
        wrong=wrong_in(report),
        server_utilisation=used.ran / busy,
        generator_utilisation=report.cpu_seconds / busy,
        disturbance=max(used.waited, own.waited) / busy,
    )


def wrong_in(report: RunReport) -> int:
    wrong = (report.lost, report.duplicated, report.reordered, report.unexpected, report.dropped)
    return sum(wrong) + report.errors + report.stale


def idle(channels: str, row: OpenRow, count: int, server: ServerProcess, wire: Wire) -> Generator:
    """Idle connections of so many channels of that name, not open yet."""
    speech = wire.speech(channels, IDLE_PAYLOAD_BYTES)
    return Generator(server.port, channels=count, members=row.members, **speech)


def measure_opening(row: OpenRow, server: ServerProcess, wire: Wire) -> Figures:
    # The first connections make a server compile, import and allocate; they stay open, so that what the
    # measured ones add is all their own.
    warm_up = idle("warm-{channel}", row, row.warm_up_channels, server, wire)
    warm_up.connect()
    settle(warm_up)
    generator = idle("bench-{channel}", row, row.channels, server, wire)
    opening = measured.measure_opening(generator, server)
    report, used = opening.report, opening.server
    assert used is not None
    assert opening.held_bytes is not None
    wrong = row.channels * row.members - generator.open_connections
    for each in (generator, warm_up):
        each.close(0)
    return Figures(
        units_per_second=report.per_second,
        server_us=used.ran * 1e6 / report.opened,
        p50_ms=report.latency.p50 * 1e3,
        p99_ms=report.latency.p99 * 1e3,
        wrong=wrong,
        server_utilisation=used.ran / report.seconds,
        generator_utilisation=report.cpu_seconds / report.seconds,
        disturbance=max(used.waited, opening.own.waited) / report.seconds,
        bytes_per_connection=opening.held_bytes / report.opened,
        is_load=False,
    )
