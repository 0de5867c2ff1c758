"""What the relay's work costs on one machine, as `relay plan --calibrate` measures it, in a file of JSON."""

import math
from typing import Final

import msgspec

FORMAT: Final = 6
WARM_CONNECTIONS: Final = 100
COLD_CONNECTIONS: Final = 10_000


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """Processor time of the server in microseconds, the kernel's half of each system call included.

    `turn`: one turn of the event loop; `sleep`: how much more it is when the process had given its core away; `wake`: and how
    much more after a long pause. `round`: one look for news within it. `read`: one read from a socket. `message`: parse, charge,
    check, stamp. `send`: one send to a member of a server with 100 connections; `cold`: how much more it is when there are
    10 000, because less of them is in the processor's caches, where no pause has emptied those already; `chill`, `stale`,
    `lapse`: how much more the first twenty, and twice the first thousand, are after a pause, for the same reason
    (relay/plan/idleness.py). `byte_in`, `byte_out`: of payload read, of frames sent; `byte_chill`: how much more a byte of those
    first twenty sends is. `handshake`: one connection of a crowd, from accept to its own join; `visit`: how much more one is
    that comes alone and goes again.
    """

    turn: float
    sleep: float
    wake: float
    round: float
    read: float
    message: float
    send: float
    cold: float
    chill: float
    stale: float
    lapse: float
    byte_in: float
    byte_out: float
    byte_chill: float
    handshake: float
    visit: float

    @property
    def after_pause(self) -> float:
        """How much more a send is, at most, that comes early after a long pause."""
        return self.chill + self.stale + self.lapse

    def send_among(self, connections: float) -> float:
        """One send when the server has so many connections: the logarithm of their number decides how cold they are."""
        return self.send + self.cold * coldness(connections)


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes: of a server that has worked but has no connections, of each connection and each channel in it, and of a socket in
    the kernel."""

    base: float
    connection: float
    channel: float
    kernel: float

    def held_by(self, connections: float, channels: float) -> float:
        """What so many hold in the server, beside what it holds without."""
        return self.connection * connections + self.channel * channels


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, so that it is seen whether it is like the machine that is planned for."""

    processor: str
    kernel: str
    cores: int
    memory: int


class Calibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The prices of one machine. `misfit` is by how much, at most, they miss what they were made from: 0.05 is 5 %. `disturbance`
    is the share of the two cores that others had meanwhile."""

    format: int
    taken: str
    version: str
    machine: Machine
    prices: Prices
    memory: Memory
    misfit: float
    disturbance: float = 0.0


def coldness(connections: float) -> float:
    """0 up to 100 connections, 1 at 10 000, and on at the same pace: caches are passed level by level."""
    if connections <= WARM_CONNECTIONS:
        return 0.0
    return math.log(connections / WARM_CONNECTIONS, COLD_CONNECTIONS / WARM_CONNECTIONS)
