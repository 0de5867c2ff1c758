"""`/metrics`: the snapshot in the words of Prometheus, by its library.

Names follow the practice of Prometheus: base units, `_total` for what only grows. All processes of the relay are summed, but for
`relay_worker_…`, which tell whether one of them is at its limit. Nothing is labelled by channel, member or address: labels are
close codes and reasons, of which there are a few.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from relay.admin.snapshot import Histogram, Snapshot, Worker


class Meaning(NamedTuple):
    """A metric's name and help."""

    name: str
    help: str


COUNTERS: Final = {
    "accepted": Meaning("relay_accepted_connections", "TCP connections accepted by the public listener."),
    "admitted": Meaning("relay_admitted_members", "Connections that became members of a channel or a room."),
    "refused": Meaning("relay_refused_connections", "Connections refused before or instead of an upgrade."),
    "full_house": Meaning("relay_full_house_refusals", "Connections refused because max_connections were there."),
    "not_http": Meaning("relay_not_http_connections", "Connections that did not begin with HTTP."),
    "bad_proxy_header": Meaning("relay_bad_proxy_headers", "Connections without the PROXY header that is expected."),
    "head_too_large": Meaning("relay_too_large_heads", "Requests whose head was too large."),
    "timed_out": Meaning("relay_timed_out_handshakes", "Heads of requests that did not arrive in time."),
    "crowded_out": Meaning("relay_crowded_out_handshakes", "Unfinished handshakes cut to make room for newer ones."),
    "messages": Meaning("relay_messages", "Messages received from members, whatever became of them."),
    "published": Meaning("relay_published_messages", "Messages published over HTTP."),
    "deliveries": Meaning("relay_deliveries", "Messages times the members they went to."),
    "errors": Meaning("relay_error_events", "Messages answered by an error."),
    "over_message_rate": Meaning("relay_over_message_rate_messages", "Messages over message_rate, dropped unless in a dry run."),
    "over_byte_rate": Meaning("relay_over_byte_rate_messages", "Messages over byte_rate, dropped unless in a dry run."),
    "denied": Meaning("relay_denied_messages", "Messages dropped for want of a send key."),
    "warned": Meaning("relay_rate_warnings", "Warnings of a rate that were sent."),
    "kicked": Meaning("relay_rate_kicks", "Connections closed for their rate, or in a dry run only counted."),
    "slow_consumers": Meaning("relay_slow_consumers", "Slow consumers that were closed."),
    "gaps": Meaning("relay_slow_consumer_gaps", "Times that a slow consumer was spared messages."),
    "skipped": Meaning("relay_skipped_messages", "Messages that slow consumers were spared."),
    "silent": Meaning("relay_silent_members", "Members dropped because no sign of life came."),
    "faults": Meaning("relay_protocol_faults", "Connections failed for what they sent."),
    "crashes": Meaning("relay_contained_exceptions", "Exceptions that were contained; each is a fault of the relay."),
    "turns": Meaning("relay_turns", "Turns of the loop that moves messages."),
    "wakeups": Meaning("relay_wakeups", "Times that the loop had nothing to do, and then had."),
    "rounds": Meaning("relay_rounds", "Rounds of reading and sending, of which turns are made."),
    "reads": Meaning("relay_read_calls", "System calls that read from members."),
    "sends": Meaning("relay_send_calls", "System calls that sent to members."),
    "bytes_in": Meaning("relay_received_bytes", "Bytes received from members."),
    "bytes_out": Meaning("relay_sent_bytes", "Bytes sent to members."),
    "blocks": Meaning("relay_address_blocks", "Blocks of addresses, after a kick or by an operator."),
}  # fmt: skip
"""The counters of the snapshot that have a metric of their own."""

LABELLED: Final = {
    "closed_": (Meaning("relay_closed_members", "Members that left, by close code; 1006 without a close frame."), "code"),
    "refused_": (Meaning("relay_refused_requests", "Requests refused, by reason."), "reason"),
    "spared_": (Meaning("relay_spared_requests", "Requests that a dry run let pass, by what spoke against them."), "reason"),
}  # fmt: skip
"""Counters that are one metric together, by what they begin with, and the label for the rest of their names."""

PER_WORKER: Final = {
    "cpu_seconds": Meaning("relay_worker_cpu_seconds", "Processor time of one worker; 1 a second is all there is."),
    "busy_seconds": Meaning("relay_worker_busy_seconds", "Time that one worker spent in turns; 1 a second is all there is."),
}  # fmt: skip

GAUGES: Final = {
    "connections": Meaning("relay_connections", "Connections to the public listener, without plain HTTP."),
    "max_connections": Meaning("relay_max_connections", "Connections that there is room for."),
    "handshakes": Meaning("relay_handshakes", "Connections whose opening handshake is not over."),
    "channels": Meaning("relay_channels", "Channels and party rooms with a member."),
    "streams": Meaning("relay_event_streams", "Members that read an event stream."),
    "http_connections": Meaning("relay_http_connections", "Connections for plain HTTP."),
    "blocked_addresses": Meaning("relay_blocked_addresses", "Addresses that are blocked."),
    "backlogged": Meaning("relay_backlogged_members", "Members whose socket does not take what waits for them."),
    "resident_bytes": Meaning("process_resident_memory_bytes", "Resident memory."),
    "open_files": Meaning("process_open_fds", "Open file descriptors."),
    "file_limit": Meaning("process_max_fds", "Most file descriptors there may be."),
}  # fmt: skip

HEADROOM: Final = Meaning(
    "relay_worker_headroom_ratio", "Share left to one worker of what can end, from 1 to 0."
)
LOOP_UTILISATION: Final = Meaning(
    "relay_worker_loop_utilisation_ratio",
    "Share of the last 10 seconds that one worker spent in turns.",
)

HISTOGRAMS: Final = {
    "turn_seconds": Meaning("relay_turn_seconds", "How long a turn of the loop that moves messages took."),
    "fanout_members": Meaning("relay_fanout_members", "How many members a message went to."),
}  # fmt: skip


class _RelayCollector(Collector):
    """Tells the library of a snapshot that is taken when it asks."""

    def __init__(self, take: Callable[[], Snapshot]) -> None:
        self._take = take

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: or the library would take a snapshot before there is a server."""
        return ()

    def collect(self) -> Iterator[Metric]:
        snapshot = self._take()
        workers = snapshot.workers
        yield _build_info(snapshot)
        yield from _states(snapshot)
        yield from _counters(workers)
        yield from _labelled(workers)
        yield from _gauges(workers)
        yield from _per_worker(workers)
        yield _loop_utilisation(workers)
        yield _headroom(workers)
        yield from _histograms(workers)


class Metrics:
    """Answers scrapes."""

    def __init__(self, take: Callable[[], Snapshot]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_RelayCollector(take))

    def render(self, accept: str) -> tuple[str, bytes]:
        """The content type, as far as the library speaks what is accepted, and the metrics in it."""
        try:
            encode, content_type = choose_encoder(accept)
        except (
            TypeError,
            ValueError,
        ):  # it compares versions as numbers, which those of a client need not be
            encode, content_type = choose_encoder("")
        return content_type, encode(self._registry)


def _build_info(snapshot: Snapshot) -> Metric:
    return InfoMetricFamily("relay_build", "The relay's version.", {"version": snapshot.version})


def _states(snapshot: Snapshot) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "process_start_time_seconds", "When the relay started.", snapshot.started / 1000
    )
    yield GaugeMetricFamily(
        "relay_draining", "1 while everyone is being closed, otherwise 0.", int(snapshot.draining)
    )


def _counters(workers: list[Worker]) -> Iterator[Metric]:
    for key, (name, text) in COUNTERS.items():
        yield CounterMetricFamily(
            name, text, _sum(worker.counters.get(key, 0) for worker in workers)
        )
    cpu = _sum(worker.counters["cpu_seconds"] for worker in workers)
    yield CounterMetricFamily("process_cpu_seconds", "Processor time, user and system.", cpu)


def _labelled(workers: list[Worker]) -> Iterator[Metric]:
    for prefix, ((name, text), label) in LABELLED.items():
        family = CounterMetricFamily(name, text, labels=[label])
        keys = {key for worker in workers for key in worker.counters if key.startswith(prefix)}
        for key in sorted(keys):
            value = _sum(worker.counters.get(key, 0) for worker in workers)
            family.add_metric([key.removeprefix(prefix)], value)
        yield family


def _gauges(workers: list[Worker]) -> Iterator[Metric]:
    for key, (name, text) in GAUGES.items():
        yield GaugeMetricFamily(name, text, _sum(worker.gauges[key] for worker in workers))
    worst = max((worker.backlogs[0] for worker in workers if worker.backlogs), default=0)
    yield GaugeMetricFamily(
        "relay_worst_backlog_bytes",
        "Bytes that wait for the member that is furthest behind.",
        worst,
    )


def _per_worker(workers: list[Worker]) -> Iterator[Metric]:
    for key, (name, text) in PER_WORKER.items():
        family = CounterMetricFamily(name, text, labels=["worker"])
        for worker in workers:
            family.add_metric([str(worker.worker)], worker.counters[key])
        yield family


def _loop_utilisation(workers: list[Worker]) -> Metric:
    family = GaugeMetricFamily(*LOOP_UTILISATION, labels=["worker"])
    for worker in workers:
        if worker.loop_utilisation is not None:
            family.add_metric([str(worker.worker)], worker.loop_utilisation)
    return family


def _headroom(workers: list[Worker]) -> Metric:
    family = GaugeMetricFamily(*HEADROOM, labels=["worker", "resource"])
    for worker in workers:
        for resource, left in worker.headroom.items():
            family.add_metric([str(worker.worker), resource], left)
    return family


def _histograms(workers: list[Worker]) -> Iterator[Metric]:
    for key, (name, text) in HISTOGRAMS.items():
        found = [worker.histograms[key] for worker in workers]
        yield HistogramMetricFamily(
            name, text, buckets=_buckets(found), sum_value=_sum(each.sum for each in found)
        )


def _buckets(found: list[Histogram]) -> list[tuple[str, float]]:
    """Cumulative, as Prometheus has them; all workers have the same bounds."""
    bounds = [*map(str, found[0].bounds), "+Inf"]
    sums = map(_sum, zip(*(each.counts for each in found), strict=True))
    return list(zip(bounds, accumulate(sums), strict=True))


def _sum(values: Iterable[float]) -> float:
    return sum(values)
