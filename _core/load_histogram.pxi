# Latencies, in log-linear buckets as HDR Histogram has them: exact below 128 ns, then 128 buckets for
# each power of two, so that a bucket's middle is never further than 0.4 % from what was recorded.

cdef struct histogram_t:
    uint64_t counts[LATENCY_OCTAVES << LATENCY_OCTAVE_BITS]
    uint64_t total
    uint64_t longest


cdef inline uint32_t bucket_of(uint64_t value) noexcept nogil:
    cdef int shift = 63 - __builtin_clzll(value | 1) - LATENCY_OCTAVE_BITS
    if shift <= 0:
        return <uint32_t>value if shift < 0 else <uint32_t>(value & 127) + 128
    if shift >= LATENCY_OCTAVES - 1:
        return (LATENCY_OCTAVES << LATENCY_OCTAVE_BITS) - 1
    return ((<uint32_t>shift + 1) << LATENCY_OCTAVE_BITS) + <uint32_t>((value >> shift) & 127)


cdef uint64_t bucket_middle(uint32_t bucket) noexcept nogil:
    cdef int shift = <int>(bucket >> LATENCY_OCTAVE_BITS) - 1
    if shift <= 0:
        return bucket
    return ((<uint64_t>(bucket & 127) + 128) << shift) + ((<uint64_t>1 << shift) >> 1)


cdef inline void record_latency(histogram_t *histogram, uint64_t value, uint64_t times) noexcept nogil:
    histogram.counts[bucket_of(value)] += times
    histogram.total += times
    if times and value > histogram.longest:
        histogram.longest = value


cdef void merge_histogram(histogram_t *into, histogram_t *source) noexcept nogil:
    """Move all that `source` holds."""
    cdef int bucket
    if source.total == 0:
        return
    for bucket in range(LATENCY_OCTAVES << LATENCY_OCTAVE_BITS):
        into.counts[bucket] += source.counts[bucket]
    into.total += source.total
    into.longest = max(into.longest, source.longest)
    memset(source, 0, sizeof(histogram_t))


cdef uint64_t latency_at(const histogram_t *histogram, double percentile) noexcept nogil:
    """The smallest bucket that `percentile` of all values do not exceed, in ns; 0 when nothing was recorded."""
    cdef uint64_t wanted = <uint64_t>ceil(histogram.total * percentile / 100.0)
    cdef uint64_t seen = 0
    cdef int bucket
    if wanted == 0:
        wanted = 1
    for bucket in range(LATENCY_OCTAVES << LATENCY_OCTAVE_BITS):
        seen += histogram.counts[bucket]
        if seen >= wanted:
            return min(bucket_middle(bucket), histogram.longest)
    return histogram.longest


class Latency(NamedTuple):
    """Latencies in seconds, each within 0.4 %; all zero when `samples` is."""

    samples: int
    p50: float
    p90: float
    p99: float
    p999: float
    longest: float


cdef object latency_report(const histogram_t *histogram):
    return Latency(
        histogram.total,
        latency_at(histogram, 50.0) / 1e9,
        latency_at(histogram, 90.0) / 1e9,
        latency_at(histogram, 99.0) / 1e9,
        latency_at(histogram, 99.9) / 1e9,
        histogram.longest / 1e9,
    )


cdef object distribution_of(const histogram_t *histogram):
    """Every bucket that holds something, as (its middle in seconds, how many), the shortest first."""
    return tuple(
        (bucket_middle(bucket) / 1e9, histogram.counts[bucket])
        for bucket in range(LATENCY_OCTAVES << LATENCY_OCTAVE_BITS)
        if histogram.counts[bucket]
    )


@cython.final
cdef class Histogram:
    """The histogram by itself: whole nanoseconds in, percentiles out. Values above 2**40 ns share the last bucket."""

    cdef histogram_t counts

    def __cinit__(self):
        memset(&self.counts, 0, sizeof(histogram_t))

    def record(self, uint64_t nanoseconds):
        """Count one value."""
        record_latency(&self.counts, nanoseconds, 1)

    def report(self):
        """Return the `Latency` of all values so far."""
        return latency_report(&self.counts)

    def distribution(self):
        """Return the filled buckets, as (middle in seconds, count)."""
        return distribution_of(&self.counts)
