# Sockets: one edge-triggered epoll set, one read per ready socket into a buffer that all share,
# one write per sender for all that a wake-up made due.

cdef inline uint64_t now_ns(const load_t *load) noexcept nogil:
    return clock_ns(CLOCK_MONOTONIC) - load.epoch_ns


cdef void watch(load_t *load, connection_t *connection, int operation, uint32_t events) noexcept nogil:
    cdef epoll_event event
    event.events = events | EPOLLRDHUP | EPOLLET
    event.data.u32 = <uint32_t>(connection - load.connections)
    epoll_ctl(load.epoll, operation, connection.fd, &event)


cdef void end_connection(load_t *load, connection_t *connection, uint32_t close_code) noexcept nogil:
    """Close without lingering: a closed test connection must not hold its port for a minute."""
    cdef linger_t reset
    cdef connection_state before = connection.state
    if before == UNUSED or before == GONE:
        return
    reset.l_onoff = 1
    reset.l_linger = 0
    setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset))
    close_fd(connection.fd)
    connection.fd = -1
    connection.state = GONE
    connection.carry_bytes = connection.pending_bytes = 0
    connection.pending_at = 0
    connection.close_code = close_code
    if before == CONNECTING or before == HANDSHAKING:
        load.handshaking -= 1
        note_failure(load, connection)
        return
    load.opened -= 1
    if connection.kind != STALLED:
        note_end(load, connection, before, close_code)


cdef void note_failure(load_t *load, const connection_t *connection) noexcept nogil:
    """A visitor that does not get back in is one of the figures; at the first opening it is an error, as anybody's."""
    if connection.kind == VISITOR and load.churn.began_ns:
        load.totals.not_returned += 1
    else:
        load.failed += 1


cdef void note_end(
    load_t *load, const connection_t *connection, connection_state before, uint32_t close_code
) noexcept nogil:
    if connection.kind == VISITOR and before == CLOSING and not load.closing:
        load.totals.left += 1
        put_returning(load, connection)
        return
    if close_code != FAILED:
        load.close_codes[close_code if close_code < CLOSE_CODES else 0] += 1
        load.dropped += before == OPEN
    if before == OPEN and connection.kind == MEMBER:
        write_off_receiver(load, connection)
        if close_code == TOO_BIG:
            give_up_sent_by(load, connection)


cdef void fail_connection(load_t *load, connection_t *connection, int why) noexcept nogil:
    """End one for what came on it. Its server did not close it, and is not said to have."""
    load.faults.frames[why] += 1
    end_connection(load, connection, FAILED)


cdef bint keep(unsigned char **store, size_t *kept, const unsigned char *data, size_t size) noexcept nogil:
    """Append to a block of memory that grows as needed; False when there is no memory."""
    cdef unsigned char *grown
    if size == 0:
        return True                 # realloc to nothing would free the block
    grown = <unsigned char *>realloc(store[0], kept[0] + size)
    if grown == NULL:
        return False
    memcpy(grown + kept[0], data, size)
    store[0] = grown
    kept[0] += size
    return True


cdef void acknowledge_reads(int fd) noexcept nogil:
    # A socket that only reads acknowledges what it read. After a few sends of its own it is taken for one of a dialogue, whose
    # answers carry the acknowledgements, and they wait 40 ms for one. A fan-out to 5000 members takes as long: the timers then go
    # off in step with the sends, on either core, and the server's time per delivery depends on the number of members by ±20 %.
    cdef int yes = 1
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes))


cdef void write_bytes(load_t *load, connection_t *connection, const unsigned char *data, size_t size) noexcept nogil:
    """Send, and keep what the socket does not take for when it is writable."""
    cdef ssize_t sent = 0
    if connection.pending_bytes == 0:
        load.totals.writes += 1
        sent = send(connection.fd, data, size, MSG_NOSIGNAL)
        if sent < 0:
            if errno != EAGAIN:
                end_connection(load, connection, 1006)
                return
            sent = 0
        acknowledge_reads(connection.fd)
    if <size_t>sent < size:
        if connection.pending_bytes == 0:
            watch(load, connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT)
        if not keep_pending(connection, data + sent, size - sent):
            fail_connection(load, connection, NO_MEMORY)


cdef bint keep_pending(connection_t *connection, const unsigned char *data, size_t size) noexcept nogil:
    cdef size_t held = connection.pending_at + connection.pending_bytes
    cdef bint is_kept = keep(&connection.pending, &held, data, size)
    connection.pending_bytes = held - connection.pending_at
    return is_kept


cdef void write_pending(load_t *load, connection_t *connection) noexcept nogil:
    cdef ssize_t sent = send(
        connection.fd, connection.pending + connection.pending_at, connection.pending_bytes, MSG_NOSIGNAL
    )
    load.totals.writes += 1
    if sent < 0:
        if errno != EAGAIN:
            end_connection(load, connection, 1006)
        return
    drop_sent(connection, sent)
    if connection.pending_bytes == 0:
        watch(load, connection, EPOLL_CTL_MOD, EPOLLIN)


cdef void drop_sent(connection_t *connection, size_t sent) noexcept nogil:
    """Moved to the front only when most is sent: an open loop on a full server may have megabytes waiting."""
    connection.pending_bytes -= sent
    connection.pending_at += sent
    if connection.pending_bytes == 0:
        free(connection.pending)
        connection.pending = NULL
        connection.pending_at = 0
    elif connection.pending_at > connection.pending_bytes:
        memmove(connection.pending, connection.pending + connection.pending_at, connection.pending_bytes)
        connection.pending_at = 0


cdef void read_ready(load_t *load, connection_t *connection, bint is_ending) noexcept nogil:
    # Edge-triggered: a read that did not fill the buffer emptied the socket, and what comes later is a new edge. An end that
    # came with the last bytes has none of its own.
    cdef ssize_t got = READ_BYTES
    while connection.state != GONE and (got == READ_BYTES or (is_ending and got > 0)):
        got = read_once(load, connection)


cdef inline ssize_t read_once(load_t *load, connection_t *connection) noexcept nogil:
    cdef size_t size = connection.carry_bytes
    cdef size_t taken
    cdef ssize_t got
    if size:
        memcpy(load.read_buffer, connection.carry, size)
    got = recv(connection.fd, load.read_buffer + size, READ_BYTES, 0)
    load.totals.reads += 1
    if got <= 0:
        if got == 0 or (errno != EAGAIN and errno != EINTR):
            end_read(load, connection, 0 if got == 0 else errno)
        return got
    load.totals.received_bytes += got
    size += got
    taken = take_bytes(load, connection, load.read_buffer, size)
    if connection.state != GONE and (connection.carry_bytes or taken < size):
        connection.carry_bytes = 0
        if not keep(&connection.carry, &connection.carry_bytes, load.read_buffer + taken, size - taken):
            fail_connection(load, connection, NO_MEMORY)
    return got


cdef void end_read(load_t *load, connection_t *connection, int number) noexcept nogil:
    """The server has ended it without a close frame; `number` is the error, 0 for an end in order."""
    if connection.state != HANDSHAKING:
        end_connection(load, connection, 1006)
    elif number:
        fail_opening_by(load, connection, number)
    else:
        fail_opening(load, connection, CLOSED_EARLY)


cdef inline size_t take_bytes(load_t *load, connection_t *connection, const unsigned char *data, size_t size) noexcept nogil:
    cdef size_t head = 0
    if connection.state == HANDSHAKING:
        head = take_answer(load, connection, data, size)
        if connection.state != OPEN:
            return head
    return head + take_frames(load, connection, data + head, size - head, now_ns(load))


cdef uint32_t next_sender(load_t *load, uint32_t channel) noexcept nogil:
    """The index of the connection that sends the channel's next message; NONE when there is nobody left to."""
    cdef size_t first = <size_t>channel * load.members
    cdef channel_t *state = load.channel_states + channel
    cdef uint32_t tried, member
    for tried in range(load.senders):
        member = state.turn
        state.turn = (state.turn + 1) % load.senders
        if load.connections[first + member].state == OPEN:
            return <uint32_t>first + member
    return NONE


cdef void send_due(load_t *load) noexcept nogil:
    """Give every free slot a message: first all are dealt to their senders, then each sender writes once."""
    cdef uint64_t now = now_ns(load)
    cdef uint32_t i
    cdef uint32_t dealt = load.free_count
    load.free_count = 0
    for i in range(dealt):
        # A slot that cannot be dealt stays out of use: its channel can carry nothing more.
        deal(load, load.free_slots[i], now)
    write_batches(load)


cdef void write_batches(load_t *load) noexcept nogil:
    cdef uint32_t i
    for i in range(load.batched_count):
        write_batch(load, load.connections + load.batched[i])
    load.batched_count = 0


cdef bint deal(load_t *load, uint32_t index, uint64_t due) noexcept nogil:
    """Make the slot the next message of its channel; False when there is nobody left to send it, or to get it."""
    cdef slot_t *slot = load.slots + index
    cdef uint32_t channel = index // load.in_flight
    cdef uint32_t sender = next_sender(load, channel)
    cdef uint32_t receivers = load.channel_states[channel].alive
    cdef connection_t *connection
    if not load.has_echo and receivers:
        receivers -= 1
    if sender == NONE or receivers == 0:
        return False
    connection = load.connections + sender
    if connection.next_number >= NUMBER_MAX:
        load.exhausted = True
        return False
    slot.sent_ns = due
    slot.sender = connection.member
    slot.number = connection.next_number
    slot.remaining = receivers
    slot.next = connection.batch
    if connection.batch == NONE:
        load.batched[load.batched_count] = sender
        load.batched_count += 1
    connection.batch = index
    connection.next_number += 1
    load.outstanding += 1
    load.totals.sent += 1
    load.totals.expected += receivers
    return True


cdef void write_batch(load_t *load, connection_t *connection) noexcept nogil:
    cdef uint32_t index = ascending(load, connection)
    cdef size_t size = 0
    cdef message_t message
    message.channel = connection.channel
    while index != NONE:
        message.sender = load.slots[index].sender
        message.slot = index % load.in_flight
        message.number = load.slots[index].number
        message.sent_ns = load.slots[index].sent_ns
        size += write_frame(load, load.write_buffer + size, &message)
        index = load.slots[index].next
        if size + load.frame_bytes > WRITE_BYTES or index == NONE:
            if connection.state == OPEN:
                write_bytes(load, connection, load.write_buffer, size)
            size = 0


cdef uint32_t ascending(load_t *load, connection_t *connection) noexcept nogil:
    """Detach the batch, which was linked newest first, in the order of its numbers."""
    cdef uint32_t index = connection.batch
    cdef uint32_t head = NONE
    cdef uint32_t following
    while index != NONE:
        following = load.slots[index].next
        load.slots[index].next = head
        head = index
        index = following
    connection.batch = NONE
    return head


cdef void turn(load_t *load, int timeout_ms) noexcept nogil:
    """Wait once, serve what is ready, then send what that, or the clock, made due."""
    cdef int i
    cdef int ready = epoll_wait(load.epoll, load.events, EVENTS_PER_WAIT, timeout_ms)
    load.totals.waits += 1
    for i in range(ready):
        if load.events[i].data.u32 != NONE:
            serve(load, load.connections + load.events[i].data.u32, load.events[i].events)
    if load.returning_count:
        open_returning(load)
    if not load.sending:
        return
    if load.pace.interval_ns:
        send_paced(load)
    elif load.free_count:
        send_due(load)
    if load.churn.interval_ns:
        churn_due(load)


cdef inline void serve(load_t *load, connection_t *connection, uint32_t events) noexcept nogil:
    if connection.state == GONE:
        return
    if connection.state == CONNECTING:
        send_request(load, connection)
        return
    if events & EPOLLOUT and connection.pending_bytes:
        write_pending(load, connection)
    if events & ~<uint32_t>EPOLLOUT and connection.state != GONE:
        read_ready(load, connection, events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) != 0)


cdef void turn_until(load_t *load, uint64_t until_ns, bint while_outstanding) noexcept nogil:
    """Turn for one slice of time, or until nothing is in flight when that is all that is waited for."""
    cdef uint64_t now = now_ns(load)
    while now < until_ns and (load.outstanding or not while_outstanding):
        turn(load, wait_ms(load, now, until_ns))
        now = now_ns(load)
