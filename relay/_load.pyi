"""A load generator for relays that fan WebSocket messages out to the members of channels; loopback only unless asked otherwise.

In a closed loop each channel keeps so many messages under way; a message is done when every other member of its channel has it,
and the next one is due at that instant. In an open loop messages are due by the clock. Times are seconds, sizes are bytes.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, final

class Latency(NamedTuple):
    """Latencies in seconds, each within 0.4 %; all zero when `samples` is."""

    samples: int
    p50: float
    p90: float
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

class Interval(NamedTuple):
    """A part of a run: when it ended, in seconds since the run began, how long it was, and what was sent and arrived in it."""

    ended: float
    seconds: float
    sent: int
    delivered: int
    p50: float
    p99: float
    longest: float

class RunReport(NamedTuple):
    """What was sent and what came of it.

    `offered` messages were due, `sent` were sent; `unsent` found nobody left in their channel. `expected` deliveries are what
    the sent messages should cause; `lost` is what of these never came. A message that came after a later one of the same sender
    is `reordered` (and delivered), one that came again `duplicated`, one of an earlier run `stale`; `unexpected` frames fit no
    rule: of these `echoed` are messages that came back to their sender, `foreign` messages by a template that were sent in
    another channel, `fragments` parts of messages, and `reserved` frames with RSV bits, as compressed ones have. `given_up`
    counts messages, not deliveries, whose turn was over before all had them. `limited` are errors that tell of a rate limit. Of
    the visitors `left` did so, `returned` joined again, `not_returned` were refused (`refusals` counts them by the reason, a
    phrase such as "with HTTP 429"), and `late_visits` were due while the visitor was still on its way; `returning` is the
    latency of their opening handshakes. `seconds` runs until the last delivery, or until what is lost was given up; in the first
    `sending_seconds` of them messages were sent. `cpu_seconds` is the generator's own. `dropped` connections were ended by the
    server, and `close_codes` tells with what, since the generator was made; `faults` counts those that the generator failed, by
    what the server had sent. `lateness` is how long after they were due messages of an open loop were written; `distribution`
    has the filled buckets of `latency`, as (middle, count); `receivers` is the latency of each member, within 1.6 %, when asked
    for. `members_left` were open in the end.
    """

    offered: int
    sent: int
    unsent: int
    expected: int
    delivered: int
    lost: int
    duplicated: int
    reordered: int
    stale: int
    unexpected: int
    echoed: int
    foreign: int
    fragments: int
    reserved: int
    given_up: int
    joins: int
    leaves: int
    errors: int
    limited: int
    events: int
    pings: int
    left: int
    returned: int
    not_returned: int
    refusals: dict[str, int]
    late_visits: int
    dropped: int
    close_codes: dict[int, int]
    faults: dict[str, int]
    received_bytes: int
    reads: int
    writes: int
    waits: int
    seconds: float
    sending_seconds: float
    cpu_seconds: float
    latency: Latency
    lateness: Latency
    returning: Latency
    distribution: tuple[tuple[float, int], ...]
    receivers: tuple[Latency, ...]
    intervals: tuple[Interval, ...]
    members_left: int

class StalledReport(NamedTuple):
    """What became of those who did not read: how many the server closed, by close code, and how many were told of a gap."""

    stalled: int
    close_codes: dict[int, int]
    told_of_gap: int

class CloseReport(NamedTuple):
    """Connections by the close code they ended with; 1006 when there was no close frame, 1005 when it had no code.

    The stalled ones are counted apart. Visitors that left by themselves during a run are in neither. `faults` counts the
    connections that the generator failed, of any kind, by what the server had sent; they are in no other count.
    """

    close_codes: dict[int, int]
    stalled: StalledReport
    faults: dict[str, int]

@final
class Histogram:
    """The latency histogram by itself: whole nanoseconds in, percentiles out. Values above 2**40 ns share the last bucket."""

    def __init__(self) -> None: ...
    def record(self, nanoseconds: int) -> None:
        """Count one value. Raises OverflowError when it is negative."""
    def report(self) -> Latency:
        """The percentiles of all values so far."""
    def distribution(self) -> tuple[tuple[float, int], ...]:
        """The filled buckets, as (middle in seconds, count)."""

@final
class Pace:
    """The clock of an open loop by itself: when event `number` is due, and how many are due by a time, in nanoseconds."""

    def __init__(self, rate: float, seconds: float) -> None: ...
    def __len__(self) -> int: ...
    def due_at(self, number: int) -> int:
        """When event `number`, counted from 0, is due."""
    def due_by(self, nanoseconds: int) -> int:
        """How many events are due by then."""

@final
class Generator:
    """Opens `channels` times `members` connections to a relay and keeps messages moving between them.

    `path` may contain `{channel}` (a number that differs per channel; required when there are several, unless a template has it)
    and `{member}` (a number that differs per connection). The first `senders` members of each channel send in turn. With
    `has_echo` a sender gets its own messages too. `payload_bytes` is the exact size of each message's JSON; a `template` is sent
    instead when there is one, and `greeting` by every connection as soon as it is open; both are text. `visitors` and `stalled`
    connections are members of the channels that nobody counts; visitors leave and join again, stalled ones read nothing until
    the end. `handshakes_in_flight` bounds the opening handshakes under way at one time; `sources` are the local addresses to
    connect from, in turn. `has_spread` asks for the latency of each member; `loss_timeout_seconds` is how late a delivery may be
    before its message is given up.

    Call `connect`, then `run` or `hold` as often as wanted, then `close`; each returns its report, so that a caller can read the
    server's processor time right before and after. Every call is bounded in time. A generator is for one thread, releases the
    GIL while it works, and may be interrupted by a signal.

    Hosts that are not of this machine are refused unless `is_remote`. Raises ValueError naming the argument that is out of
    range.
    """

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        host_header: str = "",
        path: str = "/c/bench-{channel}",
        channels: int = 1,
        members: int = 100,
        senders: int = 1,
        in_flight: int = 8,
        payload_bytes: int = 64,
        template: str = "",
        greeting: str = "",
        has_echo: bool = False,
        visitors: int = 0,
        stalled: int = 0,
        receive_buffer_bytes: int = 4096,
        sources: Sequence[str] = (),
        has_spread: bool = False,
        is_remote: bool = False,
        handshakes_in_flight: int = 64,
        loss_timeout_seconds: float = 2.0,
    ) -> None: ...
    @property
    def host(self) -> str: ...
    @property
    def host_header(self) -> str: ...
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
    def is_limited(self) -> bool:
        """Whether a rate limit stood in the way in this run: an error event told of it, or a connection was closed with 1008."""
    @property
    def is_exhausted(self) -> bool:
        """Whether the run ended early, because a sender had used all numbers that a payload has room for."""
    @property
    def is_deserted(self) -> bool:
        """Whether the run ended early, because no channel had anybody left to send to anybody."""
    @property
    def statuses(self) -> dict[int, int]:
        """Answers to opening handshakes, by HTTP status; 0 is for what is no HTTP."""
    @property
    def first_error(self) -> bytes:
        """The first error event, at most 256 bytes of it, as it came; empty when there was none."""
    @property
    def payload(self) -> bytes:
        """One payload as it is sent, with all numbers zero: for a look, and for tests."""
    def connect(
        self,
        timeout_seconds: float = 60.0,
        *,
        rate: float = 0.0,
        watch: Callable[[int], object] | None = None,
    ) -> ConnectReport:
        """Open every connection, at most `rate` a second unless that is 0.

        `watch`, when given, is called some ten times a second, with the number of those that are open.

        Raises ConnectionError, telling how many failed and why, when one is refused or fails; TimeoutError when not all are open
        in time; OSError when a socket cannot be had (mostly the limit of open files); RuntimeError the second time.
        """
    def run(
        self,
        seconds: float,
        *,
        rate: float = 0.0,
        churn: float = 0.0,
        interval_seconds: float = 0.0,
        watch: Callable[[Interval], object] | None = None,
    ) -> RunReport:
        """Send for so long, wait until all is delivered, and report on exactly these messages.

        With a `rate` messages are due so many times a second, in the channels in turn; without, as soon as one is done. `churn`
        visitors leave and join again each second. With `interval_seconds` the report tells about each part of the run, and
        `watch`, when given, is called with each `Interval` as soon as it is over. A run ends early when no channel has anybody
        left to send to anybody, unless there is churn: members do not come back, and visitors do.

        What is not delivered within `loss_timeout_seconds` is lost. Raises RuntimeError when no connection is open, and when a
        channel has nobody to deliver to.
        """
    def stop(self) -> None:
        """Let `run` stop sending within a twentieth of a second, wait for what is under way, and report.

        For a signal's handler.
        """
    def hold(self, seconds: float) -> RunReport:
        """Stay connected and silent, answering pings, and report what arrived by itself."""
    def close(self, timeout_seconds: float = 5.0) -> CloseReport:
        """Let the stalled read what there is, close all with code 1000, cut what has not answered in time (0: all at once)."""
