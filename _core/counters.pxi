# What the reactor counts. Plain adds on the way of what happens anyway; nothing here takes a lock or reads a clock.

cdef struct counters_t:
    # connections
    uint64_t accepted
    uint64_t admitted           # became members
    uint64_t refused            # before or instead of an upgrade, for whatever reason
    uint64_t full_house         # of these: at max_connections
    uint64_t not_http
    uint64_t bad_proxy_header
    uint64_t head_too_large
    uint64_t timed_out          # heads that did not arrive in time
    uint64_t crowded_out        # unfinished handshakes that made room for newer ones
    # messages
    uint64_t messages           # received whole, whatever became of them
    uint64_t deliveries         # messages times the members they went to; a slow consumer may have missed some (`skipped`)
    uint64_t published          # messages that no member sent
    uint64_t errors             # messages answered by an error
    uint64_t over_message_rate  # dropped by a bucket, or in a dry run would have been
    uint64_t over_byte_rate
    uint64_t denied             # dropped for want of a send key
    # ends
    uint64_t warned             # of a rate, one a second
    uint64_t kicked             # for it; or in a dry run would have been
    uint64_t slow_consumers     # closed
    uint64_t gaps               # slow consumers that were left, each time
    uint64_t skipped            # messages they missed
    uint64_t silent             # members that were gone without a word
    uint64_t faults             # connections failed for what they sent
    uint64_t crashes            # exceptions contained
    # work
    uint64_t turns
    uint64_t wakeups            # times that there was nothing left to do, and then was: before a turn, or within it
    uint64_t rounds             # of the turns, those that found something to do
    uint64_t reads              # system calls that read from handshakes and members
    uint64_t sends              # system calls that sent to members
    uint64_t bytes_in
    uint64_t bytes_out


cdef enum:
    HISTOGRAM_BOUNDS = 18       # 1, 2, 4 … 131072
    CLOSE_CODES = 16            # 1000 to 1015
    NO_STATUS_CODE = 1005       # RFC 6455 section 7.4.1: a close frame without a status,
    ABNORMAL_CODE = 1006        # and no close frame at all
    MAX_BACKLOGS = 64

cdef double MICROSECOND = 1e-6

cdef extern from *:
    """
    static inline int relay_bit_length(unsigned int value) { return value ? 32 - __builtin_clz(value) : 0; }
    """
    int relay_bit_length(unsigned int value) noexcept nogil


cdef struct histogram_t:
    uint64_t counts[HISTOGRAM_BOUNDS + 1]   # of values up to 1, 2, 4 …, and of those above all bounds
    uint64_t total                          # the sum of the values

cdef struct work_t:
    histogram_t turns           # microseconds
    histogram_t fanout          # members a message goes to
    uint64_t closed[CLOSE_CODES]
    uint64_t closed_other


cdef inline void histogram_add(histogram_t *histogram, uint32_t value) noexcept nogil:
    cdef int index = relay_bit_length(value - 1) if value > 1 else 0
    histogram.counts[min(index, HISTOGRAM_BOUNDS)] += 1
    histogram.total += value


cdef dict histogram_report(const histogram_t *histogram, double unit):
    return {
        "bounds": [(1 << i) * unit for i in range(HISTOGRAM_BOUNDS)],
        "counts": [histogram.counts[i] for i in range(HISTOGRAM_BOUNDS + 1)],
        "sum": histogram.total * unit,
    }


cdef inline void count_close(work_t *work, unsigned int code) noexcept nogil:
    if 1000 <= code < 1000 + CLOSE_CODES:
        work.closed[code - 1000] += 1
    else:
        work.closed_other += 1


cdef dict closed_counts(const work_t *work):
    counts = {f"closed_{1000 + i}": work.closed[i] for i in range(CLOSE_CODES)}
    del counts["closed_1004"], counts["closed_1015"]    # never on a wire, and nobody's
    counts["closed_other"] = work.closed_other
    return counts


cdef unsigned int frame_close_code(bytes frame):
    """The status of a close frame of ours."""
    if PyBytes_GET_SIZE(frame) < 4:
        return NO_STATUS_CODE
    cdef const uint8_t *data = <const uint8_t *>PyBytes_AS_STRING(frame)
    return (<unsigned int>data[2] << 8) | data[3]


cdef object reactor_backlogs(Reactor r, int limit):
    cdef uint64_t worst[MAX_BACKLOGS]
    cdef uint64_t backlog
    cdef int kept = 0, i
    cdef uint32_t at
    if not 0 <= limit <= MAX_BACKLOGS:
        raise ValueError(f"limit: expected 0 to {MAX_BACKLOGS}, got {limit}")
    if RELAY_CHECK:
        check_blocked(r)
    for at in range(r.blocked_total):
        backlog = member_backlog(<Member>r.blocked[at])
        if kept == limit and (limit == 0 or backlog <= worst[kept - 1]):
            continue
        i = kept if kept < limit else limit - 1
        while i > 0 and worst[i - 1] < backlog:
            worst[i] = worst[i - 1]
            i -= 1
        worst[i] = backlog
        kept = min(kept + 1, limit)
    return r.blocked_total, [worst[i] for i in range(kept)]
