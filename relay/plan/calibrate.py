"""Measure the prices of this machine, in some 100 seconds: loads that differ in what they are made of, and a fit.

Each load is run in several passes, which go there and back through all of them, and the geometric mean of its runs counts: a
shared machine makes the same load dearer or cheaper by a tenth or by half, for a moment or for minutes. What lasts for minutes
meets all loads alike then, and what does not evens out.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from statistics import geometric_mean
from typing import Final, NamedTuple

import msgspec

from relay._load import Generator
from relay._version import __version__
from relay.bench.usage import kernel_cache_bytes, raise_file_limit
from relay.plan.disturbance import Disturbance
from relay.plan.fit import Observation, fit, mean
from relay.plan.here import this_machine
from relay.plan.idleness import Pause
from relay.plan.prices import FORMAT, Calibration, Memory, Prices, coldness
from relay.plan.rounds import EVEN, simulate
from relay.plan.subject import Subject, two_cores, usable_cores
from relay.plan.workload import Workload

SECONDS: Final = 0.6
WARM_UP_SECONDS: Final = 0.3
IDLE_CONNECTIONS: Final = 8000
IDLE_WARM_UP: Final = 500
MANY_MEMBERS: Final = 50
IDLE_CHANNELS: Final = 1000
FEW_MEMBERS: Final = 2
SETTLE_SECONDS: Final = 0.5
FILES_BESIDE_CONNECTIONS: Final = 200
PASSES: Final = 3
VISITED: Final = Workload(
    connections=100,
    channel_size=5.0,
    messages=0.5,
    payload_bytes=64,
    joins=100.0,
    ping_interval=0.0,
)
VISITED_SECONDS: Final = 1.0
_NAMES: Final = (
    "turn",
    "sleep",
    "wake",
    "round",
    "read",
    "message",
    "send",
    "cold",
    "chill",
    "stale",
    "lapse",
    "byte_in",
    "byte_out",
    "byte_chill",
)
_KIB: Final = 1024

Tell = Callable[[str], object]
"""Is told what is measured next."""

Between = Callable[[], object]
"""Is called after each pass."""


class Probe(NamedTuple):
    """One load: so many messages in flight per channel, or so many a second in all."""

    name: str
    channels: int
    members: int
    in_flight: int = 1
    rate: float = 0.0
    senders: int = 1
    payload_bytes: int = 64


PROBES: Final = (
    Probe("one message at a time to one", 1, 2),
    Probe("one message at a time to many", 1, 100),
    Probe("a few messages at a time to many", 1, 100, in_flight=8),
    Probe("many messages at a time to few", 1, 4, in_flight=256),
    Probe("many messages at a time to many", 1, 100, in_flight=512),
    Probe("large messages", 4, 50, in_flight=4, payload_bytes=16 * _KIB),
    Probe("many small channels", 500, 4, senders=4),
    Probe("many small channels, now and then", 500, 4, rate=2000, senders=4, in_flight=64),
    Probe("a few messages a second", 50, 20, rate=200, senders=20, in_flight=64),
    Probe("many connections, now and then", 400, 20, rate=1000, senders=20, in_flight=64),
    Probe("many connections", 80, 100, senders=100),
    Probe("one channel, fifty times a second", 1, 100, rate=50, in_flight=64),
    Probe("a pair, now and then", 1, 2, rate=500, in_flight=64),
    Probe(
        "middling messages, now and then", 20, 20, rate=200, in_flight=64, payload_bytes=4 * _KIB
    ),
    Probe("large messages, now and then", 10, 30, rate=100, in_flight=64, payload_bytes=16 * _KIB),
    Probe("a busy process", 100, 20, rate=4000, senders=20, in_flight=64),
    Probe("many pairs", 1000, 2, rate=3000, senders=2, in_flight=64),
    Probe("a pair, a hundred times a second", 1, 2, rate=100, in_flight=64),
    Probe("ten, a hundred times a second", 1, 10, rate=100, in_flight=64),
    Probe("a thousand, ten times a second", 1, 1000, rate=10, in_flight=64),
    Probe("hundreds, fifty times a second", 1, 400, rate=50, in_flight=64),
)


def calibrate(tell: Tell, passes: int = PASSES, between: Between = lambda: None) -> Calibration:
    """Measure, in so many passes, each of which runs all loads. What `between` measures after each pass has met the same moods of
    the machine. Raises SubjectError, and RuntimeError when too few files may be opened."""
    raise_file_limit(
        IDLE_CONNECTIONS + IDLE_WARM_UP + IDLE_CHANNELS * FEW_MEMBERS + FILES_BESIDE_CONNECTIONS
    )
    runs: dict[Probe, list[Observation]] = {probe: [] for probe in PROBES}
    visited = []
    with Disturbance(usable_cores()) as disturbance:
        with two_cores() as (core, _):
            tell("connections that come and stay")
            handshake, memory = _measure_connections(core)
        for number in range(passes):
            with two_cores() as (core, _):
                for probe in reversed(PROBES) if number % 2 else PROBES:
                    tell(f"{probe.name} ({number + 1} of {passes})")
                    runs[probe].append(_observe_alone(core, probe))
                tell(f"connections that come and go ({number + 1} of {passes})")
                visited.append(_busy_with_visits(core))
            between()
    found = fit([mean(each) for each in runs.values()], _NAMES)
    prices = Prices(**found.prices, handshake=handshake, visit=0.0)
    return Calibration(
        format=FORMAT,
        taken=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
        machine=this_machine(),
        prices=_with_visits(prices, geometric_mean(visited)),
        memory=memory,
        misfit=found.misfit,
        disturbance=disturbance.share,
    )


def _observe_alone(core: int, probe: Probe) -> Observation:
    with Subject(("--presence", "off"), core) as subject:
        return observe(subject, probe)


def observe(subject: Subject, probe: Probe, seconds: float = SECONDS) -> Observation:
    """What the relay did under one load, and what that cost."""
    generator = Generator(
        subject.port,
        channels=probe.channels,
        members=probe.members,
        senders=probe.senders,
        in_flight=probe.in_flight,
        payload_bytes=probe.payload_bytes,
    )
    generator.connect()
    generator.run(WARM_UP_SECONDS, rate=probe.rate)
    counted, used = subject.counters(), subject.watched.usage()
    report = generator.run(seconds, rate=probe.rate)
    cost = (subject.watched.usage() - used).ran
    counts = {
        name: value - counted[name] for name, value in subject.counters().items() if name in counted
    }
    generator.close(0)
    return Observation(
        probe.name, _paid(counts, probe.channels * probe.members, report.seconds - cost), cost * 1e6
    )


def _paid(counts: dict[str, float], connections: int, idle_seconds: float) -> dict[str, float]:
    """Counters of the server by the price they are paid with."""
    wakeups = max(counts["wakeups"], 1)
    pause = Pause(max(idle_seconds, 0.0) / wakeups)
    cooled = pause.cools(0.0, counts["sends"] / wakeups)
    return {
        "turn": counts["turns"],
        "sleep": wakeups * pause.asleep,
        "wake": wakeups * pause.roused,
        "round": counts["rounds"],
        "read": counts["reads"],
        "message": counts["messages"],
        "send": counts["sends"],
        "cold": wakeups * cooled.cold * coldness(connections),
        "chill": wakeups * cooled.chill,
        "stale": wakeups * cooled.stale,
        "lapse": wakeups * cooled.lapse,
        "byte_in": counts["bytes_in"],
        "byte_out": counts["bytes_out"],
        "byte_chill": wakeups * cooled.chill * counts["bytes_out"] / max(counts["sends"], 1),
    }


def _measure_connections(core: int) -> tuple[float, Memory]:
    """Microseconds of an opening handshake, and what connections and channels hold."""
    with Subject(("--presence", "off"), core) as subject:
        warm_up = _open(subject, "warm", IDLE_WARM_UP // MANY_MEMBERS, MANY_MEMBERS)
        warm_up.run(
            WARM_UP_SECONDS, rate=IDLE_WARM_UP
        )  # no page is touched for the first time later
        slab, used = kernel_cache_bytes(), subject.watched.usage()
        resident = subject.watched.resident_bytes()
        before = resident
        large = _open(subject, "large", IDLE_CONNECTIONS // MANY_MEMBERS, MANY_MEMBERS)
        cost = (subject.watched.usage() - used).ran
        kernel = kernel_cache_bytes() - slab
        held_large = subject.watched.resident_bytes() - resident
        resident += held_large
        small = _open(subject, "small", IDLE_CHANNELS, FEW_MEMBERS)
        held_small = subject.watched.resident_bytes() - resident
        for each in (small, large, warm_up):
            each.close(0)
    connection, channel = _two_unknowns(held_large, held_small)
    memory = Memory(
        base=before - connection * IDLE_WARM_UP - channel * (IDLE_WARM_UP // MANY_MEMBERS),
        connection=connection,
        channel=channel,
        kernel=max(kernel, 0) / 2 / IDLE_CONNECTIONS,  # both ends of each connection are here
    )
    return cost / IDLE_CONNECTIONS * 1e6, memory


def _with_visits(prices: Prices, busy: float) -> Prices:
    """A visit is what it takes more than the model makes of a load in which some come and go, by the other prices. That load
    took the share `busy` of its core."""
    left = busy - simulate(prices, VISITED, spacing=EVEN).busy
    return msgspec.structs.replace(prices, visit=max(left, 0.0) / VISITED.joins * 1e6)


def _busy_with_visits(core: int) -> float:
    """The share of the core that it took."""
    with Subject((), core) as subject:
        generator = Generator(
            subject.port,
            channels=VISITED.channels,
            members=round(VISITED.channel_size),
            senders=1,
            in_flight=64,
            payload_bytes=round(VISITED.payload_bytes),
            visitors=round(VISITED.joins),
        )
        generator.connect()
        rate, churn = VISITED.messages_per_second, VISITED.joins
        generator.run(WARM_UP_SECONDS, rate=rate, churn=churn)
        used = subject.watched.usage()
        report = generator.run(VISITED_SECONDS, rate=rate, churn=churn)
        busy = (subject.watched.usage() - used).ran / report.seconds
        generator.close(0)
    return busy


def _open(subject: Subject, name: str, channels: int, members: int) -> Generator:
    generator = Generator(
        subject.port, path=f"/c/{name}-{{channel}}", channels=channels, members=members
    )
    generator.connect()
    generator.hold(SETTLE_SECONDS)
    return generator


def _two_unknowns(held_large: float, held_small: float) -> tuple[float, float]:
    """Bytes of a connection and of a channel, from many connections in few channels and few in many."""
    large_channels = IDLE_CONNECTIONS // MANY_MEMBERS
    small_connections = IDLE_CHANNELS * FEW_MEMBERS
    determinant = IDLE_CONNECTIONS * IDLE_CHANNELS - large_channels * small_connections
    connection = (held_large * IDLE_CHANNELS - large_channels * held_small) / determinant
    channel = (IDLE_CONNECTIONS * held_small - small_connections * held_large) / determinant
    return max(connection, 0.0), max(channel, 0.0)
