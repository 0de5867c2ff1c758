# The envelope of a message, stamped in one pass:
#
#   {"id":"<8 of boot><8 of counter>","uid":...,"alias":...,"date":1763654400000,"message":<payload>}
#
# All that depends on the sender is its prefix, `"uid":...,"date":`, which relay.protocol encodes with msgspec when it joins;
# here only the id, the date's digits and the payload are put around it. The bytes equal what msgspec encodes for the event.
# The payload is spliced as it came, so it must have been checked to be exactly one JSON value in valid UTF-8.

cdef enum:
    ID_LENGTH = 16
    MAX_DATE_DIGITS = 20

cdef struct stamp_t:
    uint8_t id[ID_LENGTH]               # the next id; the second half counts, in base 64
    uint8_t date[MAX_DATE_DIGITS]       # the present date's digits
    uint8_t date_length
    uint64_t date_ms

cdef const uint8_t *ID_DIGITS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-"
cdef uint8_t NEXT_DIGIT[256]


cdef void fill_next_digit() noexcept:
    cdef int i
    for i in range(64):
        NEXT_DIGIT[ID_DIGITS[i]] = ID_DIGITS[(i + 1) & 63]


fill_next_digit()


cdef inline void stamp_next_id(stamp_t *stamp) noexcept nogil:
    """Count up like an odometer: a digit that comes back to zero carries into the one before it."""
    cdef int i = ID_LENGTH - 1
    while i >= ID_LENGTH // 2:
        stamp.id[i] = NEXT_DIGIT[stamp.id[i]]
        if stamp.id[i] != ID_DIGITS[0]:
            return
        i -= 1


cdef inline void stamp_set_date(stamp_t *stamp, uint64_t date_ms) noexcept nogil:
    cdef uint8_t digits[MAX_DATE_DIGITS]
    cdef int n = 0, i
    if date_ms == stamp.date_ms and stamp.date_length:
        return
    stamp.date_ms = date_ms
    while True:
        digits[n] = c'0' + <uint8_t>(date_ms % 10)
        n += 1
        date_ms //= 10
        if date_ms == 0:
            break
    for i in range(n):
        stamp.date[i] = digits[n - 1 - i]
    stamp.date_length = n


cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #define ID_BLOCK 16             /* places looked at together: a register of every x86-64 and ARM */
    typedef uint8_t relay_places __attribute__((vector_size(ID_BLOCK)));

    static inline relay_places relay_where(const uint8_t *data, uint8_t byte) {
        relay_places places;
        memcpy(&places, data, ID_BLOCK);
        return (relay_places)(places == byte);
    }

    /* Whether "id", quotes included, begins at one of ID_BLOCK places; reads three bytes more. */
    static inline int relay_block_has_id(const uint8_t *data) {
        uint64_t halves[2];
        relay_places hits = relay_where(data, '"') & relay_where(data + 1, 'i') & relay_where(data + 2, 'd')
            & relay_where(data + 3, '"');
        memcpy(halves, &hits, ID_BLOCK);
        return (halves[0] | halves[1]) != 0;
    }
    """
    enum:
        ID_BLOCK
    bint relay_block_has_id(const uint8_t *data) noexcept nogil


cdef inline bint has_id(const uint8_t *payload, size_t length) noexcept nogil:
    """Whether `"id"` with its quotes occurs. The last block overlaps the one before it: most payloads are a few blocks long, and
    one place at a time would take longer than all of them."""
    cdef size_t i = 0, last
    if length < 4:
        return False
    last = length - 3           # places where it can begin
    if last >= ID_BLOCK:
        while i + ID_BLOCK < last:
            if relay_block_has_id(payload + i):
                return True
            i += ID_BLOCK
        return relay_block_has_id(payload + last - ID_BLOCK)
    while i < last:
        if payload[i] == c'"' and payload[i + 1] == c'i' and payload[i + 2] == c'd' and payload[i + 3] == c'"':
            return True
        i += 1
    return False


cdef inline uint8_t *put(uint8_t *out, const void *data, size_t length) noexcept nogil:
    memcpy(out, data, length)
    return out + length


cdef inline size_t stamped_length(const stamp_t *stamp, bint with_id, size_t prefix_length, size_t length) noexcept nogil:
    """Bytes of the envelope around `length` bytes of payload, frame header not counted."""
    return (25 if with_id else 1) + prefix_length + stamp.date_length + 11 + length + 1


cdef inline void stamp_write(
    stamp_t *stamp, uint8_t *out, bint with_id, const uint8_t *prefix, size_t prefix_length, const uint8_t *payload,
    size_t length,
) noexcept nogil:
    """Write the whole frame; `out` has room for header_size(n) + n bytes, n being `stamped_length`."""
    out += write_header(out, FIN | TEXT, stamped_length(stamp, with_id, prefix_length, length))
    if with_id:
        out = put(out, b'{"id":"', 7)
        out = put(out, stamp.id, ID_LENGTH)
        out = put(out, b'",', 2)
        stamp_next_id(stamp)
    else:
        out[0] = c'{'
        out += 1
    out = put(out, prefix, prefix_length)
    out = put(out, stamp.date, stamp.date_length)
    out = put(out, b',"message":', 11)
    out = put(out, payload, length)
    out[0] = c'}'


def contains_id(const uint8_t[::1] payload not None):
    """Whether the bytes `"id"`, quotes included, occur anywhere in `payload`."""
    return payload.shape[0] > 0 and has_id(&payload[0], payload.shape[0])


@cython.final
cdef class Stamper:
    """Stamps payloads with their envelope. One instance serves all members: what differs is the member's prefix.

    `prefix` is `"uid":<json>,"alias":<json>,"date":` (alias left out when there is none), as `relay.protocol` prepares it.
    `boot` are 8 URL-safe ASCII characters which make ids of different processes differ. Raises ValueError for other lengths.
    """

    cdef stamp_t state

    def __cinit__(self, bytes boot not None):
        if len(boot) != ID_LENGTH // 2:
            raise ValueError(f"boot: expected {ID_LENGTH // 2} bytes, got {len(boot)}")
        memcpy(self.state.id, PyBytes_AS_STRING(boot), ID_LENGTH // 2)
        memset(self.state.id + ID_LENGTH // 2, ID_DIGITS[0], ID_LENGTH // 2)

    def stamp(self, bytes prefix not None, const uint8_t[::1] payload not None, uint64_t date):
        """A whole text frame, `{"id":I,<prefix>D,"message":<payload>}`; no id when the payload contains `"id"`.

        The payload must have been validated: it is spliced byte for byte.
        """
        cdef size_t length = payload.shape[0], size
        cdef const uint8_t *data = &payload[0] if length else <const uint8_t *>b""
        cdef bint with_id = not has_id(data, length)
        cdef bytes frame
        stamp_set_date(&self.state, date)
        size = stamped_length(&self.state, with_id, len(prefix), length)
        frame = PyBytes_FromStringAndSize(NULL, header_size(size) + size)
        stamp_write(
            &self.state, <uint8_t *>PyBytes_AS_STRING(frame), with_id, <const uint8_t *>PyBytes_AS_STRING(prefix),
            len(prefix), data, length,
        )
        return frame
