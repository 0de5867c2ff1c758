"""`python -m benchmarks.rates`: whether exactly what the token buckets allow gets through, when a sender floods.

A bucket that starts full lets through `burst` and then `rate` a second. The seconds are those from the first arrival to the last
at the receiver. An arrival is later than its message was paid for by the rest of a turn (4 ms) and by the machine's own delays,
so the window may be too short or too long by their difference: `SLACK` of it, 20 ms in two seconds, is left for that.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.client import Client, masked_text
from benchmarks.contenders import relay
from benchmarks.process import ServerProcess, pinned_to_load_core
from benchmarks.study import Finding, Goal, Study, main
from relay._core import OP_TEXT

PATH = "/c/flooded"
PAYLOAD = b'{"n":"%s"}' % (b"x" * 56)
FRAMES_PER_WRITE = 1024
SILENCE_SECONDS = 0.3
SLACK = 0.01
LEAST = 0.99
FLOOD_FACTOR = 2  # a bucket that is not asked for twice its rate may be fuller than its own fault


@dataclass(frozen=True)
class Limit:
    """One token bucket: what a message costs, and the flags that set its rate and its burst."""

    name: str
    cost: int
    rate: int
    burst: int
    flags: Mapping[str, str]


LIMITS = (
    Limit(
        "messages: 20000/s, burst 10000",
        1,
        20_000,
        10_000,
        {"--message-rate": "20000", "--message-burst": "10000", "--byte-rate": "0"},
    ),
    Limit(
        "bytes: 1 MiB/s, burst 512 KiB",
        len(PAYLOAD),
        1 << 20,
        1 << 19,
        {"--message-rate": "0", "--byte-rate": "1MiB", "--byte-burst": "512KiB"},
    ),
)


@dataclass
class Arrivals:
    """What the receiver got, and how many messages the sender put on the wire."""

    messages: int = 0
    first: float = 0.0
    last: float = 0.0
    offered: int = 0

    @property
    def seconds(self) -> float:
        return self.last - self.first

    def count(self, messages: int, now: float) -> None:
        if messages and not self.messages:
            self.first = now
        if messages:
            self.last = now
        self.messages += messages


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    for limit in LIMITS:
        yield finding(limit, [measure_round(limit, seconds) for _ in range(rounds)])


def measure_round(limit: Limit, seconds: float) -> Arrivals:
    command = relay({**limit.flags, "--kick-after": "0"}).command
    with (
        pinned_to_load_core(),
        ServerProcess(command) as server,
        Client(server.port, PATH) as receiver,
        Client(server.port, PATH) as sender,
    ):
        return flood(sender, receiver, masked_text(PAYLOAD), seconds)


def flood(sender: Client, receiver: Client, frame: bytes, seconds: float) -> Arrivals:
    """Send as fast as the socket takes it for so long, and receive until nothing more comes."""
    run = memoryview(frame * FRAMES_PER_WRITE)
    arrivals = Arrivals()
    sent = 0
    until = time.monotonic() + seconds
    while True:
        writers = [sender] if time.monotonic() < until else []
        readable, writable, _ = select.select([sender, receiver], writers, [], SILENCE_SECONDS)
        if not readable and not writable:
            break
        if sender in readable:
            sender.read()
        if receiver in readable:
            arrivals.count(sum(map(is_message, receiver.read())), time.monotonic())
        if writable:
            sent += sender.send(run[sent % len(run) :])
    arrivals.offered = sent // len(frame)
    return arrivals


def is_message(frame: tuple[int, bytes]) -> bool:
    """Whether a frame is a message's envelope; events begin with their type, and pings are no text."""
    opcode, payload = frame
    return opcode == OP_TEXT and not payload.startswith(b'{"type"')


def share_let_through(limit: Limit, arrivals: Arrivals) -> float:
    """Tokens spent, of those there were from the first arrival to the last."""
    return arrivals.messages * limit.cost / (limit.burst + limit.rate * arrivals.seconds)


def finding(limit: Limit, rounds: list[Arrivals]) -> Finding:
    shares = [share_let_through(limit, each) for each in rounds]
    offered = min(each.offered * limit.cost / max(each.seconds, 1e-9) for each in rounds)
    is_flood = offered >= FLOOD_FACTOR * limit.rate
    goals = (Goal("least share", least=LEAST), Goal("most share", most=1 + SLACK))
    figures = {
        "offered/s": offered / limit.cost,
        "let through": max(each.messages for each in rounds),
        "least share": min(shares),
        "most share": max(shares),
    }
    return Finding(
        limit.name,
        figures,
        goals,
        invalid="" if is_flood else "invalid: the sender was too slow to flood",
    )


STUDY = Study(
    "benchmarks.rates",
    "Does exactly what the limits allow get through? What a receiver got, of burst + rate x seconds.",
    measure,
    rounds=3,
    seconds=2.0,
)

if __name__ == "__main__":
    main(STUDY)
