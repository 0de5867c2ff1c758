"""What is asked of the relay: how many connect, how they talk, and what that makes on the wire."""

import math
from typing import Final

import msgspec

ENVELOPE_BYTES: Final = 78
"""`{"id":"…","uid":"…","date":…,"message":…}` around a payload, with ids and uids of the length that the relay makes."""

JOIN_EVENT_BYTES: Final = 57
PING_BYTES: Final = 2
PONG_BYTES: Final = 6
MASKED_EXTRA_BYTES: Final = 4
PACKET_BYTES: Final = 66
"""Ethernet, IPv4 and TCP with time stamps, for each packet."""

PACKET_PAYLOAD_BYTES: Final = 1448

PRESENCE_LIMIT: Final = 1000
"""The default of `presence_limit`: in larger channels joins and leaves are merged, into one event a second at most."""

MAX_CONNECTIONS: Final = 1_000_000_000_000
MAX_RATE: Final = 1_000_000_000.0
MAX_PAYLOAD_BYTES: Final = 2**30
"""The largest `max_message` that `relay serve` takes."""

_ROUNDING: Final = 1e-9

PING_INTERVALS: Final = (0.1, 3600.0)
"""The range of the relay's setting; 0 is off."""


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """`messages` are sent each second by each connection, `joins` are new connections a second in all (as many leave).

    Raises ValueError, when made by `workload`, that names what is out of range.
    """

    connections: int
    channel_size: float
    messages: float
    payload_bytes: float
    joins: float = 0.0
    ping_interval: float = 25.0

    @property
    def channels(self) -> int:
        """At least one; the last of them need not be full."""
        return max(math.ceil(self.connections / self.channel_size - _ROUNDING), 1)

    @property
    def messages_per_second(self) -> float:
        """Of all connections together."""
        return self.messages * self.connections

    @property
    def deliveries_per_second(self) -> float:
        """Messages to members: a message goes to everyone else in its channel."""
        return self.messages_per_second * max(self.channel_size - 1, 0)

    @property
    def frame_bytes(self) -> float:
        """A message as it is sent to a member."""
        return framed(self.payload_bytes + ENVELOPE_BYTES)

    @property
    def read_bytes(self) -> float:
        """A message as it comes from its sender."""
        return framed(self.payload_bytes) + MASKED_EXTRA_BYTES

    @property
    def pings_per_second(self) -> float:
        """Each is answered by a pong."""
        return self.connections / self.ping_interval if self.ping_interval else 0.0

    @property
    def is_presence_merged(self) -> bool:
        """Whether channels are so large that not every join and leave is told."""
        return self.channel_size > PRESENCE_LIMIT

    @property
    def merged_sends_per_second(self) -> float:
        """Of the events that tell of many of them, to all members."""
        if not self.is_presence_merged:
            return 0.0
        return min(2 * self.joins, float(self.channels)) * self.channel_size

    def share(self, parts: int) -> "Workload":
        """What the busiest of so many processes gets of it: whole channels, so never less than one, and
        their part of the joins."""
        if parts == 1:
            return self
        channels = math.ceil(self.channels / parts)
        connections = max(round(channels * self.channel_size), 1)
        return self.scaled_to(min(connections, self.connections))

    def with_messages(self, messages: float) -> "Workload":
        """The same connections, sending so many messages a second each."""
        return msgspec.structs.replace(self, messages=messages)

    def scaled_to(self, connections: int) -> "Workload":
        """The same habits with more connections, or fewer; joins grow with them."""
        joins = self.joins * connections / self.connections
        return msgspec.structs.replace(self, connections=connections, joins=joins)

    def with_connections(self, connections: int) -> "Workload":
        """So many connections with the same joins, which are of all of them."""
        return msgspec.structs.replace(self, connections=connections)


def framed(payload_bytes: float) -> float:
    """With the header of a WebSocket frame (RFC 6455 section 5.2)."""
    if payload_bytes < 126:
        return payload_bytes + 2
    return payload_bytes + (4 if payload_bytes < 65_536 else 10)


def unframed(frame_bytes: float) -> float:
    """The payload in a frame of this size; of a mean size, nearly."""
    return frame_bytes - (2 if frame_bytes < 128 else 4 if frame_bytes < 65_540 else 10)


def on_the_wire(sends_per_second: float, bytes_per_second: float) -> float:
    """Bytes a second with the headers of packets: at least one packet a send."""
    packets = max(sends_per_second, bytes_per_second / PACKET_PAYLOAD_BYTES)
    return bytes_per_second + packets * PACKET_BYTES


def check(workload: Workload) -> None:
    """Raises ValueError that names the option which is out of range."""
    _check_range("connections", workload.connections, 1, MAX_CONNECTIONS)
    _check_range("channel-size", workload.channel_size, 1, MAX_CONNECTIONS)
    _check_range("messages", workload.messages, 0, MAX_RATE, " a second")
    _check_range(
        "bytes",
        workload.payload_bytes,
        1,
        MAX_PAYLOAD_BYTES,
        " bytes, the most that the relay's max_message can be",
    )
    _check_range("joins", workload.joins, 0, MAX_RATE, " a second")
    least, most = PING_INTERVALS
    if workload.ping_interval and not least <= workload.ping_interval <= most:
        raise ValueError(
            f"--ping-interval: expected 0, or {least:g} to {most:g} seconds, got {workload.ping_interval:.12g}"
        )
    if workload.channel_size > workload.connections:
        raise ValueError(
            f"--channel-size: expected at most the {workload.connections} of --connections,"
            f" got {workload.channel_size:.12g}"
        )


def _check_range(name: str, value: float, least: float, most: float, unit: str = "") -> None:
    if value < least:
        unit = unit.partition(",")[0]
        raise ValueError(f"--{name}: expected at least {least:g}{unit}, got {value:.12g}")
    if not value <= most:
        raise ValueError(f"--{name}: expected at most {most:,.12g}{unit}, got {value:.12g}")
