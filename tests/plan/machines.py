"""A machine with round prices, on which a plan can be worked out by hand."""

from __future__ import annotations

from typing import Any

from relay.plan.prices import FORMAT, Calibration, Machine, Memory, Prices
from relay.plan.workload import Workload

FREE = Prices(
    turn=0.0,
    sleep=0.0,
    wake=0.0,
    round=0.0,
    read=0.0,
    message=0.0,
    send=0.0,
    cold=0.0,
    chill=0.0,
    stale=0.0,
    lapse=0.0,
    byte_in=0.0,
    byte_out=0.0,
    byte_chill=0.0,
    handshake=0.0,
    visit=0.0,
)
SENDS_COST = Prices(
    turn=0.0,
    sleep=0.0,
    wake=0.0,
    round=0.0,
    read=0.0,
    message=0.0,
    send=10.0,
    cold=0.0,
    chill=0.0,
    stale=0.0,
    lapse=0.0,
    byte_in=0.0,
    byte_out=0.0,
    byte_chill=0.0,
    handshake=0.0,
    visit=0.0,
)


def calibration(prices: Prices = SENDS_COST) -> Calibration:
    return Calibration(
        format=FORMAT,
        taken="2026-11-21T10:00:00+00:00",
        version="0.1.0",
        machine=Machine(processor="abacus", kernel="Linux 6", cores=2, memory=8 << 30),
        prices=prices,
        memory=Memory(base=40e6, connection=300.0, channel=2000.0, kernel=4000.0),
        misfit=0.04,
    )


def workload(**changes: Any) -> Workload:
    asked = {
        "connections": 1000,
        "channel_size": 10.0,
        "messages": 1.0,
        "payload_bytes": 100.0,
        "ping_interval": 0.0,
        **changes,
    }
    return Workload(**asked)
