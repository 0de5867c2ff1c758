# What the generator hands back. Times are seconds, sizes are bytes.

class ConnectReport(NamedTuple):
    """How the opening handshakes went. `latency` is of one handshake, from connecting to the 101."""

    opened: int
    seconds: float
    cpu_seconds: float
    per_second: float
    latency: Latency


class RunReport(NamedTuple):
    """What was sent and what came of it.

    `expected` deliveries are what the sent messages should cause; `lost` is what of these never came. A message
    that came after a later one of the same sender is `reordered` (and delivered), one that came again `duplicated`,
    one of an earlier run `stale`; `unexpected` frames fit no rule. `given_up` counts messages, not deliveries,
    whose turn was over before all had them. `seconds` runs until the last delivery, `cpu_seconds` is the
    generator's own. `dropped` connections ended by themselves, since the generator was made.
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
    def deliveries_per_second(self):
        """Deliveries per second of the whole run."""
        return self.delivered / self.seconds if self.seconds else 0.0


class CloseReport(NamedTuple):
    """Connections by the close code they ended with; 1006 when there was no close frame, 1005 when it had no code."""

    close_codes: dict


cdef object connect_report(const load_t *load, uint64_t elapsed_ns, uint64_t cpu_ns):
    return ConnectReport(
        load.opened,
        elapsed_ns / 1e9,
        cpu_ns / 1e9,
        load.opened / (elapsed_ns / 1e9) if elapsed_ns else 0.0,
        latency_report(&load.totals.latency),
    )


cdef object run_report(load_t *load, uint64_t elapsed_ns, uint64_t cpu_ns):
    cdef totals_t *totals = &load.totals
    record_run(load)
    cdef uint64_t delivered = totals.latency.total
    return RunReport(
        totals.sent,
        totals.expected,
        delivered,
        totals.expected - delivered,
        totals.duplicated,
        totals.reordered,
        totals.stale,
        totals.unexpected,
        totals.given_up,
        totals.joins,
        totals.leaves,
        totals.errors,
        totals.events,
        totals.pings,
        load.dropped,
        totals.received_bytes,
        totals.reads,
        totals.writes,
        totals.waits,
        elapsed_ns / 1e9,
        cpu_ns / 1e9,
        latency_report(&totals.latency),
    )


cdef object close_report(const load_t *load):
    return CloseReport({code: load.close_codes[code] for code in range(CLOSE_CODES) if load.close_codes[code]})


cdef str refusal_text(const load_t *load):
    seen = [f"{load.statuses[code]} with HTTP {code}" for code in range(100, 1000) if code != 101 and load.statuses[code]]
    return (
        f"{load.failed} of {load.failed + load.opened + load.handshaking} connections failed to open"
        + (": " + ", ".join(seen) if seen else "")
    )
