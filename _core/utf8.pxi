# UTF-8 validation, whole or in pieces (Unicode 15, table 3-7: no surrogates, no overlong forms, nothing above U+10FFFF).
#
# The state between two bytes is how many continuation bytes are still due and the range the next one must lie in; the range
# carries everything that is special about E0, ED, F0 and F4, so that there is no table. Runs of ASCII, nearly all of real
# traffic, are skipped sixteen bytes at a time.

cdef struct utf8_t:
    uint8_t due
    uint8_t low
    uint8_t high


cdef inline bint utf8_feed(utf8_t *state, const uint8_t *p, size_t length) noexcept nogil:
    """Take the next piece; False as soon as no continuation can make it valid. A state that has failed must not be fed again."""
    cdef const uint8_t *end = p + length
    cdef uint64_t first, second
    cdef uint8_t due = state.due, low = state.low, high = state.high, c
    while p < end:
        if due:
            c = p[0]
            if c < low or c > high:
                return False
            p += 1
            due -= 1
            low = 0x80
            high = 0xBF
            continue
        while end - p >= 16:
            memcpy(&first, p, 8)
            memcpy(&second, p + 8, 8)
            if (first | second) & <uint64_t>0x8080808080808080:
                break
            p += 16
        while p < end and p[0] < 0x80:
            p += 1
        if p == end:
            break
        c = p[0]
        p += 1
        low = 0x80
        high = 0xBF
        if c < 0xC2:
            return False
        if c < 0xE0:
            due = 1
        elif c < 0xF0:
            due = 2
            if c == 0xE0:
                low = 0xA0
            elif c == 0xED:
                high = 0x9F
        elif c < 0xF5:
            due = 3
            if c == 0xF0:
                low = 0x90
            elif c == 0xF4:
                high = 0x8F
        else:
            return False
    state.due = due
    state.low = low
    state.high = high
    return True


cdef inline bint utf8_is_valid(const uint8_t *p, size_t length) noexcept nogil:
    cdef utf8_t state
    state.due = state.low = state.high = 0
    return utf8_feed(&state, p, length) and state.due == 0


def is_utf8(const uint8_t[::1] data not None):
    """Whether `data` is well-formed UTF-8 as a whole (Unicode 15, table 3-7: no surrogates, no overlong forms)."""
    return data.shape[0] == 0 or utf8_is_valid(&data[0], data.shape[0])


@cython.final
cdef class Utf8Validator:
    """Checks UTF-8 that arrives in pieces."""

    cdef utf8_t state
    cdef bint failed

    def feed(self, const uint8_t[::1] data not None):
        """Take the next piece. False from the first byte on that no continuation can make valid."""
        if not self.failed and data.shape[0]:
            self.failed = not utf8_feed(&self.state, &data[0], data.shape[0])
        return not self.failed

    @property
    def is_complete(self):
        """Whether what was fed so far is valid and ends on a character boundary."""
        return not self.failed and self.state.due == 0
