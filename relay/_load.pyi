"""A load generator for relays that fan WebSocket messages out to the members of channels; loopback only.

Closed-loop: each channel keeps so many messages under way; a message is done when every other member of its channel has it,
and the next one is due at that instant. Times are seconds, sizes are bytes.
"""

from typing import NamedTuple, final

class Latency(NamedTuple):
    """Latencies in seconds, each within 0.4 %; all zero when `samples` is."""

    samples: int
    p50: float
    p99: float
    p999: float
    longest: float

class ConnectReport(NamedTuple):
    """How the opening handshakes went. `latency` is of one handshake, from connecting to the 101."""

    opened: int
    seconds: float
    cpu_seconds: float
    per_second: float
    latency: Latency

class RunReport(NamedTuple):
    """What was sent and what came of it.

    `expected` deliveries are what the sent messages should cause; `lost` is what of these never came. A message that came
    after a later one of the same sender is `reordered` (and delivered), one that came again `duplicated`, one of an earlier run
    `stale`; `unexpected` frames fit no rule. `given_up` counts messages, not deliveries, whose turn was over before all had
    them. `seconds` runs until the last delivery, `cpu_seconds` is the generator's own. `dropped` connections ended by
    themselves, since the generator was made.
    """

    sent: int
    expected: int
    delivered: int
    lost: int
    duplicated: int
    reordered: int
    stale: int
    unexpected: int
    given_up: int
    joins: int
    leaves: int
    errors: int
    events: int
    pings: int
    dropped: int
    received_bytes: int
    reads: int
    writes: int
    waits: int
    seconds: float
    cpu_seconds: float
    latency: Latency

    @property
    def deliveries_per_second(self) -> float:
        """Deliveries per second of the whole run."""

class CloseReport(NamedTuple):
    """Connections by the close code they ended with; 1006 when there was no close frame, 1005 when it had no code."""

    close_codes: dict[int, int]

@final
class Histogram:
    """The latency histogram by itself: whole nanoseconds in, percentiles out. Values above 2**40 ns share the last bucket."""

    def __init__(self) -> None: ...
    def record(self, nanoseconds: int) -> None:
        """Count one value. Raises OverflowError when it is negative."""
    def report(self) -> Latency:
        """The percentiles of all values so far."""

@final
class Generator:
    """Opens `channels` times `members` connections to a relay on this machine and keeps messages moving between them.

    `path` may contain `{channel}` (a number that differs per channel; required when there is more than one) and `{member}` (a
    number that differs per connection). With `everyone_sends` the members of a channel send in turn, otherwise its first member
    sends all. `payload_bytes` is the exact size of each message's JSON. `handshakes_in_flight` bounds the opening handshakes
    under way at one time; `loss_timeout_seconds` is how late a delivery may be before its message is given up.

    Call `connect`, then `run` or `hold` as often as wanted, then `close`; each returns its report, so that a caller can read the
    server's processor time right before and after. Every call is bounded in time. A generator is for one thread, releases the
    GIL while it works, and may be interrupted by a signal.

    Raises ValueError naming the argument that is out of range.
    """

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        path: str = "/c/bench-{channel}",
        channels: int = 1,
        members: int = 100,
        in_flight: int = 8,
        payload_bytes: int = 64,
        everyone_sends: bool = False,
        handshakes_in_flight: int = 64,
        loss_timeout_seconds: float = 2.0,
    ) -> None: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def path(self) -> str: ...
    @property
    def handshakes_in_flight(self) -> int: ...
    @property
    def loss_timeout_seconds(self) -> float: ...
    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
    @property
    def payload(self) -> bytes:
        """One payload as it is sent, with all numbers zero: for a look, and for tests."""
    def connect(self, timeout_seconds: float = 60.0) -> ConnectReport:
        """Open every connection.

        Raises ConnectionError, telling the HTTP statuses seen, when one is refused or fails; TimeoutError when not all are open
        in time; OSError when a socket cannot be had (mostly the limit of open files); RuntimeError the second time.
        """
    def run(self, seconds: float) -> RunReport:
        """Send for so long, wait until all is delivered, and report on exactly these messages.

        What is not delivered within `loss_timeout_seconds` is lost. Raises RuntimeError when no connection is open, and with
        fewer than two members.
        """
    def hold(self, seconds: float) -> RunReport:
        """Stay connected and silent, answering pings, and report what arrived by itself."""
    def close(self, timeout_seconds: float = 5.0) -> CloseReport:
        """Close every connection with code 1000 and cut what has not answered in time (0: cut all at once)."""
