"""What a running relay tells of itself in figures, taken at one moment: `/api/stats`, `/metrics` and the dashboard show it.

No name, no uid and no address is in it. It is taken in one go, without a wait, so that its figures agree with one another.
"""

import os
from typing import Any, Final, Protocol

import msgspec

from relay import __version__, vitals
from relay.headroom import Load, resources, shares_left
from relay.settings.config import Settings
from relay.wording import epoch_milliseconds

BACKLOGS_SHOWN: Final = 10


class Histogram(msgspec.Struct, frozen=True):
    """Counts of values up to each bound, not cumulative, and of those above all bounds; and the sum of the values."""

    bounds: list[float]
    counts: list[int]
    sum: float


class Worker(msgspec.Struct, frozen=True):
    """One process. `counters` only grow; `backlogs` are the largest, in bytes, the largest first.

    `loop_utilisation` is the share of the last seconds that was spent in turns, None when there have been too few of them;
    `headroom` is the share left of each resource, from 0 to 1, without those of which nothing is known.
    """

    worker: int
    pid: int
    counters: dict[str, float]
    gauges: dict[str, float]
    backlogs: list[int]
    loop_utilisation: float | None
    headroom: dict[str, float]
    histograms: dict[str, Histogram]


class Snapshot(msgspec.Struct, frozen=True):
    """The relay at `date`; that and `started` are milliseconds since the epoch."""

    version: str
    date: int
    started: int
    draining: bool
    limits: str
    workers: list[Worker]


class Reactor(Protocol):
    """What is asked of the core's reactor."""

    @property
    def connection_count(self) -> int: ...
    @property
    def handshake_count(self) -> int: ...
    @property
    def busy_seconds(self) -> float: ...
    def histograms(self) -> dict[str, dict[str, Any]]: ...
    def backlogs(self, limit: int = 10) -> tuple[int, list[int]]: ...


class Relay(Protocol):
    """What is asked of the server: figures that it has anyway."""

    settings: Settings
    started: int
    file_limit: int
    max_connections: int

    @property
    def reactor(self) -> Reactor: ...
    @property
    def is_ending(self) -> bool: ...
    def stats(self) -> dict[str, int]: ...
    def gauges(self) -> dict[str, int]: ...


class Watch(Protocol):
    """What is asked of the one who looks at the load all the time."""

    @property
    def available_bytes(self) -> int | None: ...
    def load_of(self, relay: Relay) -> Load | None: ...


def take_snapshot(relay: Relay, watch: Watch) -> Snapshot:
    """The relay as it is now; a millisecond or so, even with a hundred thousand connections."""
    return Snapshot(
        version=__version__,
        date=epoch_milliseconds(),
        started=relay.started,
        draining=relay.is_ending,
        limits=relay.settings.limits,
        workers=[_take_worker(relay, watch)],
    )


def _take_worker(relay: Relay, watch: Watch) -> Worker:
    reactor = relay.reactor
    backlogged, backlogs = reactor.backlogs(BACKLOGS_SHOWN)
    gauges = relay.gauges()
    connections = reactor.connection_count
    load = watch.load_of(relay)
    resident_bytes = vitals.resident_bytes()
    open_files = vitals.open_files(connections + gauges["http_connections"])
    return Worker(
        worker=0,
        pid=os.getpid(),
        counters={
            **relay.stats(),
            "cpu_seconds": vitals.cpu_seconds(),
            "busy_seconds": reactor.busy_seconds,
        },
        gauges={
            "connections": connections,
            "handshakes": reactor.handshake_count,
            **gauges,
            "backlogged": backlogged,
            "max_connections": relay.max_connections,
            "resident_bytes": resident_bytes,
            "open_files": open_files,
            "file_limit": relay.file_limit,
        },
        backlogs=backlogs,
        loop_utilisation=None if load is None else load.busy,
        headroom=shares_left(
            resources(
                load,
                (connections, relay.max_connections),
                (open_files, relay.file_limit),
                resident_bytes,
                watch.available_bytes,
            )
        ),
        histograms={
            name: Histogram(**histogram) for name, histogram in reactor.histograms().items()
        },
    )
