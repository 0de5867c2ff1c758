"""Exactly one thing measured: what the generator reports of it, and what the server and this thread used meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass

from relay._load import ConnectReport, Generator, Interval, RunReport
from relay.bench.usage import Usage, Watched, own_usage

SETTLE_SECONDS = 0.5


@dataclass(frozen=True)
class MeasuredRun:
    """`server` is None when nobody may look at it, or when it ended."""

    report: RunReport
    own: Usage
    server: Usage | None


@dataclass(frozen=True)
class MeasuredOpening:
    """`held_bytes` is what the server's resident memory grew by, the connections being idle for half a second."""

    report: ConnectReport
    own: Usage
    server: Usage | None
    held_bytes: int | None


def last_delivery_seconds(report: RunReport) -> float:
    """When it was, from the beginning of the run: what follows is the wait for what is lost. 0 when nothing was delivered."""
    return max((each.ended for each in report.intervals if each.delivered), default=0.0)


def busy_seconds(report: RunReport) -> float:
    """In which there was something to do: shares of a core are of these. To wait for what is lost is no rest."""
    return max(last_delivery_seconds(report), report.sending_seconds)


def measure_run(
    generator: Generator,
    server: Watched | None,
    seconds: float,
    *,
    rate: float = 0.0,
    churn: float = 0.0,
    interval_seconds: float = 0.0,
    watch: Callable[[Interval], object] | None = None,
) -> MeasuredRun:
    """Run, and read right before and right after what was used."""
    before, own_before = server.usage() if server else None, own_usage()
    report = generator.run(
        seconds, rate=rate, churn=churn, interval_seconds=interval_seconds, watch=watch
    )
    own = own_usage() - own_before
    return MeasuredRun(report, own, _used_since(server, before))


def _used_since(server: Watched | None, before: Usage | None) -> Usage | None:
    """None, too, of a server that has ended meanwhile: what came of the messages is worth telling all the same.

    Until its parent has waited for it, it is still there, without memory; that is gone before its connections are.
    """
    if server is None or before is None:
        return None
    try:
        used = server.usage() - before
        return used if server.resident_bytes() else None
    except (FileNotFoundError, ProcessLookupError):
        return None


def measure_opening(
    generator: Generator,
    server: Watched | None,
    *,
    timeout_seconds: float = 60.0,
    rate: float = 0.0,
    watch: Callable[[int], object] | None = None,
) -> MeasuredOpening:
    """Connect, and wait until the server has made of the connections what it makes of them. Raises what `connect` raises."""
    resident = server.resident_bytes() if server else 0
    before, own_before = server.usage() if server else None, own_usage()
    report = generator.connect(timeout_seconds, rate=rate, watch=watch)
    own = own_usage() - own_before
    if generator.open_connections:
        generator.hold(SETTLE_SECONDS)
    if server is None or before is None:
        return MeasuredOpening(report, own, None, None)
    return MeasuredOpening(report, own, server.usage() - before, server.resident_bytes() - resident)
