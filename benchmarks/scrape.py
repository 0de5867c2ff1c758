"""`python -m benchmarks.scrape`: what a scrape of /metrics takes with many idle connections, and what a member notices of it.

The member is one of two in a channel of their own, with one message in flight, in a process apart: its messages there and back
are measured while nobody scrapes, and while someone does ten times a second, which is hundreds of times what Prometheus does.
"""

from __future__ import annotations

import http.client
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median

from benchmarks.client import HOST, TIMEOUT_SECONDS
from benchmarks.contenders import relay
from benchmarks.loud_channel import ALONE_P99_MAX_MS, Quiet, run_quiet
from benchmarks.measure import FILES_BESIDE_CONNECTIONS
from benchmarks.process import ServerProcess, pinned_to_load_core
from benchmarks.study import Finding, Goal, Study, main
from relay._load import Generator
from relay.bench.usage import raise_file_limit

MEMBERS = 100
IDLE = (0, 1_000, 15_000)
CROWDS = ((100_000, 5_000), (100_000, 50_000))
FLAGS = {"--admin": "127.0.0.1:0", "--ping-interval": "0"}
PAUSE_SECONDS = 0.1
SCRAPE_GOAL_MS = 50.0


@dataclass(frozen=True)
class Scrapes:
    """What they took, each in seconds, and the size of the last."""

    seconds: list[float]
    size: int


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    raise_file_limit(max(IDLE) + FILES_BESIDE_CONNECTIONS)
    for idle in IDLE:
        found = [measure_round(relay(FLAGS).command, idle, seconds) for _ in range(rounds)]
        yield finding(f"{idle} idle", found)
    for members, channels in CROWDS:
        command = [sys.executable, "-m", "benchmarks.crowded", str(members), str(channels)]
        found = [measure_round(command, 0, seconds) for _ in range(rounds)]
        yield finding(f"{members} in {channels}, no socket", found)


def measure_round(
    command: Sequence[str], idle: int, seconds: float
) -> tuple[Quiet, Quiet, Scrapes, float]:
    """The member without scrapes, and with; the scrapes; and the server's processor time for one, from the difference."""
    with ExitStack() as stack:
        stack.enter_context(pinned_to_load_core())
        server = stack.enter_context(ServerProcess(command))
        apart = stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
        crowd = Generator(server.port, channels=max(idle // MEMBERS, 1), members=MEMBERS)
        if idle:
            crowd.connect()
        quiet = run_beside(apart, server, seconds).result()
        scrapes, cost = scrape_alone(server, seconds)
        member = run_beside(apart, server, seconds)
        beside = scrape_while(server.admin_port, member)
        if idle and crowd.open_connections != idle:
            raise RuntimeError("idle connections were lost")
        crowd.close(0)
    return quiet, member.result(), Scrapes(scrapes.seconds + beside.seconds, beside.size), cost


def run_beside(apart: Executor, server: ServerProcess, seconds: float) -> Future[Quiet]:
    return apart.submit(run_quiet, server.port, seconds)


def scrape_alone(server: ServerProcess, seconds: float) -> tuple[Scrapes, float]:
    """While nothing else goes on: all that the server uses is theirs. Its processor time in seconds for each."""
    until = time.monotonic() + seconds
    before = server.usage()
    scrapes = scrape(server.admin_port, lambda: time.monotonic() < until)
    used = server.usage() - before
    return scrapes, used.ran / len(scrapes.seconds)


def scrape_while(port: int, member: Future[Quiet]) -> Scrapes:
    return scrape(port, lambda: not member.done())


def scrape(port: int, goes_on: Callable[[], bool]) -> Scrapes:
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)
    taken: list[float] = []
    size = 0
    while goes_on():
        began = time.perf_counter()
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        size = len(response.read())
        taken.append(time.perf_counter() - began)
        if response.status != 200:
            raise RuntimeError(f"a scrape was answered with {response.status}")
        time.sleep(PAUSE_SECONDS)
    connection.close()
    return Scrapes(taken, size)


def finding(name: str, rounds: list[tuple[Quiet, Quiet, Scrapes, float]]) -> Finding:
    quiet, beside, scrapes, costs = zip(*rounds, strict=True)
    taken = [each for found in scrapes for each in found.seconds]
    usual = median(each.p99_ms for each in quiet)
    return Finding(
        name,
        {
            "scrape p50 ms": median(taken) * 1e3,
            "longest ms": max(taken) * 1e3,
            "server ms/scrape": median(costs) * 1e3,
            "KiB": scrapes[-1].size / 1024,
            "p99 ms quiet": usual,
            "p99 ms scraped": median(each.p99_ms for each in beside),
            "max ms quiet": max(each.max_ms for each in quiet),
            "max ms scraped": max(each.max_ms for each in beside),
        },
        (Goal("scrape p50 ms", most=SCRAPE_GOAL_MS),),
        invalid="disturbed: the member alone was slow" if usual > ALONE_P99_MAX_MS else "",
        wrong=any(each.wrong for each in (*quiet, *beside)),
    )


STUDY = Study(
    "benchmarks.scrape",
    "What does a scrape of /metrics take with many idle connections, and what does a member notice of it?",
    measure,
    rounds=3,
    seconds=2.0,
)

if __name__ == "__main__":
    main(STUDY)
