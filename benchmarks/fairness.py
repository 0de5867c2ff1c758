"""`python -m benchmarks.fairness`: whether those who flood get what their own buckets allow, and others lose nothing by it.

Two members of a channel flood it as fast as their sockets take it; a third sends a few hundred messages a second, within its
rate; a fourth counts what comes from whom. Meanwhile two members of another channel talk, evenly spaced, from a process of their
own. A bucket belongs to one connection: the two must get the same, the third must lose nothing, and the other channel may wait
for a turn.
"""

from __future__ import annotations

import select
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context
from statistics import median

from benchmarks.client import Client, masked_text
from benchmarks.contenders import relay
from benchmarks.loud_channel import ALONE_P99_MAX_MS, LEAD_SECONDS, Quiet, yield_to_others
from benchmarks.process import ServerProcess, pinned_to_load_core
from benchmarks.rates import FRAMES_PER_WRITE, LEAST, PAYLOAD, SILENCE_SECONDS, SLACK, is_message
from benchmarks.study import Finding, Goal, Study, main
from relay._load import Generator

PATH = "/c/flooded"
OTHER_PATH = "/c/other"
RATE = 2_000  # what a receiver in Python keeps up with
BURST = 2_000
FLAGS = {
    "--message-rate": str(RATE),
    "--message-burst": str(BURST),
    "--byte-rate": "0",
    "--kick-after": "0",
}
FLOODERS = 2
POLITE_INTERVAL_SECONDS = 0.004
OTHER_RATE = 500.0
P99_GOAL_MS = 20.0


@dataclass
class Crowd:
    """The flooded channel: what came of each sender, by uid, and when first and last; the polite one's own count."""

    came: Counter[bytes] = field(default_factory=Counter)
    first: dict[bytes, float] = field(default_factory=dict)
    last: dict[bytes, float] = field(default_factory=dict)
    polite_sent: int = 0

    def note(self, frames: list[tuple[int, bytes]]) -> None:
        now = time.monotonic()
        for frame in filter(is_message, frames):
            uid = frame[1].partition(b'"uid":"')[2].partition(b'"')[0]
            self.first.setdefault(uid, now)
            self.last[uid] = now
            self.came[uid] += 1

    def shares(self) -> list[float]:
        """Of those who flooded: what came of what their bucket allowed, from the first arrival to the last."""
        loudest = [uid for uid, _ in self.came.most_common(FLOODERS)]
        return [
            self.came[uid] / (BURST + RATE * (self.last[uid] - self.first[uid])) for uid in loudest
        ]

    @property
    def polite_came(self) -> int:
        """The messages of the one that sent least."""
        return min(self.came.values()) if len(self.came) > FLOODERS else 0


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    yield finding([measure_round(seconds) for _ in range(rounds)])


def measure_round(seconds: float) -> tuple[Crowd, Quiet, Quiet]:
    """The flooded channel; the other one while nobody floods, and beside it."""
    with ExitStack() as stack:
        stack.enter_context(pinned_to_load_core())
        server = stack.enter_context(ServerProcess(relay(FLAGS).command))
        apart = stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
        thread = stack.enter_context(ThreadPoolExecutor(1, initializer=yield_to_others))
        receiver, *senders = (
            stack.enter_context(Client(server.port, PATH)) for _ in range(FLOODERS + 2)
        )
        alone = apart.submit(talk, server.port, seconds, 0.0).result()
        flood_seconds = seconds + 2 * LEAD_SECONDS
        crowd = thread.submit(flood, receiver, senders[0], senders[1:], flood_seconds)
        other = apart.submit(talk, server.port, seconds, LEAD_SECONDS).result()
        return crowd.result(), alone, other


def flood(receiver: Client, polite: Client, flooders: list[Client], seconds: float) -> Crowd:
    """All of the flooded channel, until nothing more comes. Raises RuntimeError when a connection is closed meanwhile."""
    frame = masked_text(PAYLOAD)
    run = memoryview(frame * FRAMES_PER_WRITE)
    sent = dict.fromkeys(flooders, 0)
    crowd = Crowd()
    until = time.monotonic() + seconds
    due = time.monotonic()
    while True:
        writers = flooders if time.monotonic() < until else []
        readable, writable, _ = select.select(
            [receiver, polite, *flooders], writers, [], SILENCE_SECONDS
        )
        if not readable and not writable:
            return crowd
        for client in readable:
            frames = client.read()
            if client.has_ended:
                raise RuntimeError("a member of the flooded channel was closed")
            if client is receiver:
                crowd.note(frames)
        for client in writable:
            sent[client] += client.send(run[sent[client] % len(run) :])
        if writers and time.monotonic() >= due:
            due += POLITE_INTERVAL_SECONDS
            polite.socket.settimeout(None)
            polite.socket.sendall(frame)
            crowd.polite_sent += 1


def talk(port: int, seconds: float, lead_seconds: float) -> Quiet:
    """In the process apart: two members of another channel, messages at their own pace."""
    generator = Generator(port, path=OTHER_PATH, members=2, senders=2, in_flight=64)
    generator.connect()
    if lead_seconds:
        generator.hold(lead_seconds)
    report = generator.run(seconds, rate=OTHER_RATE)
    generator.close(0)
    return Quiet.of(report)


def finding(rounds: list[tuple[Crowd, Quiet, Quiet]]) -> Finding:
    crowds, alone, others = zip(*rounds, strict=True)
    usual = median(each.p99_ms for each in alone)
    shares = [share for crowd in crowds for share in crowd.shares()]
    lost = sum(crowd.polite_sent - crowd.polite_came for crowd in crowds)
    return Finding(
        f"{FLOODERS} that flood",
        {
            "let through": median(sum(crowd.came.values()) for crowd in crowds),
            "least share": min(shares),
            "most share": max(shares),
            "polite messages": sum(crowd.polite_sent for crowd in crowds),
            "polite lost": lost,
            "p99 ms alone": usual,
            "others' p99 ms": median(each.p99_ms for each in others),
        },
        (
            Goal("least share", least=LEAST),
            Goal("most share", most=1 + SLACK),
            Goal("polite lost", most=0),
            Goal("others' p99 ms", most=P99_GOAL_MS),
        ),
        invalid="disturbed: the other channel alone was slow" if usual > ALONE_P99_MAX_MS else "",
        wrong=any(each.wrong for each in (*alone, *others)),
    )


STUDY = Study(
    "benchmarks.fairness",
    "When two members flood, do both get what their buckets allow, and does anyone else lose by it?",
    measure,
    rounds=3,
    seconds=2.0,
)

if __name__ == "__main__":
    main(STUDY)
