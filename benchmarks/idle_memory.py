"""`python -m benchmarks.idle_memory`: what idle connections hold, from a thousand to a hundred thousand, and what they cost.

They stand in channels of a hundred and say nothing; the relay pings them as it always does. Where the hard limit of open files
allows a process fewer than that, several relays share them, each with a crowd in a process of its own; the line says how many.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import harmonic_mean, median
from types import TracebackType
from typing import Any, NamedTuple, Self

from benchmarks.contenders import relay
from benchmarks.measure import FILES_BESIDE_CONNECTIONS
from benchmarks.process import ServerProcess, pinned_to_load_core
from benchmarks.study import Finding, Goal, Study, main
from relay._load import Generator
from relay.bench.measured import measure_opening
from relay.bench.usage import Watched, file_room, kernel_cache_bytes, raise_file_limit
from relay.plan.kernel_limits import DESCRIPTORS_BESIDE

COUNTS = (1_000, 10_000, 100_000)
MEMBERS = 100
WARM_UP = 500
SOURCES = tuple(f"127.0.0.{last}" for last in range(1, 6))
"""A local address has some 28 000 ports."""

OPENING_SECONDS = 120.0
LOOK_SECONDS = 0.05
STOP_SECONDS = 30.0
BYTES_GOAL = 350.0


class Opened(NamedTuple):
    """What a crowd's opening took, and what it made the relay grow by."""

    per_second: float
    held_bytes: int


class Crowd:
    """So many connections to one relay, in a process of their own, until the context is left. They wait to be opened, so that all
    relays have warmed up before. Raises EOFError when that process has ended; it has told why."""

    def __init__(self, server: Watched, port: int, count: int, warm_up_seconds: float) -> None:
        context = get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_crowd, args=(theirs, server.pid, port, count, warm_up_seconds), daemon=True
        )
        self._process.start()
        theirs.close()
        try:
            self._pipe.recv()
        except EOFError:
            self._stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._process.kill()
        self._process.join(STOP_SECONDS)
        self._pipe.close()

    def open(self) -> Opened:
        opened: Opened = self._ask("open")
        return opened

    def still_there(self) -> int:
        """How many connections are open."""
        count: int = self._ask("count")
        return count

    def _ask(self, what: str) -> Any:
        self._pipe.send(what)
        return self._pipe.recv()


def _crowd(pipe: Connection, pid: int, port: int, count: int, warm_up_seconds: float) -> None:
    """The other side of Crowd."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the study is interrupted, and ends this
    warm_up = Generator(
        port, path="/c/warm-{channel}", channels=WARM_UP // MEMBERS, members=MEMBERS
    )
    warm_up.connect()
    warm_up.hold(warm_up_seconds)
    crowd = Generator(port, channels=count // MEMBERS, members=MEMBERS, sources=SOURCES)
    there = [warm_up]
    pipe.send(None)
    while True:
        while not pipe.poll():
            for each in there:
                each.hold(LOOK_SECONDS)  # pings are answered
        if pipe.recv() == "open":
            there.append(crowd)
            opening = measure_opening(crowd, Watched(pid), timeout_seconds=OPENING_SECONDS)
            pipe.send(Opened(opening.report.per_second, opening.held_bytes or 0))
        else:
            pipe.send(crowd.open_connections)


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    beside = WARM_UP + max(DESCRIPTORS_BESIDE, FILES_BESIDE_CONNECTIONS)
    raise_file_limit(COUNTS[0] + beside)
    room = min(file_room(), COUNTS[-1] + beside) - beside
    raise_file_limit(room + beside)
    for count in COUNTS:
        relays = math.ceil(count / (room // MEMBERS * MEMBERS))
        name = f"{count:,}" if relays == 1 else f"{count:,} in {relays} relays"
        yield finding(name, [measure_round(count, relays, seconds) for _ in range(rounds)])


def measure_round(count: int, relays: int, seconds: float) -> dict[str, float]:
    """So many connections to so many relays; after they were opened they are left alone for `seconds`."""
    with pinned_to_load_core(), ExitStack() as stack:
        servers = [stack.enter_context(ServerProcess(relay().command)) for _ in range(relays)]
        crowds = [
            stack.enter_context(Crowd(server, server.port, share, seconds))
            for server, share in zip(servers, shares(count, relays), strict=True)
        ]
        kernel = kernel_cache_bytes()
        opened = [crowd.open() for crowd in crowds]
        kernel = kernel_cache_bytes() - kernel
        before = [server.usage() for server in servers]
        time.sleep(seconds)
        used = [server.usage() - usage for server, usage in zip(servers, before, strict=True)]
        return {
            "lost": count - sum(crowd.still_there() for crowd in crowds),
            "opened/s": harmonic_mean([each.per_second for each in opened]),
            "B/conn": sum(each.held_bytes for each in opened) / count,
            "kernel B/conn": kernel / 2 / count,  # both ends of each are here
            "CPU %": sum(each.ran for each in used) / seconds * 100,
        }


def shares(count: int, relays: int) -> list[int]:
    """In whole channels, as evenly as they divide."""
    channels = count // MEMBERS
    return [
        (channels // relays + (number < channels % relays)) * MEMBERS for number in range(relays)
    ]


def finding(name: str, rounds: list[dict[str, float]]) -> Finding:
    figures = {key: median(each[key] for each in rounds) for key in rounds[0]}
    lost = sum(each["lost"] for each in rounds)
    return Finding(name, figures, (Goal("B/conn", most=BYTES_GOAL),), wrong=lost > 0)


STUDY = Study(
    "benchmarks.idle_memory",
    "What do idle connections hold in the relay and in the kernel, and what do they cost?",
    measure,
    rounds=1,
    seconds=2.0,
)

if __name__ == "__main__":
    main(STUDY)
