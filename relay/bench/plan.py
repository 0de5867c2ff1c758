"""What a load run is: every number of it, and which of them go together."""

import ipaddress
import math
from dataclasses import dataclass, field
from typing import Final

from relay._load import Generator
from relay.bench.faults import PlanError
from relay.bench.target import Target

DEFAULT_RATE: Final = 1000.0
VISITORS_MAX: Final = 10_000
SPREAD_MEMBERS_MAX: Final = 50_000
PAIRS_MAX: Final = 64_000_000  # of sender and receiver, whose books the generator keeps
_SLOTS_MAX: Final = 4_000_000
_CONNECTIONS_PER_ADDRESS: Final = (
    25_000  # then the generator takes the next address of loopback by itself
)
_SENDERS: Final = 100
FILES_BESIDE_CONNECTIONS: Final = 64
_WINDOW_BYTES: Final = (
    256 * 1024 * 1024
)  # what messages of an open loop may wait for a server that does not keep up
_WINDOW_SLOTS: Final = 1_000_000
_INTERVALS: Final = 50


@dataclass(frozen=True)
class Plan:
    """`rate` messages a second in all make an open loop; without it `in_flight` messages per channel make a closed one.

    Times are seconds, sizes bytes, rates a second. `pid` is the server's, when it may be looked at.
    """

    target: Target
    channels: int = 10
    members: int = 50
    senders: int = 50
    rate: float = DEFAULT_RATE
    in_flight: int = 0
    payload_bytes: int = 64
    seconds: float = 5.0
    warm_up_seconds: float = 1.0
    connect_rate: float = 0.0
    connect_seconds: float = 30.0
    handshakes: int = 64
    churn: float = 0.0
    stalled: int = 0
    has_echo: bool = False
    template: str = ""
    greeting: str = ""
    loss_seconds: float = 2.0
    sources: tuple[str, ...] = field(default=())
    pid: int = 0

    @property
    def visitors(self) -> int:
        """Each stays for about a second."""
        return min(max(1, math.ceil(self.churn)), VISITORS_MAX) if self.churn else 0

    @property
    def connections(self) -> int:
        return self.channels * self.members + self.visitors + self.stalled

    @property
    def is_open_loop(self) -> bool:
        return self.in_flight == 0

    @property
    def has_load(self) -> bool:
        """Whether messages are sent, and not only connections opened."""
        return self.seconds > 0

    @property
    def has_spread(self) -> bool:
        return self.channels * self.members <= SPREAD_MEMBERS_MAX

    @property
    def interval_seconds(self) -> float:
        """So that a time line has some fifty points, and a progress bar moves."""
        return min(max(self.seconds / _INTERVALS, 0.05), 1.0)

    @property
    def window(self) -> int:
        """Messages that a channel may have under way. An open loop fills it only with what would soon be given up as lost."""
        if not self.is_open_loop:
            return self.in_flight
        wanted = math.ceil(self.rate / self.channels * (self.loss_seconds + 0.5)) + 16
        most = min(_WINDOW_SLOTS, _WINDOW_BYTES // (self.payload_bytes + 16)) // self.channels
        least = min(16, max(1, _SLOTS_MAX // self.channels))
        return max(least, min(wanted, most, 99_999))

    @property
    def connections_of_an_address(self) -> int:
        """The most that any address of this machine has to begin."""
        if self.sources:
            return math.ceil(self.connections / len(set(self.sources)))
        if ipaddress.IPv4Address(self.target.address).is_loopback:
            return min(self.connections, _CONNECTIONS_PER_ADDRESS)
        return self.connections

    def require_ports(self, most: int) -> None:
        """Raises PlanError when an address would have to begin more connections than the `most` it has ports for."""
        if self.connections_of_an_address > most:
            wanted, given = math.ceil(self.connections / most), len(set(self.sources))
            raise PlanError(
                f"--source-address: expected {wanted} or more addresses of this machine for {self.connections} connections, got"
                f" {given or 'none'}; each has {most} ports (net.ipv4.ip_local_port_range)"
            )

    def generator(self) -> Generator:
        """The generator that does it. Raises PlanError for numbers that do not go together."""
        try:
            return Generator(
                self.target.port,
                host=self.target.address,
                host_header=self.target.host,
                path=self.target.path,
                is_remote=self.target.is_remote,
                channels=self.channels,
                members=self.members,
                senders=self.senders,
                in_flight=self.window,
                payload_bytes=self.payload_bytes,
                template=self.template,
                greeting=self.greeting,
                has_echo=self.has_echo,
                visitors=self.visitors,
                stalled=self.stalled,
                sources=self.sources,
                has_spread=self.has_spread,
                handshakes_in_flight=self.handshakes,
                loss_timeout_seconds=self.loss_seconds,
            )
        except ValueError as exc:
            raise PlanError(_by_options(str(exc))) from None


def default_senders(channels: int, members: int) -> int:
    """All members, at most a hundred, and no more than there are books for."""
    return max(1, min(members, _SENDERS, PAIRS_MAX // (channels * members)))


_OPTIONS: Final = {
    "channels": "--channels",
    "members": "--members",
    "senders": "--senders",
    "in_flight": "--in-flight",
    "payload_bytes": "--size",
    "template": "--template",
    "greeting": "--greeting",
    "stalled": "--slow-readers",
    "sources": "--source-address",
    "handshakes_in_flight": "--handshakes",
    "loss_timeout_seconds": "--loss-timeout",
    "path": "URL",
}


def _by_options(text: str) -> str:
    """The generator's error in the words of the command line."""
    name, colon, rest = text.partition(":")
    if name == "sources" and "loopback" in rest:
        rest += "; others need --remote"
    return f"{_OPTIONS.get(name, name)}{colon}{rest}"
