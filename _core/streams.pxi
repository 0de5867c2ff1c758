# Event streams (the HTML standard, section 9.2): what a channel's log has, for those who read it over HTTP.
#
# Readers of event streams are members of a log of their own, `streams`. What is appended to the channel's log is appended to it
# as an event, made once however many read it; from there on they are members like all others: a cursor each, one system call
# per reader and turn, the same backlog limit.
#
#   data: {"id":"…","uid":"…","date":1763654400000,"message":…}
#   <empty line>
#
# JSON may contain line ends between its tokens (never inside a string), and those end a field of an event: each becomes the
# beginning of a further `data` field, which the reader joins with a line feed again.

cdef const uint8_t *EVENT_FIELD = b"\ndata: "

cdef enum:
    EVENT_FIELD_LENGTH = 7      # the line feed counts; the first field of an event has none
    SECONDS_TO_MILLISECONDS = 1000


cdef inline bint ends_line(uint8_t byte) noexcept nogil:
    return byte == 10 or byte == 13


cdef size_t event_size(const uint8_t *text, size_t length) noexcept nogil:
    cdef size_t i, lines = 0
    for i in range(length):
        lines += ends_line(text[i])
    return EVENT_FIELD_LENGTH - 1 + length + lines * (EVENT_FIELD_LENGTH - 1) + 2


cdef void event_write(uint8_t *out, const uint8_t *text, size_t length) noexcept nogil:
    """Write the event of `text`; `out` has room for `event_size` of it."""
    cdef size_t i, start = 0
    out = put(out, EVENT_FIELD + 1, EVENT_FIELD_LENGTH - 1)
    for i in range(length):
        if ends_line(text[i]):
            out = put(out, text + start, i - start)
            out = put(out, EVENT_FIELD, EVENT_FIELD_LENGTH)
            start = i + 1
    out = put(out, text + start, length - start)
    out[0] = out[1] = 10


cdef inline size_t own_header_size(const uint8_t *frame) noexcept nogil:
    """Of a frame that was written here: not masked."""
    if frame[1] < 126:
        return 2
    return 4 if frame[1] == 126 else 10


cdef int stream_append(Log streams, const uint8_t *frame, size_t length, uint8_t audience, bint is_message) except -1:
    """Append what a text frame of another log holds."""
    cdef size_t header, size
    if frame[0] != (FIN | TEXT):
        return 0
    header = own_header_size(frame)
    size = event_size(frame + header, length - header)
    event_write(log_reserve(streams, size), frame + header, length - header)
    return log_enter(streams, size, None, audience, is_message)


cdef item_t *stream_item(item_t *framed) except NULL:
    """A private item as an event, in place of one that holds a frame."""
    cdef const uint8_t *frame = item_data(framed)
    cdef size_t header = own_header_size(frame)
    cdef size_t length = framed.length - header
    cdef item_t *item = item_new(event_size(frame + header, length))
    event_write(item_data(item), frame + header, length)
    item.kind = framed.kind
    free(framed)
    return item


cdef bytes stream_close(bytes frame):
    """The last event, in place of a close frame. It has a name, so that only who asks for it by that gets it."""
    reason = frame[4:].decode("utf-8", "replace")
    return b"event: close\n" + encode_event(msgspec.json.encode({"code": frame_close_code(frame), "reason": reason}))


cdef int stream_discard(Reactor r, Member m, size_t length) except -1:
    """An event stream goes one way. What comes all the same costs what messages cost, and who floods is cut off."""
    if r.byte_rate > 0:
        bucket_refill(&m.byte_bucket, r.byte_rate, r.byte_burst, r.now)
        if not bucket_consume(&m.byte_bucket, length):
            r.counters.over_byte_rate += 1
            if not r.is_dry_run:
                r.counters.faults += 1
                return member_abort(m)
    return 0


cdef void stream_mind_silence(Reactor r, Member m) noexcept:
    """Nothing answers on an event stream, so a dead peer is the kernel's to find: it acknowledges neither events nor comments."""
    cdef unsigned int milliseconds = <unsigned int>min(2 * r.ping_interval * SECONDS_TO_MILLISECONDS, 2e9)
    setsockopt(m.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof(milliseconds))


def encode_event(text):
    """One event of an event stream whose data is `text`, UTF-8 (the HTML standard, section 9.2.6); line ends become fields."""
    cdef const uint8_t[::1] view = memoryview(text)
    cdef size_t length = view.shape[0]
    cdef const uint8_t *data = &view[0] if length else <const uint8_t *>b""
    cdef bytes event = PyBytes_FromStringAndSize(NULL, event_size(data, length))
    event_write(<uint8_t *>PyBytes_AS_STRING(event), data, length)
    return event
