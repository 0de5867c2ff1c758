"""`python -m benchmarks.clients`: what the Python client takes: messages per second through one, and memory of a thousand.

Each client is an `open_channel` of its own channel, with echo: what it sends comes back to it, and then it sends the next. So
every message goes once through the client's sending and once through its receiving. All clients of a run live in one thread
of a new process, because memory that an earlier run has freed would be taken again; it has one core, and the relay the other.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import median

import psutil
import trio

from benchmarks.contenders import relay
from benchmarks.measure import FILES_BESIDE_CONNECTIONS
from benchmarks.process import ServerProcess, pinned_to_load_core
from benchmarks.study import Finding, Goal, Study, main
from relay import MessageEvent, TrioChannel, open_channel
from relay.bench.usage import own_usage, raise_file_limit

IN_FLIGHT = 64  # messages of all clients together, and at least one of each
CLIENTS = (1, 1000)
PAYLOAD = {"type": "cursor", "x": 0.25, "y": 0.75}
WARM_UP_SECONDS = 0.5
KIBIBYTE = 1024
MEMORY_GOAL_KIB = 64


@dataclass(frozen=True)
class Load:
    """One run: messages there and back per second, this thread's processor time for each, and resident memory per client."""

    per_second: float
    cpu_us: float
    grown_kib: float


class Clients:
    """So many clients in one nursery."""

    def __init__(self, base_url: str, count: int) -> None:
        self._base_url = base_url
        self._count = count
        self._go = trio.Event()
        self.messages = 0

    async def run(self, seconds: float) -> Load:
        process = psutil.Process()
        before = process.memory_info().rss
        async with trio.open_nursery() as nursery:
            for number in range(self._count):
                await nursery.start(self._client, f"bench-{number}")
            grown = process.memory_info().rss - before
            self._go.set()
            await trio.sleep(WARM_UP_SECONDS)
            load = await self._measure(seconds, grown / self._count / KIBIBYTE)
            nursery.cancel_scope.cancel()
        return load

    async def _measure(self, seconds: float, grown_kib: float) -> Load:
        messages, used, started = self.messages, own_usage(), time.perf_counter()
        await trio.sleep(seconds)
        messages = self.messages - messages
        took, ran = time.perf_counter() - started, (own_usage() - used).ran
        return Load(messages / took, ran / max(messages, 1) * 1e6, grown_kib)

    async def _client(self, name: str, task_status: trio.TaskStatus[None]) -> None:
        async with open_channel(name, base_url=self._base_url, echo=True) as channel:
            await channel.receive()
            task_status.started()
            await self._go.wait()
            await self._keep_in_flight(channel)

    async def _keep_in_flight(self, channel: TrioChannel) -> None:
        for _ in range(max(1, IN_FLIGHT // self._count)):
            await channel.send(PAYLOAD)
        async for event in channel:
            if isinstance(event, MessageEvent):
                self.messages += 1
                await channel.send(PAYLOAD)


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    raise_file_limit(max(CLIENTS) + FILES_BESIDE_CONNECTIONS)
    for count in CLIENTS:
        with pinned_to_load_core(), ServerProcess(relay().command) as server:
            url = f"ws://127.0.0.1:{server.port}"
            loads = [in_new_process(url, count, seconds) for _ in range(rounds)]
        yield finding(count, loads)


def in_new_process(url: str, count: int, seconds: float) -> Load:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run_once, url, count, seconds).result()


def run_once(url: str, count: int, seconds: float) -> Load:
    trio.run(Clients(url, 1).run, 0.0)  # what is loaded once is nobody's memory
    return trio.run(Clients(url, count).run, seconds)


def finding(count: int, loads: list[Load]) -> Finding:
    return Finding(
        "1 client" if count == 1 else f"{count} clients",
        {
            "messages/s": median(load.per_second for load in loads),
            "client CPU us": median(load.cpu_us for load in loads),
            "KiB per client": max(load.grown_kib for load in loads),
        },
        (Goal("KiB per client", most=MEMORY_GOAL_KIB),),
        wrong=any(load.per_second == 0 for load in loads),
    )


STUDY = Study(
    "benchmarks.clients",
    "What does a Python client take? Messages there and back per second, processor time, and memory.",
    measure,
    rounds=3,
    seconds=2.0,
)

if __name__ == "__main__":
    main(STUDY)
