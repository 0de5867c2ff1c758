"""`python -m benchmarks.address_flood`: what a flood of a million client addresses does to admission.

No sockets: requests that a trusted proxy forwards for random IPv6 addresses, no two in one /64, go through parsing and admission
in this process. Before the flood some addresses are blocked. Time per admission must be the same at the end as at the
beginning, memory flat, and the blocks still there.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import psutil

from benchmarks.study import Finding, Goal, Study, main
from relay.addresses import address_key
from relay.admission import Admission
from relay.limits import AddressLimits
from relay.requests import Refusal, parse_head
from relay.settings.config import Settings

FLOOD = 1_000_000
WARM_UP = 20_000
SLICES = 10
BLOCKED = 1000
MEBIBYTE = 1 << 20
PROXY = bytes([127, 0, 0, 1])
HEAD = (
    b"GET /c/x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nX-Forwarded-For: 2001:db8:%x:%x::1\r\n\r\n"
)


class Gate:
    """Admission as the server has it, with some addresses blocked."""

    def __init__(self) -> None:
        settings = Settings(trusted_proxies=["127.0.0.1"], block_time=3600)
        self.limits = AddressLimits(settings)
        self.admission = Admission(settings, self.limits)
        for number in range(BLOCKED):
            self.limits.block(
                address_key(bytes([10, 0, number >> 8, number & 255])), time.monotonic()
            )

    def admit(self, number: int) -> None:
        """One that comes, and goes again at once."""
        head = HEAD % (number >> 16, number & 0xFFFF)
        upgrade = self.admission.accept(parse_head(head), PROXY, b"", {}, time.monotonic())
        self.limits.add(upgrade.address)
        self.limits.remove(upgrade.address)

    def still_blocked(self) -> int:
        """How many of those that were blocked are refused."""
        return sum(self._refuses(number) for number in range(BLOCKED))

    def _refuses(self, number: int) -> bool:
        try:
            address = address_key(bytes([10, 0, number >> 8, number & 255]))
            self.limits.check_arrival(address, time.monotonic())
        except Refusal:
            return True
        return False


def measure(rounds: int, seconds: float) -> Iterator[Finding]:
    del rounds, seconds  # a flood of a million is one round, and takes as long as it takes
    gate = Gate()
    numbers = random.sample(range(1 << 32), FLOOD + WARM_UP)
    for number in numbers[FLOOD:]:
        gate.admit(number)
    resident = psutil.Process().memory_info().rss
    slices = [
        flood(gate, numbers[i : i + FLOOD // SLICES]) for i in range(0, FLOOD, FLOOD // SLICES)
    ]
    grown = psutil.Process().memory_info().rss - resident
    yield Finding(
        f"{FLOOD:,} addresses of IPv6",
        {
            "us first tenth": slices[0],
            "us last tenth": slices[-1],
            "last / first": slices[-1] / slices[0],
            "grown MiB": grown / MEBIBYTE,
            f"blocked of {BLOCKED}": gate.still_blocked(),
        },
        (Goal("last / first", most=1.15), Goal("grown MiB", most=4)),
        wrong=gate.still_blocked() < BLOCKED * 0.99,
    )


def flood(gate: Gate, numbers: list[int]) -> float:
    """Microseconds per admission."""
    begin = time.perf_counter()
    for number in numbers:
        gate.admit(number)
    return (time.perf_counter() - begin) / len(numbers) * 1e6


STUDY = Study(
    "benchmarks.address_flood",
    "Does a flood of addresses make admission slower, or the relay larger?",
    measure,
    rounds=1,
    seconds=1.0,
)

if __name__ == "__main__":
    main(STUDY)
