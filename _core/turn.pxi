# One turn of the reactor, and the guards which keep what happens to one connection from reaching another.

cdef inline void reactor_look_at_clock(Reactor r) noexcept:
    r.now = steady_seconds()
    stamp_set_date(&r.stamper.state, epoch_milliseconds())


cdef bint reactor_turn(Reactor r, double budget, double linger) except -1:
    """Rounds, until one finds nothing or the budget is spent: what comes while a fan-out is sent, the usual case under load,
    is met here, at the price of one system call, and not by way of trio. So is, with `linger`, what comes a moment later."""
    cdef double start = steady_seconds()
    cdef double until = start + budget
    cdef double now
    r.counters.turns += 1
    r.counters.wakeups += not r.has_left
    r.has_left = False          # also when a round raises
    r.lingered = 0.0
    reactor_note_start(r, start, linger)
    while True:
        while reactor_round(r, budget * 0.5, until):
            now = steady_seconds()
            if now > until:
                note_turn(r, now - start - r.lingered)
                r.has_left = True
                return True
        if linger <= 0 or not reactor_linger(r, start, linger):
            break
    note_turn(r, r.now - start - r.lingered)    # the clock of the last round, which found nothing
    return False


cdef inline void note_turn(Reactor r, double seconds) noexcept:
    histogram_add(&r.work.turns, <uint32_t>(seconds * 1e6))


cdef bint reactor_round(Reactor r, double read_seconds, double until) except -1:
    """Read, flush, close, once. Whether there was something to do, or still is."""
    cdef bint has_work = r.ready_total != 0 or r.dirty_total != 0 or r.dirty_log_first != NULL or len(r.arrivals) != 0
    reactor_look_at_clock(r)
    if r.ready_total:
        reactor_read_until(r, r.now + read_seconds * 0.5)
        reactor_read_ready(r)
        read_seconds *= 0.5     # what floods must not take the time of what is news
    reactor_read_until(r, steady_seconds() + read_seconds)
    if r.event_index == r.event_total:
        r.event_index = 0
        r.event_total = epoll_wait(r.epoll_fd, r.events, EVENTS_PER_WAIT, 0)
        if r.event_total < 0:
            r.event_total = 0
    has_work = has_work or r.event_index < r.event_total
    while r.event_index < r.event_total:
        guarded_event(r, r.events[r.event_index].data.fd, r.events[r.event_index].events)
        r.event_index += 1
        if r.is_late or (r.event_index & 7 == 0 and steady_seconds() > r.read_until):
            break
    if r.arrivals:
        reactor_admit_arrivals(r)
    reactor_flush_dirty(r)
    reactor_flush_logs(r, until)
    reactor_close_doomed(r)
    r.counters.rounds += has_work
    return has_work


cdef inline void reactor_read_until(Reactor r, double until) noexcept:
    r.read_until = until
    r.is_late = False


cdef void reactor_read_ready(Reactor r) noexcept:
    """Read again from those that had more than one read's worth, each once."""
    cdef size_t i = 0, total = r.ready_total
    cdef PyObject *conn
    while i < total:
        conn = reactor_at(r, r.ready[i])
        i += 1
        if conn != NULL and (<Conn>conn).is_ready:
            (<Conn>conn).is_ready = False
            guarded_read(r, <Conn>conn)
        if r.is_late or (i & 7 == 0 and steady_seconds() > r.read_until):
            break
    if i:
        r.ready_total -= i
        memmove(r.ready, r.ready + i, r.ready_total * sizeof(int))


cdef void guarded_event(Reactor r, int fd, uint32_t mask) noexcept:
    cdef PyObject *found = reactor_at(r, fd)
    cdef Conn conn
    if found == NULL:
        if fd == r.timer_fd:
            reactor_on_timer(r)
        return
    conn = <Conn>found
    try:
        if conn.kind == IS_LISTENER:
            reactor_accept(r, fd)
            return
        if mask & (EPOLLRDHUP | EPOLLHUP | EPOLLERR):
            conn.at_end = True
        if conn.kind == IS_MEMBER and mask & EPOLLOUT and (<Member>conn).is_blocked:
            member_unblock(r, <Member>conn)
            (<Member>conn).heard_at = r.now
            reactor_flush_member(r, <Member>conn)
        if mask & ~EPOLLOUT and not conn.is_ready:
            reactor_read(r, conn)
    except BaseException as exc:
        reactor_contain(r, conn, exc)


cdef void guarded_read(Reactor r, Conn conn) noexcept:
    cdef Conn held = conn   # the table's reference, which callers borrow, may go on the way
    try:
        reactor_read(r, held)
    except BaseException as exc:
        reactor_contain(r, conn, exc)


cdef void guarded_flush(Reactor r, Member m) noexcept:
    cdef Member held = m
    try:
        if held.is_blocked:
            reactor_judge(r, held)
        else:
            reactor_flush_member(r, held)
    except BaseException as exc:
        reactor_contain(r, m, exc)


cdef void reactor_contain(Reactor r, Conn conn, object exc) noexcept:
    """End the one connection that was being served, and tell; whatever happens, the turn goes on."""
    reactor_report(r, None, exc)
    if conn.kind == IS_MEMBER:
        member_abort(<Member>conn)
    elif conn.kind == IS_HANDSHAKE:
        reactor_drop(r, conn)


cdef int reactor_read(Reactor r, Conn conn) except -1:
    """One read of at most 64 KiB, and all that follows from it."""
    cdef Py_ssize_t n
    cdef Log log
    if conn.kind == IS_MEMBER and (<Member>conn).log_object != NULL:
        log = <Log>(<Member>conn).log_object
        if log_is_late(log, r.read_ahead):
            # what the channel has got must go out first: it waits for itself, nobody else does
            return reactor_note_ready(r, conn)
    elif conn.kind == IS_HANDSHAKE and conn.state == ARRIVED:
        return reactor_note_ready(r, conn)
    r.counters.reads += 1
    n = recv(conn.fd, r.read_buffer, READ_BYTES, MSG_DONTWAIT)
    if n > 0:
        r.counters.bytes_in += n
        if conn.kind == IS_MEMBER:
            (<Member>conn).heard_at = r.now
        # after a short read the next byte is a new edge, but an end that has been signalled already is not
        if n == READ_BYTES or conn.at_end:
            reactor_note_ready(r, conn)
        if conn.kind == IS_HANDSHAKE:
            return reactor_on_head(r, <Handshake>conn, r.read_buffer, n)
        if conn.state == OPEN:
            reactor_consume(r, <Member>conn, r.read_buffer, n)
        return 0
    if n < 0 and (errno == EAGAIN or errno == EINTR):
        return 0
    if conn.kind == IS_MEMBER:
        return member_abort(<Member>conn)
    return reactor_drop(r, conn)


cdef int reactor_note_ready(Reactor r, Conn conn) except -1:
    if not conn.is_ready:
        conn.is_ready = True
        remember(&r.ready, &r.ready_total, &r.ready_capacity, conn.fd)
    return 0
