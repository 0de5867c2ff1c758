"""What `relay top` shows of a moment: rows with a name for programs, one for people, and how it is read and written."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from relay.commands.quantities import count, fold, rate, seconds, share, size, size_rate
from relay.commands.rates import Figures, Moment, Numbers, quantile

Read: TypeAlias = Callable[[Figures], float | None]

REFUSED: Final = "refused_"
CLOSED: Final = "closed_"
PART_INDENT: Final = "  "
_PARTS: Final = {"refusals_per_second": REFUSED, "closes_per_second": CLOSED}


class Row(NamedTuple):
    """One figure. `column` heads it where there is little room."""

    key: str
    label: str
    column: str
    write: Callable[[float | None], str]
    read: Read


def _gauge(name: str) -> Read:
    return lambda figures: figures.gauges.get(name)


def _rate(*names: str) -> Read:
    """Of these counters together; None where none of them is told."""

    def read(figures: Figures) -> float | None:
        known = (
            [figures.rates[name] for name in names if name in (figures.rates or {})]
            if figures.rates
            else []
        )
        return sum(known) if known else None

    return read


def _rate_of_all(prefix: str) -> Read:
    def read(figures: Figures) -> float | None:
        return (
            sum(with_prefix(figures.rates, prefix).values()) if figures.rates is not None else None
        )

    return read


def _rate_of_part(name: str) -> Read:
    """0 where it has not been counted yet."""
    return lambda figures: None if figures.rates is None else figures.rates.get(name, 0.0)


def _mean_rate(name: str) -> Read:
    read = _rate(name)

    def mean(figures: Figures) -> float | None:
        value = read(figures)
        return None if value is None else value / figures.worker_count

    return mean


def _turns(q: float) -> Read:
    return lambda figures: quantile(figures.turns, q)


def _left(figures: Figures) -> float | None:
    """The share left of what ends first."""
    return min(figures.headroom.values(), default=None)


def _growth(figures: Figures) -> float | None:
    """How many times today's load may be carried, at least: what is in use grows no faster than the load."""
    left = _left(figures)
    return None if left is None or left >= 1 else 1 / (1 - left)


ROWS: Final = (
    Row("connections", "connections", "conns", count, _gauge("connections")),
    Row("channels", "channels", "chans", count, _gauge("channels")),
    Row("streams", "event-stream readers", "streams", count, _gauge("streams")),
    Row("joins_per_second", "new connections", "joins", rate, _rate("admitted")),
    Row("messages_per_second", "messages", "msgs", rate, _rate("messages", "published")),
    Row("deliveries_per_second", "deliveries", "deliv", rate, _rate("deliveries")),
    Row("bytes_in_per_second", "bytes in", "in", size_rate, _rate("bytes_in")),
    Row("bytes_out_per_second", "bytes out", "out", size_rate, _rate("bytes_out")),
    Row("turn_p50_seconds", "turn time, p50", "p50", seconds, _turns(0.5)),
    Row("turn_p99_seconds", "turn time, p99", "p99", seconds, _turns(0.99)),
    Row("loop_utilisation", "loop utilisation", "loop", share, _mean_rate("busy_seconds")),
    Row("cpu_utilisation", "CPU, of one core", "cpu", share, _rate("cpu_seconds")),
    Row("headroom", "headroom", "left", share, _left),
    Row("growth", "load may grow to", "growth", fold, _growth),
    Row("resident_bytes", "memory", "memory", size, _gauge("resident_bytes")),
    Row("backlogged", "slow readers", "slow", count, _gauge("backlogged")),
    Row("worst_backlog_bytes", "worst backlog", "backlog", size, lambda figures: max(figures.backlogs, default=0)),
    Row("kicks_per_second", "kicks", "kicks", rate, _rate("kicked")),
    Row("blocks_per_second", "blocks", "blocks", rate, _rate("blocks")),
    Row("refusals_per_second", "refusals", "refused", rate, _rate_of_all(REFUSED)),
    Row("closes_per_second", "connections closed", "closed", rate, _rate_of_all(CLOSED)),
)  # fmt: skip


def rows_of(total: Figures) -> Iterator[Row]:
    """All rows: below those of refusals and of closed connections one for each reason and each close code there has been."""
    for row in ROWS:
        yield row
        if prefix := _PARTS.get(row.key):
            yield from _part_rows(total, prefix)
        if row.key == "headroom":
            yield from _resource_rows(total)


def _part_rows(total: Figures, prefix: str) -> Iterator[Row]:
    numbers = with_prefix(total.counters, prefix)
    for part in sorted(numbers, key=numbers.__getitem__, reverse=True):
        if numbers[part]:
            label = f"{PART_INDENT}{part.replace('_', ' ')}"
            yield Row(prefix + part, label, part, rate, _rate_of_part(prefix + part))


def _resource_rows(total: Figures) -> Iterator[Row]:
    """What ends first comes first."""
    for name in sorted(total.headroom, key=total.headroom.__getitem__):
        label = f"{PART_INDENT}{name.replace('_', ' ')}"
        yield Row(f"headroom_{name}", label, name, share, _left_of(name))


def _left_of(name: str) -> Read:
    return lambda figures: figures.headroom.get(name)


def ends_first(figures: Figures) -> str | None:
    """Of which resource the least is left; None when nothing is known."""
    return min(figures.headroom, key=figures.headroom.__getitem__, default=None)


def with_prefix(numbers: Numbers | None, prefix: str) -> dict[str, float]:
    """Those whose name begins so, by the rest of their names."""
    return {
        name.removeprefix(prefix): number
        for name, number in (numbers or {}).items()
        if name.startswith(prefix)
    }


def for_programs(moment: Moment) -> dict[str, Any]:
    """A moment in plain values; what is not known is None."""
    snapshot = moment.snapshot
    return {
        "date": snapshot.date,
        "started": snapshot.started,
        "version": snapshot.version,
        "draining": snapshot.draining,
        "limits": snapshot.limits,
        "total": _values(moment.total),
        "workers": [
            {"worker": number, **_values(figures)} for number, figures in moment.workers.items()
        ],
    }


def _values(figures: Figures) -> dict[str, Any]:
    return {
        **{row.key: row.read(figures) for row in ROWS},
        "refused_per_second": with_prefix(figures.rates, REFUSED) if figures.rates else None,
        "closed_per_second": with_prefix(figures.rates, CLOSED) if figures.rates else None,
        "backlogs_bytes": figures.backlogs,
        "ends_first": ends_first(figures),
        "headroom_shares": figures.headroom,
    }
