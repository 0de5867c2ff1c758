# The reactor's table, descriptor -> connection, and its epoll set. The table owns what is in it.

cdef int watch(int epoll_fd, int fd, uint32_t mask) except -1:
    cdef epoll_event event
    event.events = mask
    event.data.u64 = 0
    event.data.fd = fd
    if epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0:
        raise OSError(errno, "cannot watch a descriptor")
    return 0


cdef int unwatch(int epoll_fd, int fd) noexcept:
    cdef epoll_event event
    return epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, &event)


cdef inline PyObject *reactor_at(Reactor r, int fd) noexcept:
    return r.table[fd] if 0 <= fd < <int64_t>r.table_capacity else NULL


cdef int reactor_register(Reactor r, Conn conn, int fd, uint32_t mask) except -1:
    """Put a connection into the table and the epoll set. A mask of 0: it is in the set already, under another name."""
    cdef size_t before = r.table_capacity
    if fd < 0:
        raise ValueError("fileno: expected a descriptor")
    if <size_t>fd >= r.table_capacity:
        r.table = <PyObject **>grown(r.table, &r.table_capacity, fd + 1, sizeof(PyObject *), 64)
        memset(r.table + before, 0, (r.table_capacity - before) * sizeof(PyObject *))
    if mask:
        watch(r.epoll_fd, fd, mask)
    conn.fd = fd
    conn.reactor = <PyObject *>r
    if r.table[fd] != NULL:
        conn_unlist(r, <Conn>r.table[fd])
        (<Conn>r.table[fd]).fd = -1
        (<Conn>r.table[fd]).reactor = NULL
        Py_DECREF(<object>r.table[fd])
    elif conn.kind != IS_LISTENER:
        r.connection_total += 1
    r.table[fd] = <PyObject *>conn
    Py_INCREF(conn)
    return 0


cdef inline void conn_unlist(Reactor r, Conn conn) noexcept:
    """Take a connection out of the list that its kind may be in."""
    if conn.kind == IS_HANDSHAKE:
        handshake_unlist(r, <Handshake>conn)
    elif conn.kind == IS_MEMBER:
        blocked_unlist(r, <Member>conn)


cdef int reactor_forget(Reactor r, Conn conn) noexcept:
    """Take a connection out of the table; its descriptor stays as it is."""
    cdef int fd = conn.fd
    if fd < 0 or r.table[fd] != <PyObject *>conn:
        return -1
    conn_unlist(r, conn)
    r.table[fd] = NULL
    if conn.kind != IS_LISTENER:
        r.connection_total -= 1
    conn.fd = -1
    conn.reactor = NULL
    Py_DECREF(conn)
    return fd


cdef void reactor_unregister(Reactor r, Conn conn) noexcept:
    unwatch(r.epoll_fd, reactor_forget(r, conn))


cdef inline int remember(int **list, size_t *total, size_t *capacity, int fd) except -1:
    if total[0] == capacity[0]:
        list[0] = <int *>grown(list[0], capacity, total[0] + 1, sizeof(int), 64)
    list[0][total[0]] = fd
    total[0] += 1
    return 0


cdef int reactor_drop(Reactor r, Conn conn) except -1:
    """Forget a connection and close its socket at the end of the round."""
    cdef int fd = reactor_forget(r, conn)
    if fd >= 0:
        unwatch(r.epoll_fd, fd)
        remember(&r.doomed, &r.doomed_total, &r.doomed_capacity, fd)
        reactor_wake(r)
    return 0


cdef void reactor_close_doomed(Reactor r) noexcept:
    cdef size_t i
    for i in range(r.doomed_total):
        c_close(r.doomed[i])
    r.doomed_total = 0


cdef void reactor_close(Reactor r) noexcept:
    cdef size_t fd
    cdef Conn conn
    if r.epoll_fd < 0:
        return
    for fd in range(r.table_capacity):
        if r.table[fd] == NULL:
            continue
        conn = <Conn>r.table[fd]
        if conn.kind == IS_MEMBER:
            (<Member>conn).state = CLOSED
            member_forget_items(<Member>conn)
            if (<Member>conn).log_object != NULL:
                log_remove(<Log>(<Member>conn).log_object, <Member>conn)
        reactor_forget(r, conn)
        if conn.kind != IS_LISTENER:
            c_close(<int>fd)
    if r.arrivals is not None and not r.is_admitting:
        r.arrivals.clear()
    reactor_close_doomed(r)
    while r.dirty_log_first != NULL:
        reactor_take_log(r)
    c_close(r.timer_fd)
    c_close(r.epoll_fd)
    r.epoll_fd = r.timer_fd = -1


cdef void reactor_report(Reactor r, object owner, object exc) noexcept:
    r.counters.crashes += 1
    r.on_crash(owner, exc)
