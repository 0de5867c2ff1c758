# Server frames, walked in place (RFC 6455 section 5.2). Only what the books need is looked at: the header,
# and the payload's place, counted back from the frame's end.

cdef enum fault:
    NOT_COMPLETE = 0
    MALFORMED = -1


cdef inline ssize_t frame_extent(const load_t *load, const unsigned char *at, size_t left, size_t *head) noexcept nogil:
    """The whole frame's size; NOT_COMPLETE when its header or body is not all there; MALFORMED when it cannot be right."""
    cdef size_t size
    if left < 2:
        return NOT_COMPLETE
    size = at[1]
    head[0] = 2
    if size == 126:
        if left < 4:
            return NOT_COMPLETE
        size = (<size_t>at[2] << 8) | at[3]
        head[0] = 4
    elif size == 127:
        if left < 10:
            return NOT_COMPLETE
        size = __builtin_bswap64(word_at(at + 2))
        head[0] = 10
    elif size > 127:
        return MALFORMED            # a server must not mask (section 5.1)
    if size > load.frame_bytes_max - 10:
        return MALFORMED
    size += head[0]
    return <ssize_t>size if size <= left else NOT_COMPLETE


cdef inline const unsigned char *payload_in(load_t *load, const unsigned char *body, size_t size) noexcept nogil:
    """Where one of our payloads lies in a message: at the end of an envelope, or alone; NULL when there is none."""
    cdef const unsigned char *payload = body + size - load.payload_bytes
    if load.is_template:
        return stamp_in(load, body, size)
    if size > load.payload_bytes + 11:
        payload -= 1
        if memcmp(payload - 10, b'"message":{"s":', 15) == 0:
            return payload
    elif size == load.payload_bytes and memcmp(payload, b'{"s":', 5) == 0:
        return payload
    return NULL


cdef size_t take_frames(
    load_t *load, connection_t *connection, const unsigned char *data, size_t size, uint64_t now
) noexcept nogil:
    """Take every complete frame and return how many bytes that was. A malformed one ends the connection."""
    cdef size_t at = 0
    cdef size_t head = 0
    cdef ssize_t extent
    cdef const unsigned char *payload
    cdef ledger_t ledger
    if connection.kind != MEMBER:
        return take_bystander_frames(load, connection, data, size)
    ledger = ledger_of(load, connection)
    if load.spread != NULL:
        record_run(load)            # a run is of one receiver
        load.run_receiver = <uint32_t>(connection - load.connections)
    while True:
        extent = frame_extent(load, data + at, size - at, &head)
        if extent <= 0:
            break
        if data[at] == 0x81 or data[at] == 0x82:
            payload = payload_in(load, data + at + head, extent - head)
            if payload != NULL:
                take_delivery(load, connection, &ledger, payload, now)
            else:
                take_event(load, data + at + head, extent - head)
        else:
            take_control(load, connection, data[at], data + at + head, extent - head)
            if connection.state == GONE:
                return size
        at += extent
    if extent == MALFORMED:
        load.totals.unexpected += 1
        fail_connection(load, connection, malformation(data + at))
        return size
    return at


cdef void take_event(load_t *load, const unsigned char *body, size_t size) noexcept nogil:
    if load.is_template:
        load.totals.events += 1         # what else another server says is its own affair
    elif size < 14 or memcmp(body, b'{"type":"', 9) != 0:
        load.totals.unexpected += 1
    elif memcmp(body + 9, b'join"', 5) == 0:
        load.totals.joins += 1
    elif memcmp(body + 9, b'leave', 5) == 0:
        load.totals.leaves += 1
    elif memcmp(body + 9, b'error', 5) == 0:
        take_error(load, body, size)
    else:
        load.totals.events += 1


cdef void take_error(load_t *load, const unsigned char *body, size_t size) noexcept nogil:
    load.totals.errors += 1
    if memmem(body, size, b"rate limit", 10) != NULL:
        load.totals.limited += 1
    if load.error_bytes == 0:
        load.error_bytes = min(size, <size_t>ERROR_TEXT_BYTES)
        memcpy(load.error_text, body, load.error_bytes)


cdef void take_control(
    load_t *load, connection_t *connection, unsigned char first, const unsigned char *body, size_t size
) noexcept nogil:
    if first == 0x89:
        if connection.kind == MEMBER:
            load.totals.pings += 1
        send_pong(load, connection, body, size)
    elif first == 0x88:
        connection.close_code = ((<uint32_t>body[0] << 8) | body[1]) if size >= 2 else 1005
        end_connection(load, connection, connection.close_code)
    elif first != 0x8A and connection.kind == MEMBER:
        take_odd_frame(load, first)


cdef void take_odd_frame(load_t *load, unsigned char first) noexcept nogil:
    """A fragment, a compressed frame, or an opcode that there is not: no server here has cause to send one."""
    load.totals.unexpected += 1
    if first & 0x70:
        load.totals.reserved += 1
    elif first <= 0x80:
        load.totals.fragments += 1


cdef inline int malformation(const unsigned char *at) noexcept nogil:
    return MASKED if at[1] & 0x80 else TOO_LARGE


cdef void send_pong(load_t *load, connection_t *connection, const unsigned char *body, size_t size) noexcept nogil:
    cdef unsigned char frame[6 + 125]
    cdef size_t i
    if size > 125:
        return
    frame[0] = 0x8A
    frame[1] = 0x80 | <unsigned char>size
    memcpy(frame + 2, load.key, 4)
    for i in range(size):
        frame[6 + i] = body[i] ^ frame[2 + (i & 3)]
    write_bytes(load, connection, frame, size + 6)
