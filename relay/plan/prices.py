"""What the relay's work costs on one machine, as `relay plan --calibrate` measures it, in a file of JSON."""

import math
from pathlib import Path
from typing import Final

import msgspec

FORMAT: Final = 1
WARM_CONNECTIONS: Final = 100
COLD_CONNECTIONS: Final = 10_000
IDLE_SECONDS: Final = 0.001
CHILL_FROM_SECONDS: Final = 0.0005
CHILL_SECONDS: Final = 0.005
CHILLED_SENDS: Final = 20


class CalibrationError(Exception):
    """A calibration cannot be read; the text says which file, and why."""


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """Processor time of the server in microseconds, the kernel's half of each system call included.

    `turn`: one wake-up of the event loop; `wake`: how much more it is after a millisecond or more of idleness. `round`: one look
    for news within it. `read`: one read from a socket. `message`: parse, charge, check, stamp. `send`: one send to a member of a
    server with 100 connections; `cold`: how much more it is when there are 10 000, because less of them is in the processor's
    caches; `chill`: how much more the first sends after idleness are, for the same reason. `byte_in`, `byte_out`: of payload
    read, of frames sent.
    `handshake`: one connection, from accept to its own join.
    """

    turn: float
    wake: float
    round: float
    read: float
    message: float
    send: float
    cold: float
    chill: float
    byte_in: float
    byte_out: float
    handshake: float

    def send_among(self, connections: float) -> float:
        """One send when the server has so many connections: the logarithm of their number decides how cold they are."""
        return self.send + self.cold * coldness(connections)


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes: of a server without connections, of each connection and each channel in it, and of a socket in the kernel."""

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
    """The prices of one machine. `misfit` is by how much, at most, they miss what they were made from: 0.05 is 5 %."""

    format: int
    taken: str
    version: str
    machine: Machine
    prices: Prices
    memory: Memory
    misfit: float


def idleness(seconds: float) -> float:
    """How far a process is from running on, after so long without work: from 0 to 1, which it reaches after a millisecond."""
    return min(seconds / IDLE_SECONDS, 1.0)


def chilled_sends(seconds: float, sends: float) -> float:
    """How many of the next sends find the processor's caches filled with other things, after so long without work: none up to
    half a millisecond, the first twenty after five. The rest finds what those have brought back."""
    share = (seconds - CHILL_FROM_SECONDS) / (CHILL_SECONDS - CHILL_FROM_SECONDS)
    return min(max(share, 0.0), 1.0) * min(sends, CHILLED_SENDS)


def coldness(connections: float) -> float:
    """0 up to 100 connections, 1 at 10 000, and on at the same pace: caches are passed level by level."""
    if connections <= WARM_CONNECTIONS:
        return 0.0
    return math.log(connections / WARM_CONNECTIONS, COLD_CONNECTIONS / WARM_CONNECTIONS)


def read_calibration(path: Path) -> Calibration:
    """Raises CalibrationError when there is none, or none that this version understands."""
    try:
        calibration = msgspec.json.decode(path.read_bytes(), type=Calibration)
    except FileNotFoundError:
        text = f"{path} does not exist: measure this machine with relay plan --calibrate"
        raise CalibrationError(text) from None
    except OSError as exc:
        raise CalibrationError(f"{path} cannot be read: {exc.strerror}") from exc
    except msgspec.MsgspecError as exc:
        raise CalibrationError(f"{path} is no calibration: {exc}") from exc
    if calibration.format != FORMAT:
        raise CalibrationError(f"{path} is of another version; measure again with --calibrate")
    return calibration


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(calibration), indent=2) + b"\n")
