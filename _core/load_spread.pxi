# Latencies per receiver, when asked for: a coarse histogram each, four buckets of the exact one in one, so that a value
# is never further than 1.6 % from its bucket's middle. The longest is exact.

cdef inline void record_spread(load_t *load, uint32_t receiver, uint64_t latency, uint32_t times) noexcept nogil:
    load.spread[<size_t>receiver * SPREAD_BUCKETS + (bucket_of(latency) >> SPREAD_SHIFT)] += times
    if latency > load.longest[receiver]:
        load.longest[receiver] = latency


cdef int allocate_spread(load_t *load) except -1:
    load.spread = <uint32_t *>zeroed(<size_t>load.member_count * SPREAD_BUCKETS, sizeof(uint32_t))
    load.longest = <uint64_t *>zeroed(load.member_count, sizeof(uint64_t))
    return 0


cdef void clear_spread(load_t *load) noexcept nogil:
    if load.spread != NULL:
        memset(load.spread, 0, <size_t>load.member_count * SPREAD_BUCKETS * sizeof(uint32_t))
        memset(load.longest, 0, load.member_count * sizeof(uint64_t))


cdef double spread_middle(uint32_t bucket) noexcept nogil:
    """In seconds: between the two inner ones of the four exact buckets."""
    cdef uint32_t first = bucket << SPREAD_SHIFT
    return (bucket_middle(first + 1) + bucket_middle(first + 2)) / 2e9


cdef object receiver_latency(const load_t *load, uint32_t receiver):
    cdef const uint32_t *counts = load.spread + <size_t>receiver * SPREAD_BUCKETS
    cdef double found[4]
    cdef double[4] percentiles = [50.0, 90.0, 99.0, 99.9]
    cdef double longest = load.longest[receiver] / 1e9
    cdef uint64_t samples = 0
    cdef uint64_t seen = 0
    cdef int bucket
    cdef int next_one = 0
    for bucket in range(SPREAD_BUCKETS):
        samples += counts[bucket]
    if samples == 0:
        return Latency(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for bucket in range(SPREAD_BUCKETS):
        seen += counts[bucket]
        while next_one < 4 and seen >= max(<uint64_t>1, <uint64_t>ceil(samples * percentiles[next_one] / 100.0)):
            found[next_one] = min(spread_middle(bucket), longest)
            next_one += 1
    return Latency(samples, found[0], found[1], found[2], found[3], longest)


cdef object spread_report(const load_t *load):
    """One `Latency` per member, in the order of the connections; empty when nobody asked."""
    if load.spread == NULL:
        return ()
    return tuple(receiver_latency(load, receiver) for receiver in range(load.member_count))
