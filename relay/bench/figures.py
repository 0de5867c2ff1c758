"""The figures of a run, as plain values: the JSON report, from which the text and the page are written, too.

Names hold their units; times are milliseconds where they are latencies, and seconds where they are not.
"""

import math
from typing import Any, Final

from relay._load import Latency, RunReport
from relay._version import __version__
from relay.bench.drive import Result
from relay.bench.machine import hardware, system
from relay.bench.measured import MeasuredOpening, MeasuredRun, last_delivery_seconds
from relay.bench.plan import Plan
from relay.bench.verdict import judge, shares_of

SCHEMA: Final = 1
_CURVE_STEPS: Final = 20  # points of the latency curve per halving of what is left above


def figures_of(result: Result) -> dict[str, Any]:
    """All figures; what was not measured is None."""
    verdict = judge(result)
    run = result.run
    return {
        "schema": SCHEMA,
        "relay_version": __version__,
        "started_at": result.started_at.isoformat(timespec="seconds"),
        "machine": {"hardware": hardware(), "system": system()},
        "plan": plan_figures(result),
        "verdict": {
            "is_valid": verdict.is_valid,
            "text": str(verdict),
            "notes": list(verdict.notes),
        },
        "connecting": connecting_figures(result.opening),
        "messages": message_figures(run.report) if run else None,
        "deliveries": delivery_figures(run.report) if run else None,
        "latency_ms": latency_figures(run.report) if run else None,
        "events": event_figures(run.report) if run else None,
        "connections": connection_figures(result),
        "churn": churn_figures(result),
        "slow_readers": slow_reader_figures(result),
        "server": server_figures(result),
        "generator": generator_figures(run) if run else None,
        "time_line": time_line(run.report) if run else [],
        "receivers_ms": receiver_figures(run.report) if run else [],
    }


def plan_figures(result: Result) -> dict[str, Any]:
    plan = result.plan
    return {
        "url": plan.target.url,
        "protocol": plan.target.protocol,
        "channels": plan.channels,
        "members": plan.members,
        "senders": plan.senders,
        "connections": plan.connections,
        "loop": loop_of(plan),
        "rate_per_second": plan.rate if loop_of(plan) == "open" else None,
        "in_flight_per_channel": plan.in_flight if loop_of(plan) == "closed" else None,
        "payload_bytes": result.message_bytes,
        "seconds": plan.seconds,
        "warm_up_seconds": plan.warm_up_seconds,
        "churn_per_second": plan.churn,
        "slow_readers": plan.stalled,
        "source_addresses": len(plan.sources),
    }


def loop_of(plan: Plan) -> str:
    if not plan.has_load:
        return "none"
    return "open" if plan.is_open_loop else "closed"


def connecting_figures(opening: MeasuredOpening) -> dict[str, Any]:
    report = opening.report
    used = opening.server.ran if opening.server else None
    return {
        "opened": report.opened,
        "seconds": report.seconds,
        "per_second": report.per_second,
        "latency_ms": milliseconds(report.latency),
        "server_cpu_us_each": used / report.opened * 1e6 if used is not None else None,
    }


def message_figures(report: RunReport) -> dict[str, Any]:
    sending = report.sending_seconds
    return {
        "offered": report.offered,
        "sent": report.sent,
        "unsent": report.unsent,
        "sent_per_second": report.sent / sending if sending else 0.0,
        "seconds": report.seconds,
    }


def delivery_figures(report: RunReport) -> dict[str, Any]:
    return {
        "expected": report.expected,
        "delivered": report.delivered,
        "per_second": report.delivered / (last_delivery_seconds(report) or report.seconds or 1.0),
        "ratio": report.delivered / report.expected if report.expected else None,
        "lost": report.lost,
        "duplicated": report.duplicated,
        "reordered": report.reordered,
        "stale": report.stale,
        "unexpected": report.unexpected,
        "echoed": report.echoed,
        "of_other_channels": report.foreign,
        "fragments": report.fragments,
        "reserved_bits": report.reserved,
        "received_bytes": report.received_bytes,
    }


def latency_figures(report: RunReport) -> dict[str, Any]:
    worst = worst_receiver(report)
    return {
        "all": milliseconds(report.latency),
        "worst_receiver": milliseconds(report.receivers[worst]) if worst is not None else None,
        "worst_receiver_number": worst,
        "curve": curve(report.distribution, report.latency.longest),
    }


def milliseconds(latency: Latency) -> dict[str, float | None]:
    """Without samples there is no latency, and none is 0."""
    if not latency.samples:
        return {"samples": 0} | dict.fromkeys(("p50", "p90", "p99", "p99_9", "max"))
    return {
        "samples": latency.samples,
        "p50": latency.p50 * 1e3,
        "p90": latency.p90 * 1e3,
        "p99": latency.p99 * 1e3,
        "p99_9": latency.p999 * 1e3,
        "max": latency.longest * 1e3,
    }


def worst_receiver(report: RunReport) -> int | None:
    """The one with the highest p99, and of several with the same the one with the longest."""
    numbers = [i for i, each in enumerate(report.receivers) if each.samples]
    return max(
        numbers, key=lambda i: (report.receivers[i].p99, report.receivers[i].longest), default=None
    )


def curve(distribution: tuple[tuple[float, int], ...], longest: float) -> list[list[float]]:
    """The latency at percentiles that get denser towards 100, as [percentile, milliseconds]; the longest is the last.

    The distances are those of HDR histograms' own plots: each halving of what is left above has the same number of points.
    """
    total = sum(count for _, count in distribution)
    points: list[list[float]] = []
    seen, step = 0, 0
    for seconds, count in distribution:
        seen += count
        while step <= _CURVE_STEPS * math.log2(total) and seen >= total * (
            left := 1 - 2 ** (-step / _CURVE_STEPS)
        ):
            points.append([left * 100, min(seconds, longest) * 1e3])
            step += 1
    if total:
        points.append([100.0, longest * 1e3])
    return points


def event_figures(report: RunReport) -> dict[str, Any]:
    return {
        "joins": report.joins,
        "leaves": report.leaves,
        "errors": report.errors,
        "rate_limited": report.limited,
        "other": report.events,
        "pings": report.pings,
    }


def connection_figures(result: Result) -> dict[str, Any]:
    """Close codes as text, for JSON has no other keys."""
    during = result.run.report.close_codes if result.run else {}
    at_end = {
        code: count - during.get(code, 0)
        for code, count in result.closing.close_codes.items()
        if count > during.get(code, 0)
    }
    return {
        "ended_by_server": result.run.report.dropped if result.run else sum(during.values()),
        "close_codes": {str(code): count for code, count in during.items()},
        "close_codes_at_end": {str(code): count for code, count in at_end.items()},
        "failed_by_generator": result.closing.faults,
    }


def churn_figures(result: Result) -> dict[str, Any] | None:
    if not result.plan.churn or result.run is None:
        return None
    report = result.run.report
    return {
        "left": report.left,
        "returned": report.returned,
        "not_returned": report.not_returned,
        "refusals": {how.removeprefix("with "): count for how, count in report.refusals.items()},
        "late": report.late_visits,
        "returned_per_second": report.returned / report.sending_seconds
        if report.sending_seconds
        else 0.0,
        "connect_ms": milliseconds(report.returning),
    }


def slow_reader_figures(result: Result) -> dict[str, Any] | None:
    if not result.plan.stalled:
        return None
    stalled = result.closing.stalled
    return {
        "connections": stalled.stalled,
        "told_of_gap": stalled.told_of_gap,
        "closed_by_server": sum(stalled.close_codes.values()),
        "close_codes": {str(code): count for code, count in stalled.close_codes.items()},
    }


def server_figures(result: Result) -> dict[str, Any] | None:
    """What the server used, when its process was named."""
    if result.opening.held_bytes is None:
        return None
    run = result.run
    shares = shares_of(run) if run else None
    per_delivery = None
    if run and run.server and run.report.delivered:
        per_delivery = run.server.ran / run.report.delivered * 1e6
    return {
        "pid": result.plan.pid,
        "cpu_share": shares.server if shares else None,
        "waited_share": shares.server_waited if shares else None,
        "cpu_us_per_delivery": per_delivery,
        "resident_bytes_per_connection": result.opening.held_bytes / result.opening.report.opened,
    }


def generator_figures(run: MeasuredRun) -> dict[str, Any]:
    shares = shares_of(run)
    return {
        "cpu_share": shares.own,
        "waited_share": shares.own_waited,
        "lateness_ms": milliseconds(run.report.lateness),
        "reads": run.report.reads,
        "writes": run.report.writes,
    }


def time_line(report: RunReport) -> list[dict[str, float | None]]:
    return [
        {
            "at_seconds": each.ended,
            "sent_per_second": each.sent / each.seconds,
            "deliveries_per_second": each.delivered / each.seconds,
            "p50_ms": each.p50 * 1e3 if each.delivered else None,
            "p99_ms": each.p99 * 1e3 if each.delivered else None,
            "max_ms": each.longest * 1e3 if each.delivered else None,
        }
        for each in report.intervals
    ]


def receiver_figures(report: RunReport) -> list[dict[str, float | None]]:
    """In the order of their p99, those that got something."""
    got = [(each.p99, i, each) for i, each in enumerate(report.receivers) if each.samples]
    return [{"number": i, **milliseconds(each)} for _, i, each in sorted(got)]
