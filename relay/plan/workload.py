"""What is asked of the relay: how many connect, how they talk, and what that makes on the wire."""

import math
from typing import Final

import msgspec

ENVELOPE_BYTES: Final = 87
"""`{"id":"…","uid":"…","date":…,"message":…}` around a payload, with ids and uids of the length that the relay makes."""

JOIN_EVENT_BYTES: Final = 62
PING_BYTES: Final = 2
PONG_BYTES: Final = 6
MASKED_EXTRA_BYTES: Final = 4
PACKET_BYTES: Final = 66
"""Ethernet, IPv4 and TCP with time stamps, for each packet."""

PACKET_PAYLOAD_BYTES: Final = 1448


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
        """At least one."""
        return max(round(self.connections / self.channel_size), 1)

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

    def share(self, parts: int) -> "Workload":
        """What one of so many processes gets of it: whole channels, so never less than one."""
        channels = math.ceil(self.channels / parts)
        connections = max(round(channels * self.channel_size), 1)
        return msgspec.structs.replace(
            self, connections=min(connections, self.connections), joins=self.joins / parts
        )

    def with_messages(self, messages: float) -> "Workload":
        """The same connections, sending so many messages a second each."""
        return msgspec.structs.replace(self, messages=messages)

    def scaled_to(self, connections: int) -> "Workload":
        """The same habits with more connections, or fewer; joins grow with them."""
        joins = self.joins * connections / self.connections
        return msgspec.structs.replace(self, connections=connections, joins=joins)


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
    positive = {
        "connections": workload.connections,
        "channel-size": workload.channel_size,
        "bytes": workload.payload_bytes,
    }
    for name, value in positive.items():
        if not 0 < value < math.inf:
            raise ValueError(f"--{name}: expected more than 0, got {value:g}")
    if workload.channel_size > workload.connections:
        raise ValueError(
            f"--channel-size: {workload.channel_size:g} are more than the {workload.connections} connections"
        )
    if workload.channel_size < 1:
        raise ValueError(f"--channel-size: expected at least 1, got {workload.channel_size:g}")
