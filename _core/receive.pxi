# What becomes of the bytes a member sent.

cdef int reactor_consume(Reactor r, Member m, uint8_t *data, size_t length) except -1:
    """Take all events out of the input. The parser is the reactor's fresh one unless the member is inside a message."""
    cdef parser_t *parser = m.parser
    cdef uint8_t *cursor = data
    cdef event_t event
    cdef int kind
    if m.is_stream:
        return stream_discard(r, m, length)
    if parser == NULL:
        parser = &r.fresh
        parser.max_message = r.max_party_message if m.is_verbatim else r.max_message
    try:
        while m.state == OPEN:
            kind = parser_next(parser, &cursor, data + length, &event)
            if kind == NOTHING:
                break
            if kind == MESSAGE:
                reactor_on_message(r, m, &event)
            elif kind == CONTROL:
                reactor_on_control(r, m, &event)
            else:
                r.counters.faults += 1
                member_close(m, close_frame(parser.fault, parser.reason), False)
        reactor_return_parser(r, m, parser)
    except BaseException:
        parser_drop_message(parser)
        parser_init(parser, 0)
        raise
    return 0


cdef int reactor_return_parser(Reactor r, Member m, parser_t *parser) except -1:
    """Keep the parser's state with the member while it is inside a message, and nowhere otherwise."""
    cdef bint done
    if parser.delivered:
        parser_drop_message(parser)
    done = m.state != OPEN or parser_is_idle(parser)
    if parser == m.parser:
        if done:
            parser_drop_message(parser)
            free(parser)
            m.parser = NULL
    elif done:
        parser_drop_message(parser)
        if not parser_is_idle(parser):
            parser_init(parser, 0)
    else:
        m.parser = <parser_t *>malloc(sizeof(parser_t))
        if m.parser == NULL:
            raise MemoryError
        memcpy(m.parser, parser, sizeof(parser_t))
        parser_init(parser, 0)
    return 0


cdef int reactor_on_control(Reactor r, Member m, event_t *event) except -1:
    if event.opcode == PING:
        return member_pong(m, event.data, event.length)
    if event.opcode == CLOSE:
        # section 5.5.1: the status is echoed; the server closes the connection first (section 7.1.1)
        return member_close(
            m, close_frame((event.data[0] << 8) | event.data[1] if event.length else 0, b""), True)
    return 0


cdef int reactor_on_message(Reactor r, Member m, event_t *event) except -1:
    cdef const uint8_t *uid
    cdef const uint8_t *payload = event.data
    cdef size_t uid_length, length = event.length
    cdef Py_ssize_t offset
    r.counters.messages += 1
    if m.log_object == NULL:
        return 0
    if not reactor_charge(r, m, length):
        return 0
    if m.is_mute:
        r.counters.denied += 1
        return reactor_error(r, m, "send_key", None)
    if m.is_verbatim:
        return reactor_relay_verbatim(<Log>m.log_object, m, event)
    if event.opcode != TEXT:
        return reactor_error(r, m, "binary", None)
    offset = address_split(payload, length, &uid, &uid_length)
    if offset < 0:
        return reactor_error(r, m, "address", None)
    if not is_json(r, payload + offset, length - offset):
        return reactor_error(r, m, "json", None)
    if uid_length == 0:
        return log_publish(<Log>m.log_object, m, &r.stamper.state, payload + offset, length - offset)
    return reactor_send_direct(r, m, uid, uid_length, payload + offset, length - offset)


cdef bint reactor_charge(Reactor r, Member m, size_t length) except -1:
    """Take a message from the member's buckets. False when it is over a rate, and to be dropped; then nothing was taken."""
    if r.message_rate > 0:
        bucket_refill(&m.message_bucket, r.message_rate, r.message_burst, r.now)
        if m.message_bucket.tokens < 1.0:
            r.counters.over_message_rate += 1
            return reactor_over_rate(
                r, m, "message_rate", bucket_wait(&m.message_bucket, r.message_rate, r.message_burst, 1.0))
    if r.byte_rate > 0:
        bucket_refill(&m.byte_bucket, r.byte_rate, r.byte_burst, r.now)
        if not bucket_consume(&m.byte_bucket, length):
            r.counters.over_byte_rate += 1
            return reactor_over_rate(
                r, m, "byte_rate", bucket_wait(&m.byte_bucket, r.byte_rate, r.byte_burst, length))
    if r.message_rate > 0:
        m.message_bucket.tokens -= 1.0
    return True


cdef int reactor_relay_verbatim(Log log, Member m, event_t *event) except -1:
    cdef uint8_t *out = log_reserve(log, header_size(event.length) + event.length)
    cdef size_t size = write_header(out, FIN | event.opcode, event.length)
    memcpy(out + size, event.data, event.length)
    return log_commit(log, size + event.length, m, FOR_ALL, True)


cdef int reactor_send_direct(
    Reactor r, Member m, const uint8_t *uid, size_t uid_length, const uint8_t *payload, size_t length,
) except -1:
    """Stamp a direct message into its recipient's private queue, where it keeps its place among the channel's messages."""
    cdef PyObject *found = log_find(<Log>m.log_object, uid, uid_length)
    cdef stamp_t *stamp = &r.stamper.state
    cdef bint with_id
    cdef size_t size
    cdef item_t *item
    if found == NULL:
        return reactor_error(r, m, "recipient", uid[:uid_length])
    with_id = not has_id(payload, length)
    size = stamped_length(stamp, with_id, m.prefix_length, length)
    item = item_new(header_size(size) + size)
    item.kind = MESSAGE_ITEM
    stamp_write(stamp, item_data(item), with_id, m.prefix_data, m.prefix_length, payload, length)
    count_message(r, 1)
    if (<Member>found).is_stream:
        item = stream_item(item)
    return member_put(<Member>found, item)


cdef int reactor_error(Reactor r, Member m, str kind, object detail) except -1:
    """Have the owner word an error for the sender."""
    cdef object channel = (<Log>m.log_object).channel
    r.counters.errors += 1
    if m.is_verbatim or channel is None:
        return 0
    try:
        frame = channel.on_error(m, kind, detail)
    except BaseException as exc:
        reactor_report(r, channel, exc)
        return 0
    if frame is not None:
        member_enqueue(m, PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame), PLAIN_ITEM)
    return 0


cdef bint reactor_over_rate(Reactor r, Member m, str kind, double seconds) except -1:
    """Drop; warn at most once a second; kick who goes on after `kick_after` warnings (0: never). Old warnings lapse. In a dry run
    the same is counted and the message passes: True then."""
    if m.warnings and r.now - m.warned_at < WARNING_INTERVAL_SECONDS:
        return r.is_dry_run
    if r.now - m.warned_at >= WARNINGS_LAPSE_SECONDS:
        m.warnings = 0
    if r.kick_after and m.warnings >= r.kick_after:
        r.counters.kicked += 1
        if r.is_dry_run:
            m.warnings = 0      # it would have had to connect again
            return True
        reactor_kick(r, m)
        return False
    if m.warnings < 255:
        m.warnings += 1
    m.warned_at = r.now
    r.counters.warned += 1
    if not r.is_dry_run:
        reactor_error(r, m, kind, seconds)
    return r.is_dry_run


cdef int reactor_kick(Reactor r, Member m) except -1:
    """Close with 1008, and tell the address, which may be blocked for it."""
    cdef uint64_t address = m.address_key
    member_close(m, close_frame(CLOSE_POLICY_VIOLATION, b"rate limit exceeded"), False)
    if address:
        try:
            r.on_kick(address)
        except BaseException as exc:
            reactor_report(r, None, exc)
    return 0
