"""The workload that a relay carries at present, worked out from what it counts. Pure: no I/O and no clock."""

from collections.abc import Mapping

import msgspec

from relay.plan.prices import Prices
from relay.plan.rounds import simulate
from relay.plan.workload import (
    ENVELOPE_BYTES,
    MASKED_EXTRA_BYTES,
    PONG_BYTES,
    Workload,
    unframed,
)

_LEAST_PAYLOAD_BYTES = 1.0


class NothingToSee(Exception):  # noqa: N818 - an answer, not an error of ours
    """The relay carries nothing that a workload could be made from; the text says what was missing."""


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """`workload` is that of all `processes` together; `utilisation` the share of a core that each of them took, on average."""

    workload: Workload
    processes: int
    utilisation: float

    def predict(self, prices: Prices) -> float:
        """The utilisation that a process would have by the model."""
        return simulate(prices, self.workload.share(self.processes)).busy


def observe(
    rates: Mapping[str, float], gauges: Mapping[str, float], processes: int, ping_interval: float
) -> Observed:
    """From the counters of `/api/stats`, a second, and its gauges, each summed over the processes. Raises NothingToSee.

    The size of a channel is that which messages meet: by how many they are delivered to, not by how many channels there are.
    """
    connections = round(gauges.get("connections", 0) - gauges.get("handshakes", 0))
    if connections < 1:
        raise NothingToSee("no one is connected to it")
    received, published = rates.get("messages", 0.0), rates.get("published", 0.0)
    messages = received + published
    workload = Workload(
        connections=connections,
        channel_size=_channel_size(rates, gauges, connections, messages),
        messages=messages / connections,
        payload_bytes=_payload_bytes(rates, received, connections, ping_interval),
        joins=rates.get("admitted", 0.0),
        ping_interval=ping_interval,
    )
    used = max(rates.get("cpu_seconds", 0.0), rates.get("busy_seconds", 0.0))
    return Observed(workload=workload, processes=processes, utilisation=used / processes)


def _channel_size(
    rates: Mapping[str, float], gauges: Mapping[str, float], connections: int, messages: float
) -> float:
    """With the sender, which is not delivered to."""
    by_number = connections / max(gauges.get("channels", 0.0), 1.0)
    size = rates.get("deliveries", 0.0) / messages + 1.0 if messages else by_number
    return min(max(size, 1.0), float(connections))


def _payload_bytes(
    rates: Mapping[str, float], received: float, connections: int, ping_interval: float
) -> float:
    """Of what members send, without the answers to pings; where only programs publish, of what is sent to members."""
    if received:
        pongs = connections / ping_interval * PONG_BYTES if ping_interval else 0.0
        frame = (rates.get("bytes_in", 0.0) - pongs) / received - MASKED_EXTRA_BYTES
        return max(unframed(frame), _LEAST_PAYLOAD_BYTES)
    deliveries = rates.get("deliveries", 0.0)
    frame = rates.get("bytes_out", 0.0) / deliveries if deliveries else 0.0
    return max(unframed(frame) - ENVELOPE_BYTES, _LEAST_PAYLOAD_BYTES)
