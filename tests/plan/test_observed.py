"""What a relay's counters say of the workload that it carries."""

from __future__ import annotations

import pytest

from relay.plan.observed import NothingToSee, observe
from relay.plan.workload import ENVELOPE_BYTES, Workload, framed, unframed

from .machines import SENDS_COST


def counted(load: Workload, **changes: float) -> dict[str, float]:
    """What a relay would count a second under this load."""
    return {
        "messages": load.messages_per_second,
        "deliveries": load.deliveries_per_second,
        "bytes_in": load.messages_per_second * load.read_bytes + load.pings_per_second * 6,
        "bytes_out": load.deliveries_per_second * load.frame_bytes,
        "admitted": load.joins,
        "cpu_seconds": 0.5,
        "busy_seconds": 0.25,
        **changes,
    }


@pytest.mark.parametrize("payload_bytes", [1.0, 100.0, 125.0, 126.0, 5000.0, 65_535.0, 65_536.0])
@pytest.mark.parametrize("ping_interval", [0.0, 25.0])
def test_a_load_is_found_again(payload_bytes: float, ping_interval: float) -> None:
    load = Workload(
        connections=1000,
        channel_size=20.0,
        messages=0.5,
        payload_bytes=payload_bytes,
        joins=3.0,
        ping_interval=ping_interval,
    )
    seen = observe(counted(load), {"connections": 1002, "handshakes": 2}, 1, ping_interval)
    for name in ("connections", "channel_size", "messages", "payload_bytes", "joins"):
        assert getattr(seen.workload, name) == pytest.approx(getattr(load, name)), name


@pytest.mark.parametrize("payload_bytes", [0, 125, 126, 65_535, 65_536])
def test_frames_and_back(payload_bytes: int) -> None:
    assert unframed(framed(payload_bytes)) == payload_bytes


def test_the_size_that_messages_meet_and_not_the_mean() -> None:
    """A hundred talk in one channel, nine hundred are silent in pairs."""
    rates = {"messages": 10.0, "deliveries": 990.0, "bytes_in": 700.0}
    seen = observe(rates, {"connections": 1000, "channels": 451}, 1, 0.0)
    assert seen.workload.channel_size == 100


def test_without_messages_it_is_the_mean() -> None:
    workload = observe({}, {"connections": 1000, "channels": 250}, 1, 25.0).workload
    assert (workload.channel_size, workload.messages, workload.payload_bytes) == (4, 0, 1)


def test_what_programs_publish_has_the_size_of_what_is_sent() -> None:
    rates = {"published": 2.0, "deliveries": 20.0, "bytes_out": 20.0 * framed(300 + ENVELOPE_BYTES)}
    workload = observe(rates, {"connections": 10, "channels": 1}, 1, 25.0).workload
    assert (workload.payload_bytes, workload.messages) == (300, 0.2)
    assert workload.channel_size == 10  # no more than there are


@pytest.mark.parametrize(
    ("rates", "used"),
    [
        ({"cpu_seconds": 0.6, "busy_seconds": 0.4}, 0.3),
        ({"cpu_seconds": 0.4, "busy_seconds": 1.6}, 0.8),
        ({}, 0.0),
    ],
)
def test_a_process_on_average(rates: dict[str, float], used: float) -> None:
    seen = observe(rates, {"connections": 10}, 2, 25.0)
    assert (seen.utilisation, seen.processes) == (used, 2)


@pytest.mark.parametrize("gauges", [{}, {"connections": 0}, {"connections": 3, "handshakes": 3}])
def test_nobody_is_there(gauges: dict[str, float]) -> None:
    with pytest.raises(NothingToSee, match="no one is connected"):
        observe({}, gauges, 1, 25.0)


def test_what_the_model_says_of_it() -> None:
    """2000 deliveries a second at 10 microseconds each, by two processes."""
    rates = {"messages": 200.0, "deliveries": 1800.0, "bytes_in": 20_000.0}
    seen = observe(rates, {"connections": 400, "channels": 40}, 2, 0.0)
    assert seen.predict(SENDS_COST) == pytest.approx(1800 / 2 * 10e-6, rel=0.05)
