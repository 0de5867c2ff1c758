# What the generator hands back. Times are seconds, sizes are bytes.

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

    `offered` messages were due, `sent` were sent; `unsent` found nobody left in their channel. `expected` deliveries
    are what the sent messages should cause; `lost` is what of these never came. A message that came after a later one
    of the same sender is `reordered` (and delivered), one that came again `duplicated`, one of an earlier run `stale`;
    `unexpected` frames fit no rule: of these `echoed` are messages that came back to their sender, `foreign` messages
    by a template that were sent in another channel, `fragments` parts of messages, and `reserved` frames with RSV bits,
    as compressed ones have. `given_up` counts messages, not deliveries, whose turn was over before all had them.
    `limited` are errors that tell of a rate limit. Of the visitors `left` did so, `returned` joined again,
    `not_returned` were refused (`refusals` has the reasons), and `late_visits` were due while the visitor was still on
    its way; `returning` is the latency of their opening handshakes. `seconds` runs until the last delivery, or until
    what is lost was given up; in the first `sending_seconds` of them messages were sent. `cpu_seconds` is the
    generator's own. `dropped` connections were ended by the server, and `close_codes` tells with what, since the
    generator was made; `faults` counts those that the generator failed, by what the server had sent. `lateness` is how
    long after they were due messages of an open loop were written; `distribution` has the filled buckets of `latency`;
    `receivers` is the latency of each member, when asked for. `members_left` were open in the end.
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
    refusals: dict
    late_visits: int
    dropped: int
    close_codes: dict
    faults: dict
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
    distribution: tuple
    receivers: tuple
    intervals: tuple
    members_left: int


class CloseReport(NamedTuple):
    """Connections by the close code they ended with; 1006 when there was no close frame, 1005 when it had no code.

    The stalled ones are counted apart. Visitors that left by themselves during a run are in neither. `faults` counts the
    connections that the generator failed, of any kind, by what the server had sent; they are in no other count.
    """

    close_codes: dict
    stalled: StalledReport
    faults: dict


cdef object connect_report(const load_t *load, uint64_t elapsed_ns, uint64_t cpu_ns):
    return ConnectReport(
        load.opened,
        elapsed_ns / 1e9,
        cpu_ns / 1e9,
        load.opened / (elapsed_ns / 1e9) if elapsed_ns else 0.0,
        latency_report(&load.totals.connecting),
    )


cdef object end_interval(load_t *load, uint64_t began_ns, uint64_t previous_ns, uint64_t now):
    """Report what was recorded since the last interval, and add it to the whole."""
    cdef totals_t *totals = &load.totals
    record_run(load)
    interval = Interval(
        (now - began_ns) / 1e9,
        (now - previous_ns) / 1e9,
        totals.sent - totals.interval_sent,
        totals.fresh.total,
        latency_at(&totals.fresh, 50.0) / 1e9,
        latency_at(&totals.fresh, 99.0) / 1e9,
        totals.fresh.longest / 1e9,
    )
    totals.interval_sent = totals.sent
    merge_histogram(&totals.latency, &totals.fresh)
    return interval


cdef object run_report(
    load_t *load, uint64_t offered, uint64_t elapsed_ns, uint64_t sending_ns, uint64_t cpu_ns, tuple intervals, dict refusals
):
    cdef totals_t *totals = &load.totals
    record_run(load)
    merge_histogram(&totals.latency, &totals.fresh)
    cdef uint64_t delivered = totals.latency.total
    return RunReport(
        offered,
        totals.sent,
        totals.unsent,
        totals.expected,
        delivered,
        totals.expected - delivered,
        totals.duplicated,
        totals.reordered,
        totals.stale,
        totals.unexpected,
        totals.echoed,
        totals.foreign,
        totals.fragments,
        totals.reserved,
        totals.given_up,
        totals.joins,
        totals.leaves,
        totals.errors,
        totals.limited,
        totals.events,
        totals.pings,
        totals.left,
        totals.returned,
        totals.not_returned,
        refusals,
        totals.late_visits,
        load.dropped,
        codes_of(load),
        faults_of(load),
        totals.received_bytes,
        totals.reads,
        totals.writes,
        totals.waits,
        elapsed_ns / 1e9,
        sending_ns / 1e9,
        cpu_ns / 1e9,
        latency_report(&totals.latency),
        latency_report(&totals.lateness),
        latency_report(&totals.connecting),
        distribution_of(&totals.latency),
        spread_report(load),
        intervals,
        members_left(load),
    )


cdef uint32_t members_left(const load_t *load) noexcept nogil:
    cdef uint32_t left = 0
    cdef uint32_t i
    for i in range(load.channels):
        left += load.channel_states[i].alive
    return left


cdef dict codes_of(const load_t *load):
    return {code: load.close_codes[code] for code in range(CLOSE_CODES) if load.close_codes[code]}


cdef dict faults_of(const load_t *load):
    return frame_faults(&load.faults, load.frame_bytes_max - 10)


cdef str refusal_text(const load_t *load):
    seen = opening_faults(&load.faults, load.statuses)
    all_of_them = load.failed + load.opened + load.handshaking
    return (
        f"{load.failed} of {all_of_them} connection{'s' * (all_of_them != 1)} failed to open"
        + (": " + ", ".join(f"{count} {fault}" for fault, count in seen.items()) if seen else "")
    )


cdef str waiting_text(const load_t *load):
    """Of a time limit: how far those have come that are under way."""
    cdef uint32_t i
    cdef uint32_t unsent = 0
    for i in range(load.total):
        unsent += load.connections[i].state == CONNECTING
    waiting = {"not accepted": unsent, "not answered": load.handshaking - unsent}
    seen = ", ".join(f"{count} {'was' if count == 1 else 'were'} {what}" for what, count in waiting.items() if count)
    opened = f"{load.opened} of {load.total} connection{'s' * (load.total != 1)} opened in time"
    return opened + (f": {seen}" if seen else "")
