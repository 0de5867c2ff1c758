# From the whole head of a request to a member, a refusal or plain HTTP (RFC 6455 section 4.2).
#
# Heads that came in one round are decided on one right after the other, and then what was decided is carried out. Deciding is
# Python, which takes about half the time when no system call comes between: the kernel leaves the processor's caches and its
# predictions of jumps to the interpreter as cold as after a pause.

cdef enum:
    ADMISSIONS_PER_BATCH = 16

cdef double BATCH_SECONDS = 0.0005      # a head may cost as much as a hundred messages


cdef int reactor_note_arrival(Reactor r, Handshake h, bytes head, bytes rest) except -1:
    """A head is whole. It is decided on in this round, or, when heads take longer than usual, in one of the next."""
    handshake_unlist(r, h)
    handshake_forget_head(h)
    h.state = ARRIVED
    h.request = head
    h.rest = rest
    r.arrivals.append(h)
    if len(r.arrivals) >= ADMISSIONS_PER_BATCH:
        reactor_admit_arrivals(r)
    return 0


cdef void reactor_admit_arrivals(Reactor r) noexcept:
    """Decide on some of those that wait for it, at least on one, and do what was decided."""
    cdef list arrivals = r.arrivals
    cdef double until = steady_seconds() + BATCH_SECONDS
    cdef double now = 0.0
    cdef Py_ssize_t i, decided = 0
    if r.is_admitting:
        return      # a callback's `adopt`: its turn comes in the call that is under way
    r.is_admitting = True
    while decided < len(arrivals) and now < until:
        reactor_decide(r, <Handshake>arrivals[decided])
        decided += 1
        now = steady_seconds()
    if now > r.read_until:
        r.is_late = True
    for i in range(decided):
        guarded_settle(r, <Handshake>arrivals[i])
    r.is_admitting = False
    if r.epoll_fd < 0:
        arrivals.clear()    # a callback has closed the reactor
        return
    del arrivals[:decided]
    if arrivals:
        reactor_wake(r)


cdef void reactor_decide(Reactor r, Handshake h) noexcept:
    if h.fd < 0:
        return      # it has failed since
    try:
        h.answer = r.admit(h.request, h.peer[:h.peer_length], h.source[:h.source_length])
    except BaseException as exc:
        reactor_report(r, None, exc)
        h.answer = SERVER_FAULT


cdef void guarded_settle(Reactor r, Handshake h) noexcept:
    # one that has a connection already does not lose it
    cdef bint is_new = type(h.answer) is Member and (<Member>h.answer).fd < 0
    try:
        reactor_settle(r, h)
    except BaseException as exc:
        reactor_contain(r, h, exc)
        if is_new:
            guarded_abort(r, <Member>h.answer)
    h.answer = h.request = h.rest = None


cdef void guarded_abort(Reactor r, Member m) noexcept:
    try:
        member_abort(m)
    except BaseException as exc:
        reactor_report(r, None, exc)


cdef int reactor_settle(Reactor r, Handshake h) except -1:
    if h.fd < 0:
        return member_abort(<Member>h.answer) if type(h.answer) is Member else 0
    if h.answer is None:
        return reactor_hand_over(r, h)
    if type(h.answer) is not Member:
        return reactor_refuse(r, h, <bytes?>h.answer)
    if (<Member>h.answer).state == OPEN:
        return reactor_promote(r, h, <Member>h.answer)
    return reactor_refuse(r, h, SERVER_FAULT)   # its channel has failed since


cdef int reactor_promote(Reactor r, Handshake h, Member m) except -1:
    """The connection becomes a member; its 101 waits in its private queue, with its first events behind it."""
    if m.fd >= 0 or m.log_object == NULL:
        raise ValueError("admit: expected a member that is attached and has no connection yet")
    m.kind = IS_MEMBER
    m.at_end = h.at_end
    reactor_register(r, m, h.fd, 0)
    r.counters.admitted += 1
    if h.is_ready:
        m.is_ready = True   # its place in the queue is by descriptor
    bucket_fill(&m.message_bucket, r.message_burst, r.now)
    bucket_fill(&m.byte_bucket, r.byte_burst, r.now)
    m.heard_at = r.now
    if m.is_stream:
        stream_mind_silence(r, m)
    reactor_start_sweep(r)
    reactor_flush_member(r, m)
    if h.rest and m.state == OPEN:
        own = bytearray(h.rest)     # the parser unmasks in place
        reactor_consume(r, m, <uint8_t *><char *>own, len(own))
    return 0


cdef int reactor_hand_over(Reactor r, Handshake h) except -1:
    """No upgrade: the descriptor leaves the reactor for good."""
    cdef int fd = h.fd
    reactor_unregister(r, h)
    try:
        r.on_http(fd, h.request + h.rest, h.peer[:h.peer_length], h.source[:h.source_length])
    except BaseException as exc:
        c_close(fd)
        reactor_report(r, None, exc)
    return 0


cdef int reactor_refuse(Reactor r, Handshake h, bytes response) except -1:
    """Answer, say that no more will come, and read on until the peer has closed or its time is up. Closing at once with bytes
    unread would reset the connection, and the peer might never see the answer."""
    cdef Py_ssize_t sent
    r.counters.refused += 1
    sent = send(h.fd, PyBytes_AS_STRING(response), PyBytes_GET_SIZE(response), MSG_DONTWAIT | MSG_NOSIGNAL)
    if sent != PyBytes_GET_SIZE(response):
        return reactor_drop(r, h)
    shutdown(h.fd, SHUT_WR)
    h.state = LINGERING
    handshake_forget_head(h)
    handshake_unlist(r, h)
    handshake_enlist(r, h)
    return 0
