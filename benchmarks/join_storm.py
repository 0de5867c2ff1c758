"""`python -m benchmarks.join_storm`: what it costs when thousands join one channel within seconds.

A watcher is there first, and reads every event of the channel afterwards. Each event goes to all who are members at the time,
which is the count it carries, so the watcher's events say how many frames the server sent. Told one by one, the joins of n
members are n²/2 frames; above `presence_limit` they are merged, one event a second with the newest count.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from benchmarks.client import TIMEOUT_SECONDS, Client
from benchmarks.contenders import relay
from benchmarks.measure import FILES_BESIDE_CONNECTIONS
from benchmarks.process import ServerProcess, pinned_to_load_core
from benchmarks.study import Finding, Goal, Study, main
from relay._core import OP_TEXT
from relay._load import Generator
from relay.bench.usage import raise_file_limit

PATH = "/c/storm"
PRESENCE_LIMIT = 1000
MERGE_SECONDS = 1.0
HOLD_SECONDS = 0.1
STORMS = (("auto", 10_000), ("auto", 1000), ("all", 1000))


class Told(NamedTuple):
    """What one event said: how many members there are, and at which date, in milliseconds since the epoch."""

    total: int
    date: int


@dataclass(frozen=True)
class Storm:
    """How one went. `told` is what the watcher heard, in order, its own join first."""

    joined: int
    told: list[Told]
    began_at: float  # seconds since the epoch
    connect_seconds: float
    server_seconds: float  # of processor time

    @property
    def frames(self) -> int:
        """Events told to others, and every member's own join."""
        return frames_told(told.total for told in self.told[1:]) + self.joined

    @property
    def merged(self) -> int:
        """Events that told of several joins at once."""
        return sum(told.total > PRESENCE_LIMIT for told in self.told)

    @property
    def merged_most(self) -> int:
        """One when the limit is passed, and one an interval from then on, the last of them included."""
        return 1 + math.ceil(self.told_seconds / MERGE_SECONDS)

    @property
    def told_seconds(self) -> float:
        """From the first connection to the event with the last count, by the server's date."""
        return self.told[-1].date / 1000 - self.began_at


def frames_told(totals: Iterable[int]) -> int:
    """How many frames these events were: each went to all members but, when it tells of one, the newcomer."""
    return sum(total if total > PRESENCE_LIMIT else total - 1 for total in totals)


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    """A storm lasts as long as it lasts; `seconds` is how long the members stay silent together afterwards."""
    raise_file_limit(max(members for _, members in STORMS) + FILES_BESIDE_CONNECTIONS)
    for presence, members in STORMS:
        storms = [measure_storm(presence, members, seconds) for _ in range(rounds)]
        yield finding(f"{members} members, presence {presence}", members, storms)


def measure_storm(presence: str, members: int, seconds: float) -> Storm:
    """All but one join at once: the first is the watcher."""
    flags = {"--presence": presence, "--presence-limit": str(PRESENCE_LIMIT)}
    with (
        pinned_to_load_core(),
        ServerProcess(relay(flags).command) as server,
        Client(server.port, PATH) as watcher,
    ):
        told = events_in(watcher.read(TIMEOUT_SECONDS))
        generator = Generator(server.port, path=PATH, members=members - 1)
        began_at, before = time.time(), server.usage()
        report = generator.connect()
        await_total(generator, watcher, told, members)
        used = server.usage() - before
        generator.hold(seconds)
        told += events_in(watcher.read_until_silent(HOLD_SECONDS))
        generator.close(0)
    return Storm(report.opened, told, began_at, report.seconds, used.ran)


def await_total(generator: Generator, watcher: Client, told: list[Told], wanted: int) -> None:
    """Serve the members until the watcher has been told of so many."""
    until = time.monotonic() + TIMEOUT_SECONDS
    while told[-1].total != wanted and time.monotonic() < until:
        generator.hold(HOLD_SECONDS)
        told += events_in(watcher.read())


def events_in(frames: Iterable[tuple[int, bytes]]) -> list[Told]:
    texts = (json.loads(payload) for opcode, payload in frames if opcode == OP_TEXT)
    return [Told(event["total"], event["date"]) for event in texts]


def finding(name: str, wanted: int, storms: list[Storm]) -> Finding:
    return Finding(
        name,
        {
            "joins/s": median(s.joined / s.connect_seconds for s in storms),
            "us/join": median(s.server_seconds * 1e6 / s.joined for s in storms),
            "events": median(len(s.told) - 1 for s in storms),
            "merged": max(s.merged for s in storms),
            "frames": median(s.frames for s in storms),
            "frames/join": median(s.frames / s.joined for s in storms),
            "all told after s": median(s.told_seconds for s in storms),
            "told last": min(s.told[-1].total for s in storms),
        },
        (Goal("told last", least=wanted, most=wanted),),
        wrong=any(s.told[-1].total != wanted or s.merged > s.merged_most for s in storms),
    )


STUDY = Study(
    "benchmarks.join_storm",
    "What does it cost when thousands join one channel within seconds, and is the last count told true?",
    measure,
    rounds=2,
    seconds=1.0,
)

if __name__ == "__main__":
    main(STUDY)
