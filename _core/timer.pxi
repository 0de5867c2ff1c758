# Time in the reactor: one timer descriptor in the epoll set, armed for whatever is due first.

cdef inline void reactor_arm(Reactor r, double at) noexcept:
    """Have a turn taken at this time, or earlier."""
    if at < r.wake_at:
        r.wake_at = at
        set_timer(r.timer_fd, at - r.now)


cdef inline void reactor_wake(Reactor r) noexcept:
    """Work that arises between turns, from a channel's tasks, has no event of its own: let the timer be it."""
    if not r.in_turn:
        reactor_arm(r, 0)


cdef void reactor_on_timer(Reactor r) noexcept:
    """Do what is due, and arm the timer for what is next."""
    cdef uint64_t expirations
    c_read(r.timer_fd, &expirations, sizeof(expirations))
    r.wake_at = INFINITY
    try:
        if r.resume_at <= r.now:
            reactor_resume_listeners(r)
        if r.earliest != NULL:
            reactor_cut_handshakes(r)
        if r.sweep_at <= r.now:
            reactor_sweep(r)
    except BaseException as exc:
        reactor_report(r, None, exc)
    reactor_arm(r, r.resume_at)
    reactor_arm(r, r.sweep_at)
    if r.earliest != NULL:
        reactor_arm(r, (<Handshake>r.earliest).deadline)
