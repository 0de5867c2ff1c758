# The fan-out: who is flushed when, and the system call that does it.

cdef int reactor_note_dirty(Reactor r, Member m) except -1:
    if not m.is_dirty and m.fd >= 0:
        m.is_dirty = True
        remember(&r.dirty, &r.dirty_total, &r.dirty_capacity, m.fd)
        reactor_wake(r)
    return 0


cdef int reactor_note_log(Reactor r, Log log) except -1:
    log.is_dirty = True
    log.next_dirty = NULL
    Py_INCREF(log)
    if r.dirty_log_last == NULL:
        r.dirty_log_first = <PyObject *>log
    else:
        (<Log>r.dirty_log_last).next_dirty = <PyObject *>log
    r.dirty_log_last = <PyObject *>log
    reactor_wake(r)
    return 0


cdef Log reactor_take_log(Reactor r):
    cdef Log log = <Log>r.dirty_log_first
    r.dirty_log_first = log.next_dirty
    if r.dirty_log_first == NULL:
        r.dirty_log_last = NULL
    log.next_dirty = NULL
    log.is_dirty = False
    Py_DECREF(log)
    return log


cdef void reactor_flush_dirty(Reactor r) noexcept:
    cdef size_t i = 0
    cdef PyObject *conn
    while i < r.dirty_total:
        conn = reactor_at(r, r.dirty[i])
        i += 1
        if conn != NULL and (<Conn>conn).kind == IS_MEMBER and (<Member>conn).is_dirty:
            (<Member>conn).is_dirty = False
            guarded_flush(r, <Member>conn)
    r.dirty_total = 0


cdef void reactor_flush_logs(Reactor r, double until) noexcept:
    """Flush what has something new, a slice of each log in turn, so that a loud channel does not set a quiet one's latency."""
    cdef Log log
    while r.dirty_log_first != NULL:
        log = reactor_take_log(r)
        reactor_flush_slice(r, log)
        if (log.in_pass or log.end != log.pass_end) and not log.is_dirty:
            reactor_note_log(r, log)
        if r.dirty_log_first != NULL and steady_seconds() > until:
            break


cdef void reactor_flush_slice(Reactor r, Log log) noexcept:
    """Go on with the pass over a log's members, or begin one. It goes from the last to the first: who is taken out meanwhile is
    replaced by the last, who was visited already, and at worst is visited again."""
    cdef int visits = 0
    cdef Member m
    if not log.in_pass:
        log.in_pass = True
        log.pass_index = log.member_total
        log.pass_end = log.end
    while log.pass_index > 0 and visits < MEMBERS_PER_SLICE:
        log.pass_index -= 1
        m = <Member>log.member_table[log.pass_index]
        if log.pass_index:
            # the next one's hot fields, while the kernel works on this one
            relay_prefetch(log.member_table[log.pass_index - 1])
            relay_prefetch(<char *>log.member_table[log.pass_index - 1] + 64)
        if m.cursor != log.end:
            guarded_flush(r, m)
            visits += 1
    if log.pass_index == 0:
        log.in_pass = False
        log_settle(log)


cdef int reactor_judge(Reactor r, Member m) except -1:
    """Close a blocked member that is too far behind. It gets one more chance first: there may be room by now."""
    if m.state != OPEN or member_cost(m) <= r.backlog_limit:
        return 0
    member_unblock(r, m)
    reactor_flush_member(r, m)
    if r.skips_for_slow and m.state == OPEN and member_cost(m) > r.backlog_limit:
        reactor_skip(r, m)
    if m.state == OPEN and member_cost(m) > r.backlog_limit:
        r.counters.slow_consumers += 1
        member_close(m, close_frame(CLOSE_TRY_AGAIN_LATER, b"slow consumer"), False)
    return 0


cdef int reactor_skip(Reactor r, Member m) except -1:
    """Let go of the oldest messages for a member, and have the owner word what it is told of that."""
    cdef uint64_t untold
    cdef uint64_t missed = member_skip(m, r.backlog_limit, &untold)
    cdef object channel = None if m.log_object == NULL else (<Log>m.log_object).channel
    r.counters.skipped += missed
    missed += untold
    if missed == 0:
        return 0
    r.counters.gaps += missed != untold
    if m.is_verbatim or channel is None:
        return 0
    try:
        frame = channel.on_gap(m, missed)
    except BaseException as exc:
        reactor_report(r, channel, exc)
        return 0
    if frame is not None and m.state == OPEN:
        member_put_gap(m, frame, missed)
    return 0


cdef int member_block(Reactor r, Member m) except -1:
    if r.blocked_total == r.blocked_capacity:
        r.blocked = <PyObject **>grown(r.blocked, &r.blocked_capacity, r.blocked_total + 1, sizeof(PyObject *), 64)
    r.blocked[r.blocked_total] = <PyObject *>m
    m.blocked_index = r.blocked_total
    r.blocked_total += 1
    m.is_blocked = True
    if m.log_object != NULL:
        (<Log>m.log_object).blocked_total += 1
    return 0


cdef void member_unblock(Reactor r, Member m) noexcept:
    m.is_blocked = False
    blocked_unlist(r, m)
    if m.log_object != NULL:
        (<Log>m.log_object).blocked_total -= 1


cdef void blocked_unlist(Reactor r, Member m) noexcept:
    """Take a member out of the reactor's list of blocked ones, if it is there; the last takes its place."""
    if m.blocked_index >= r.blocked_total or r.blocked[m.blocked_index] != <PyObject *>m:
        return
    r.blocked_total -= 1
    r.blocked[m.blocked_index] = r.blocked[r.blocked_total]
    (<Member>r.blocked[m.blocked_index]).blocked_index = m.blocked_index


cdef int reactor_flush_member(Reactor r, Member m) except -1:
    """Send all that waits for one member, in one system call unless its socket is full or the pieces are very many."""
    cdef uint64_t before = m.cursor
    cdef Py_ssize_t sent
    cdef bint is_full = False, has_failed = False
    if m.fd < 0:
        return member_abort(m)
    while member_is_behind(m):
        sent = member_send(r, m)
        if sent < 0:
            if errno == EINTR:
                continue
            is_full = errno == EAGAIN or errno == ENOBUFS
            has_failed = not is_full
            break
        r.counters.bytes_out += sent
        if reads_all(m):
            m.cursor += sent
        else:
            member_advance(m, sent)
    if before != m.cursor and m.log_object != NULL:
        log_moved_from(<Log>m.log_object, before)
    if has_failed:
        return member_abort(m)
    if is_full:
        member_block(r, m)
    if m.state == CLOSING and not member_is_behind(m):
        return reactor_finish_closing(r, m)
    return 0


cdef inline bint reads_all(Member m) noexcept:
    """Whether all that waits for a member is one run of the log."""
    if m.log_object == NULL or m.item_head != NULL or m.own_count:
        return False
    return (<Log>m.log_object).special_head == (<Log>m.log_object).special_count


cdef inline Py_ssize_t member_send(Reactor r, Member m) noexcept:
    """One system call. The usual member, with no own entries in the log and nothing private, needs no pieces."""
    cdef Log log
    cdef msghdr message
    if reads_all(m):
        r.counters.sends += 1
        log = <Log>m.log_object
        return send(m.fd, log.store.data + (m.cursor - log.base), log.end - m.cursor, MSG_DONTWAIT | MSG_NOSIGNAL)
    memset(&message, 0, sizeof(message))
    message.msg_iov = r.pieces
    message.msg_iovlen = member_pieces(r, m)
    if message.msg_iovlen == 0:
        return 0    # nothing but its own
    r.counters.sends += 1
    return sendmsg(m.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)


cdef size_t member_pieces(Reactor r, Member m) noexcept:
    cdef walk_t walk
    cdef uint8_t *data
    cdef size_t length, count = 0
    walk_begin(m, &walk)
    while count < IOV_PIECES and walk_next(m, &walk, &data, &length) != SEGMENT_NONE:
        r.pieces[count].iov_base = data
        r.pieces[count].iov_len = length
        count += 1
    return count


cdef int reactor_finish_closing(Reactor r, Member m) except -1:
    """Our close frame is out. Who began the handshake is hung up on; the other is told that no more will come."""
    if m.hangs_up:
        return member_abort(m)
    shutdown(m.fd, SHUT_WR)
    return 0
