# The parser of a client's frames (RFC 6455 section 5), sans-I/O and in place.
#
# It is fed whatever the socket gave and asked for the next event until there is none. A message that lies whole in the input,
# nearly every one, is unmasked where it stands and handed out as a pointer into the input: nothing is copied or allocated.
# Otherwise its pieces are unmasked, checked and gathered in a buffer that grows with what has arrived, never with what a
# header announced. All limits are checked on the header, before any payload is kept.
#
#   header -> payload -> header -> ...         a violation: `fault` is set, everything after it is ignored
#                |                             a close frame: `closed` is set, likewise
#                +-> event: message | control
#
# A parser between messages is all zeros but for `max_message`, so an idle member has none: the reactor lends it a fresh one
# for each read and keeps it only when the read ended inside a message.

cdef struct parser_t:
    uint64_t max_message
    uint64_t remaining          # payload bytes of the present frame still to come
    uint8_t *message            # what has arrived of a message that is not whole yet
    size_t message_length
    size_t message_capacity
    const char *reason
    uint16_t fault              # close code the connection must be failed with; 0: none
    utf8_t utf8
    uint8_t key[4]
    uint8_t phase               # payload bytes of the present frame unmasked so far, modulo 4
    uint8_t head[MAX_HEADER]
    uint8_t head_length
    uint8_t opcode              # of the present frame
    uint8_t message_opcode      # of the message's first frame; 0: no message under way
    bint fin
    bint in_payload
    bint closed
    bint delivered              # `message` was handed out and is free to go
    uint8_t control[MAX_CONTROL_PAYLOAD]
    uint8_t control_length

cdef struct event_t:
    int opcode
    uint8_t *data
    size_t length

cdef enum Event:
    NOTHING = 0                 # the input is used up
    MESSAGE = 1
    CONTROL = 2
    FAULT = 3                   # once; code and reason are in the parser


cdef inline void parser_init(parser_t *p, uint64_t max_message) noexcept nogil:
    memset(p, 0, sizeof(parser_t))
    p.max_message = max_message


cdef inline void parser_drop_message(parser_t *p) noexcept nogil:
    free(p.message)
    p.message = NULL
    p.message_length = p.message_capacity = 0
    p.delivered = False


cdef inline bint parser_is_idle(const parser_t *p) noexcept nogil:
    return not (p.head_length or p.in_payload or p.message_opcode or p.fault or p.closed)


cdef int parser_fail(parser_t *p, uint16_t code, const char *reason) noexcept nogil:
    parser_drop_message(p)
    p.fault = code
    p.reason = reason
    return -1


cdef int check_first_bytes(parser_t *p, uint8_t first, uint8_t second) noexcept nogil:
    """Everything the two first bytes of a header can have wrong (sections 5.1, 5.2, 5.4, 5.5); -1 for a fault."""
    cdef uint8_t opcode = first & 15, length = second & 127
    if first & 0x70:
        return parser_fail(p, CLOSE_PROTOCOL_ERROR, b"reserved bit set")
    if opcode > PONG or BINARY < opcode < CLOSE:
        return parser_fail(p, CLOSE_PROTOCOL_ERROR, b"reserved opcode")
    if not second & MASKED:
        return parser_fail(p, CLOSE_PROTOCOL_ERROR, b"frame not masked")
    if opcode & 8:
        if not first & FIN:
            return parser_fail(p, CLOSE_PROTOCOL_ERROR, b"fragmented control frame")
        if length > MAX_CONTROL_PAYLOAD:
            return parser_fail(p, CLOSE_PROTOCOL_ERROR, b"control frame over 125 bytes")
    elif opcode == CONTINUATION:
        if not p.message_opcode:
            return parser_fail(p, CLOSE_PROTOCOL_ERROR, b"continuation of nothing")
    elif p.message_opcode:
        return parser_fail(p, CLOSE_PROTOCOL_ERROR, b"new message inside a fragmented one")
    return 0


cdef int check_length(parser_t *p, const uint8_t *head, uint64_t *length) noexcept nogil:
    """Read the payload length and hold it against the limit; -1 for a fault. `head` has all its length bytes."""
    cdef uint64_t n = head[1] & 127
    cdef int i
    if n == 126:
        n = (<uint64_t>head[2] << 8) | head[3]
        if n < 126:
            return parser_fail(p, CLOSE_PROTOCOL_ERROR, b"length not in its shortest form")
    elif n == 127:
        n = 0
        for i in range(2, 10):
            n = (n << 8) | head[i]
        if n >> 63:
            return parser_fail(p, CLOSE_PROTOCOL_ERROR, b"length with its top bit set")
        if n < 65536:
            return parser_fail(p, CLOSE_PROTOCOL_ERROR, b"length not in its shortest form")
    # subtracting, because message_length + n could wrap around
    if not head[0] & 8 and n > p.max_message - p.message_length:
        return parser_fail(p, CLOSE_MESSAGE_TOO_BIG, b"message too big")
    length[0] = n
    return 0


cdef inline size_t masked_header_size(uint8_t second) noexcept nogil:
    second &= 127
    if second < 126:
        return 6
    return 8 if second == 126 else 14


cdef int parser_header(parser_t *p, uint8_t **cursor, uint8_t *end) noexcept nogil:
    """Take the header at `cursor`: 1 when it is whole, 0 when bytes are missing, -1 for a fault."""
    cdef uint8_t *head = cursor[0]
    cdef size_t available = end - head, size = 0, wanted
    cdef uint64_t length = 0
    if p.head_length == 0 and available >= 2:
        size = masked_header_size(head[1])
    if size and available >= size:
        if check_first_bytes(p, head[0], head[1]) < 0 or check_length(p, head, &length) < 0:
            return -1
        cursor[0] += size
    else:
        # a header in pieces: collect it, and refuse it as soon as what is there suffices to
        head = p.head
        size = masked_header_size(head[1]) if p.head_length >= 2 else 2
        while True:
            wanted = size - p.head_length
            available = end - cursor[0]
            if wanted > available:
                wanted = available
            memcpy(head + p.head_length, cursor[0], wanted)
            p.head_length += <uint8_t>wanted
            cursor[0] += wanted
            if p.head_length >= 2:
                if check_first_bytes(p, head[0], head[1]) < 0:
                    return -1
                size = masked_header_size(head[1])
                if p.head_length >= size - 4 and check_length(p, head, &length) < 0:
                    return -1
            if p.head_length == size:
                break
            if cursor[0] == end:
                return 0
        p.head_length = 0
    memcpy(p.key, head + size - 4, 4)
    p.opcode = head[0] & 15
    p.fin = (head[0] & FIN) != 0
    p.remaining = length
    p.phase = 0
    p.in_payload = True
    if p.opcode & 8:
        p.control_length = 0
    elif p.opcode != CONTINUATION:
        p.message_opcode = p.opcode
        p.utf8.due = 0
    return 1


cdef int parser_control(parser_t *p, uint8_t **cursor, uint8_t *end, event_t *event) noexcept nogil:
    cdef size_t take = end - cursor[0]
    cdef unsigned int code
    if take > p.remaining:
        take = p.remaining
    memcpy(p.control + p.control_length, cursor[0], take)
    cursor[0] += take
    p.control_length += <uint8_t>take
    p.remaining -= take
    if p.remaining:
        return NOTHING
    p.in_payload = False
    mask_in_place(p.control, p.control_length, p.key, 0)
    if p.opcode == CLOSE:
        if p.control_length == 1:
            parser_fail(p, CLOSE_PROTOCOL_ERROR, b"close frame of one byte")
            return FAULT
        if p.control_length:
            code = (<unsigned int>p.control[0] << 8) | p.control[1]
            if not is_valid_close_code(code):
                parser_fail(p, CLOSE_PROTOCOL_ERROR, b"invalid close code")
                return FAULT
            if not utf8_is_valid(p.control + 2, p.control_length - 2):
                parser_fail(p, CLOSE_INVALID_DATA, b"close reason is not UTF-8")
                return FAULT
        parser_drop_message(p)
        p.closed = True
    event.opcode = p.opcode
    event.data = p.control
    event.length = p.control_length
    return CONTROL


cdef int parser_keep(parser_t *p, const uint8_t *data, size_t length) noexcept nogil:
    """Append to the message under way; -1 for a fault. The buffer doubles, up to the limit the header was held against."""
    cdef size_t needed = p.message_length + length, capacity = p.message_capacity
    cdef uint8_t *grown
    if needed > capacity:
        capacity = capacity * 2 if capacity else 512
        if capacity > p.max_message:
            capacity = p.max_message
        if capacity < needed:
            capacity = needed
        grown = <uint8_t *>realloc(p.message, capacity)
        if grown == NULL:
            return parser_fail(p, CLOSE_INTERNAL_ERROR, b"out of memory")
        p.message = grown
        p.message_capacity = capacity
    if length:
        memcpy(p.message + p.message_length, data, length)
        p.message_length = needed
    return 0


cdef int parser_data(parser_t *p, uint8_t **cursor, uint8_t *end, event_t *event) noexcept nogil:
    """The payload of a text, binary or continuation frame; NOTHING also when the message goes on in another frame."""
    cdef uint8_t *data = cursor[0]
    cdef size_t take = end - data
    cdef bint is_text = p.message_opcode == TEXT
    cdef bint is_whole = p.fin and p.opcode != CONTINUATION and p.message_length == 0 and p.remaining <= take
    if take > p.remaining:
        take = p.remaining
    mask_in_place(data, take, p.key, p.phase)
    cursor[0] += take
    p.phase = (p.phase + take) & 3
    p.remaining -= take
    p.in_payload = p.remaining != 0
    if is_text and not utf8_feed(&p.utf8, data, take):
        parser_fail(p, CLOSE_INVALID_DATA, b"text is not UTF-8")
        return FAULT
    if not is_whole and parser_keep(p, data, take) < 0:
        return FAULT
    if p.in_payload or not p.fin:
        return NOTHING
    if is_text and p.utf8.due:
        parser_fail(p, CLOSE_INVALID_DATA, b"text is not UTF-8")
        return FAULT
    event.opcode = p.message_opcode
    event.data = data if is_whole or p.message == NULL else p.message    # never NULL, also for an empty message
    event.length = take if is_whole else p.message_length
    p.message_opcode = 0
    p.delivered = not is_whole
    return MESSAGE


cdef int parser_next(parser_t *p, uint8_t **cursor, uint8_t *end, event_t *event) noexcept nogil:
    """The next event in the input at `cursor`, which it moves; the event's data is good until the next call."""
    cdef int got
    if p.delivered:
        parser_drop_message(p)
    if p.fault or p.closed:
        cursor[0] = end
        return NOTHING
    while cursor[0] < end:
        if not p.in_payload:
            got = parser_header(p, cursor, end)
            if got < 0:
                return FAULT
            if got == 0:
                return NOTHING
        got = parser_control(p, cursor, end, event) if p.opcode & 8 else parser_data(p, cursor, end, event)
        if got != NOTHING:
            return got
    return NOTHING


@cython.final
cdef class FrameParser:
    """The server's side of RFC 6455 section 5: masked frames in, whole messages and control frames out."""

    cdef parser_t parser

    def __cinit__(self, max_message_bytes=102_400):
        if max_message_bytes < 0:
            raise ValueError(f"max_message_bytes: expected 0 or more, got {max_message_bytes}")
        parser_init(&self.parser, max_message_bytes)

    def __dealloc__(self):
        parser_drop_message(&self.parser)

    def feed(self, const uint8_t[::1] data not None):
        """Take the next bytes of the stream and return what they complete, as `(opcode, payload)`.

        A text or binary message comes once, whole, however it was fragmented; its opcode is that of its first frame. Ping,
        pong and close come as they are met, also between fragments. Never raises for what a peer sent: what was complete
        before a violation is returned, the violation is kept in `fault`, and everything after it, and after a close frame,
        is ignored.
        """
        cdef bytearray own = bytearray(data)    # the parser unmasks in place
        cdef uint8_t *cursor = <uint8_t *><char *>own
        cdef uint8_t *end = cursor + len(own)
        cdef event_t event
        events = []
        while True:
            kind = parser_next(&self.parser, &cursor, end, &event)
            if kind == NOTHING:
                return events
            if kind != FAULT:
                events.append((event.opcode, event.data[:event.length]))

    @property
    def fault(self):
        """The close code and the reason the connection must be failed with, or None."""
        if self.parser.fault == 0:
            return None
        return self.parser.fault, self.parser.reason.decode()

    @property
    def is_idle(self):
        """Whether the parser stands between messages and holds no byte."""
        return parser_is_idle(&self.parser)

    @property
    def buffered_bytes(self):
        """Bytes allocated for a message that is not complete yet; grows with what has arrived, not with what was announced."""
        return self.parser.message_capacity
