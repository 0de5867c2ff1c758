# The parts of a run, for a time line, and for who watches it.

@cython.final
cdef class _Intervals:
    cdef uint64_t run_began_ns
    cdef uint64_t length_ns         # 0 when nobody asked
    cdef uint64_t began_ns
    cdef list found
    cdef object watch

    def __init__(self, uint64_t now, double seconds, watch):
        self.run_began_ns = self.began_ns = now
        self.length_ns = <uint64_t>(seconds * 1e9)
        self.found, self.watch = [], watch

    cdef uint64_t next_end(self, uint64_t now):
        """When the run must be looked after next: at the end of the interval, or of a slice."""
        return min(now + SLICE_NS, self.began_ns + self.length_ns) if self.length_ns else now + SLICE_NS

    cdef int end_due(self, load_t *load, uint64_t now) except -1:
        if self.length_ns and now >= self.began_ns + self.length_ns:
            self.end(load, now)
        return 0

    cdef int end(self, load_t *load, uint64_t now) except -1:
        if not self.length_ns or now <= self.began_ns:
            return 0
        interval = end_interval(load, self.run_began_ns, self.began_ns, now)
        self.began_ns = now
        self.found.append(interval)
        if self.watch is not None:
            self.watch(interval)
        return 0
