# Keepalive (RFC 6455 section 5.5.2): each member is pinged once an interval, and gone when nothing was heard for two.
#
# There is no timer per member. A sweep takes an interval in 64 ticks; at each it pings the descriptors which are congruent to
# the tick modulo 64, so that pings are spread evenly however the connections came, and looks for silence among those which are
# congruent modulo 8, so that a dead peer is found an eighth of an interval after its time at the latest.
#
# Signs of life are bytes from the peer, and room in a socket that was full: a slow line that still takes what it is sent may
# hold the ping back for longer than two intervals.

cdef enum:
    TICKS_PER_INTERVAL = 64
    TICKS_PER_LOOK = 8

cdef const uint8_t *PING_FRAME = b"\x89\x00"


cdef void reactor_set_ping_interval(Reactor r, double interval) noexcept:
    """Silence before a change does not count: nobody was asked for a sign of life that often."""
    if interval == r.ping_interval:
        return
    r.ping_interval = interval
    r.silence_from = r.now
    r.sweep_at = INFINITY
    reactor_start_sweep(r)


cdef void reactor_start_sweep(Reactor r) noexcept:
    """Called for each new member; the sweep rests while there is none."""
    if r.ping_interval > 0 and r.sweep_at == INFINITY and r.connection_total:
        r.sweep_at = r.now + r.ping_interval / TICKS_PER_INTERVAL
        reactor_arm(r, r.sweep_at)


cdef int reactor_sweep(Reactor r) except -1:
    """One tick."""
    cdef size_t fd = r.sweep_tick % TICKS_PER_LOOK
    cdef double silent_since = r.now - 2 * r.ping_interval
    cdef PyObject *conn
    if silent_since < r.silence_from:
        silent_since = -INFINITY
    while fd < r.table_capacity:
        conn = r.table[fd]
        if conn != NULL and (<Conn>conn).kind == IS_MEMBER and (<Conn>conn).state == OPEN and not (<Member>conn).is_stream:
            if (<Member>conn).heard_at <= silent_since:
                guarded_silence(r, <Member>conn)
            elif fd % TICKS_PER_INTERVAL == r.sweep_tick:
                member_ping(<Member>conn)
        fd += TICKS_PER_LOOK
    r.sweep_tick = (r.sweep_tick + 1) % TICKS_PER_INTERVAL
    r.sweep_at = INFINITY
    reactor_start_sweep(r)
    return 0


cdef void guarded_silence(Reactor r, Member m) noexcept:
    """A dead peer takes no close frame; its leave is what is left to tell."""
    cdef Member held = m
    r.counters.silent += 1
    try:
        member_abort(held)
    except BaseException as exc:
        reactor_contain(r, held, exc)


cdef int member_ping(Member m) except -1:
    """Ping, unless the last ping still waits to be sent. Also who is behind: one who only listens answers nothing else."""
    if m.ping_waits:
        return 0
    m.ping_waits = True
    return member_enqueue(m, PING_FRAME, 2, PING_ITEM)
