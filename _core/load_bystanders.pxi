# Bystanders: connections that are in a channel and in no book. Visitors leave and join again by the clock; stalled ones have a
# small socket buffer and read nothing until the very end, when they are asked what became of them.

cdef size_t take_bystander_frames(
    load_t *load, connection_t *connection, const unsigned char *data, size_t size
) noexcept nogil:
    """As `take_frames`, for one whose messages nobody counts."""
    cdef size_t at = 0
    cdef size_t head = 0
    cdef ssize_t extent
    while True:
        extent = frame_extent(load, data + at, size - at, &head)
        if extent <= 0:
            break
        if data[at] >= 0x88:
            take_control(load, connection, data[at], data + at + head, extent - head)
            if connection.state == GONE:
                return size
        elif extent - head >= 14 and memcmp(data + at + head, b'{"type":"gap"', 13) == 0:
            connection.is_late = True
        at += extent
    if extent == MALFORMED:
        fail_connection(load, connection, malformation(data + at))
        return size
    return at


cdef void churn_due(load_t *load) noexcept nogil:
    """Let the visitors whose time has come leave, in turn. One that could not come back tries again."""
    cdef uint64_t now = now_ns(load)
    cdef connection_t *visitor
    while next_due(&load.churn) <= now:
        visitor = load.connections + load.member_count + load.churn.taken % load.visitor_count
        load.churn.taken += 1
        if visitor.state == OPEN:
            visitor.state = CLOSING
            send_close(load, visitor)
        elif visitor.state == GONE:
            put_returning(load, visitor)
        else:
            load.totals.late_visits += 1


cdef inline void put_returning(load_t *load, const connection_t *visitor) noexcept nogil:
    if load.returning_count < load.visitor_count:
        load.returning[load.returning_count] = <uint32_t>(visitor - load.connections)
        load.returning_count += 1


cdef void open_returning(load_t *load) noexcept nogil:
    """Not where the old connection ended: that is in the middle of a walk over the events of the turn."""
    cdef uint32_t i
    cdef uint32_t count = load.returning_count
    load.returning_count = 0
    for i in range(count):
        if load.connections[load.returning[i]].state == GONE and not begin_opening(
            load, load.connections + load.returning[i], now_ns(load)
        ):
            note_errno(&load.faults, load.last_errno)
            load.totals.not_returned += 1


cdef void stop_reading(load_t *load, connection_t *connection) noexcept nogil:
    watch(load, connection, EPOLL_CTL_MOD, 0)


cdef void hear_stalled(load_t *load) noexcept nogil:
    """Let them read from now on. A small window would be acknowledged every 40 ms."""
    cdef int size = LARGE_BUFFER
    cdef uint32_t i
    for i in range(load.total - load.stalled_count, load.total):
        if load.connections[i].state == OPEN:
            setsockopt(load.connections[i].fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size))
            watch(load, load.connections + i, EPOLL_CTL_MOD, EPOLLIN)
            read_ready(load, load.connections + i, True)


class StalledReport(NamedTuple):
    """What became of those who did not read: how many the server closed, by close code, and how many were told of a gap."""

    stalled: int
    close_codes: dict
    told_of_gap: int


cdef object stalled_report(const load_t *load):
    cdef uint32_t i
    cdef uint32_t late = 0
    codes = {}
    for i in range(load.total - load.stalled_count, load.total):
        late += load.connections[i].is_late
        if load.connections[i].state == GONE and load.connections[i].close_code != FAILED:
            codes[load.connections[i].close_code] = codes.get(load.connections[i].close_code, 0) + 1
    return StalledReport(load.stalled_count, dict(sorted(codes.items())), late)
