# The payload: one JSON object of exactly so many bytes, its numbers padded with spaces to a fixed width,
# so that both ends find them by distance and a number of eight digits is read in three multiplications.
#
#     {"s":    7,"k":    0,"n":      12,"t":      1234567890,"p":"xxx"}
#
# s sender within the channel, k the slot that awaits the message, n the sender's running number,
# t the intended send time in ns since the generator was made, p padding.

cdef enum:
    SENDER_END = 10
    SLOT_END = 20
    NUMBER_END = 33
    MARK_BYTES = 4                  # of a template's channel, see load_template.pxi
    MARK_END = NUMBER_END + MARK_BYTES
    TIME_END = 53
    FIELDS_BYTES = 56               # all numbers lie in the first 56 bytes: seven words to mask
    PAYLOAD_BYTES_MIN = 61
    PAYLOAD_BYTES_MAX = 1024 * 1024
    FRAME_HEAD_MAX = 14


cdef struct message_t:
    uint32_t channel                # only when one is written
    uint32_t sender
    uint32_t slot
    uint32_t number
    uint64_t sent_ns


# What a template holds besides the stamp, see load_template.pxi.
cdef enum place_kind:
    PLACE_CHANNEL
    PLACE_SENDER
    PLACE_SEQUENCE
    PLACE_SENT

cdef struct field_t:
    size_t at                       # in the frame
    int width
    place_kind kind


cdef inline uint64_t word_at(const unsigned char *source) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, source, 8)
    return word


cdef inline uint64_t digits_of(uint64_t word) noexcept nogil:
    # The low four bits of a space are zero, as those of '0' are: padding needs no case of its own.
    word = ((word & 0x0F0F0F0F0F0F0F0FULL) * 2561) >> 8
    word = ((word & 0x00FF00FF00FF00FFULL) * 6553601) >> 16
    return ((word & 0x0000FFFF0000FFFFULL) * 42949672960001ULL) >> 32


cdef inline void read_message(const unsigned char *payload, message_t *out) noexcept nogil:
    """Read all but the time, which the slot knows too; garbage gives garbage, the caller checks it against what it sent."""
    out.sender = <uint32_t>digits_of(word_at(payload + SENDER_END - 8) & 0xFFFFFFFFFF000000ULL)
    out.slot = <uint32_t>digits_of(word_at(payload + SLOT_END - 8) & 0xFFFFFFFFFF000000ULL)
    out.number = <uint32_t>digits_of(word_at(payload + NUMBER_END - 8))


cdef uint64_t sent_ns_in(const unsigned char *payload) noexcept nogil:
    return (
        digits_of(word_at(payload + TIME_END - 16) & 0xFFFFFFFFFFFFFF00ULL) * 100_000_000
        + digits_of(word_at(payload + TIME_END - 8))
    )


cdef inline void put_number(unsigned char *end, int width, uint64_t value, unsigned char pad) noexcept nogil:
    cdef int i
    for i in range(1, width + 1):
        end[-i] = 48 + value % 10 if value or i == 1 else pad
        value //= 10


cdef inline void put_message(unsigned char *payload, const message_t *message, unsigned char pad) noexcept nogil:
    put_number(payload + SENDER_END, 5, message.sender, pad)
    put_number(payload + SLOT_END, 5, message.slot, pad)
    put_number(payload + NUMBER_END, 8, message.number, pad)
    put_number(payload + TIME_END, 15, message.sent_ns, pad)


cdef bytes blank_payload(int payload_bytes):
    head = b'{"s":     ,"k":     ,"n":        ,"t":               ,"p":"'
    return head + b"x" * (payload_bytes - len(head) - 2) + b'"}'


cdef bytes frame_head(int opcode, int size, bytes key):
    """The header of one unfragmented, masked client frame (RFC 6455 section 5.2)."""
    if size < 126:
        return struct.pack("!BB", 0x80 | opcode, 0x80 | size) + key
    if size < 65536:
        return struct.pack("!BBH", 0x80 | opcode, 0xFE, size) + key
    return struct.pack("!BBQ", 0x80 | opcode, 0xFF, size) + key


cdef bytes masked(bytes payload, bytes key):
    return bytes(byte ^ key[i & 3] for i, byte in enumerate(payload))


cdef size_t write_frame(const load_t *load, unsigned char *out, const message_t *message) noexcept nogil:
    """Write one masked frame at `out`, which may take FIELDS_BYTES more, and return its size.

    The rest is masked once, in the template: one key serves a whole generator, which RFC 6455 forbids to
    clients of strangers and which spares a pass over every payload here.
    """
    cdef unsigned char fields[FIELDS_BYTES]
    cdef uint64_t word
    cdef int i
    memcpy(out, load.frame, load.frame_bytes)
    memcpy(fields, load.fields, FIELDS_BYTES)
    put_message(fields, message, load.pad)
    if load.is_template:
        put_mark(fields, message.channel)
    for i in range(0, FIELDS_BYTES, 8):
        word = word_at(fields + i) ^ load.mask
        memcpy(out + load.stamp_at + i, &word, 8)
    if load.place_count:
        put_places(load, out, message)
    return load.frame_bytes
