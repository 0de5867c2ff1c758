# From a new connection to the whole head of its request.

cdef bytes plain_refusal(bytes status, bytes text):
    body = b'{"error":"' + text + b'"}'
    return b"\r\n".join((
        b"HTTP/1.1 " + status, b"Content-Type: application/json", b"Access-Control-Allow-Origin: *", b"Connection: close",
        b"Content-Length: %d" % len(body), b"", body,
    ))


cdef bytes FULL_HOUSE = plain_refusal(
    b"503 Service Unavailable\r\nRetry-After: 5", b"the relay has all the connections it can take")
cdef bytes NOT_HTTP = plain_refusal(b"400 Bad Request", b"this is not HTTP")
cdef bytes NO_PROXY_HEADER = plain_refusal(b"400 Bad Request", b"a PROXY protocol header is expected first")
cdef bytes HEAD_TOO_LARGE = plain_refusal(b"431 Request Header Fields Too Large", b"the header block is too large")
cdef bytes HEAD_TOO_SLOW = plain_refusal(b"408 Request Timeout", b"the header block did not arrive in time")
cdef bytes SERVER_FAULT = plain_refusal(b"500 Internal Server Error", b"internal error")


cdef int reactor_accept(Reactor r, int listener) except -1:
    cdef int fd, i
    cdef Handshake h
    cdef sockaddr_storage name
    cdef socklen_t length
    for i in range(ACCEPTS_PER_ROUND):
        length = sizeof(name)
        fd = accept4(listener, <sockaddr *>&name, &length, SOCK_NONBLOCK | SOCK_CLOEXEC)
        if fd < 0:
            if errno in (EMFILE, ENFILE, ENOBUFS, ENOMEM):
                reactor_pause_listener(r, listener)
            if errno not in (EINTR, ECONNABORTED):
                return 0
            continue
        r.counters.accepted += 1
        if r.connection_total >= r.max_connections:
            reactor_turn_away(r, fd)
            continue
        h = Handshake()
        h.peer_length = packed_address(&name, h.peer)
        guarded_accepted(r, h, fd, b"")
        if r.is_late:
            return 0
    return 0


cdef void reactor_turn_away(Reactor r, int fd) noexcept:
    """Refuse for want of room, at the least cost. What has come of the request is read, because closing over it would reset
    the connection and might take the answer with it."""
    r.counters.refused += 1
    r.counters.full_house += 1
    send(fd, PyBytes_AS_STRING(FULL_HOUSE), PyBytes_GET_SIZE(FULL_HOUSE), MSG_DONTWAIT | MSG_NOSIGNAL)
    shutdown(fd, SHUT_WR)
    recv(fd, r.read_buffer, READ_BYTES, MSG_DONTWAIT)
    c_close(fd)


cdef void guarded_accepted(Reactor r, Handshake h, int fd, bytes data) noexcept:
    """Register a new connection and look at once whether its request is there."""
    try:
        reactor_register(r, h, fd, WATCHED)
    except BaseException as exc:
        c_close(fd)
        reactor_report(r, None, exc)
        return
    try:
        if data:
            reactor_on_head(r, h, <const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        if h.fd >= 0 and h.state == READING_HEAD:
            reactor_read(r, h)
    except BaseException as exc:
        reactor_contain(r, h, exc)
    if h.fd >= 0 and h.state == READING_HEAD:
        handshake_enlist(r, h)


cdef void reactor_pause_listener(Reactor r, int listener) noexcept:
    """Out of descriptors: stop asking for a moment, or the loop would spin on a listener that stays readable."""
    unwatch(r.epoll_fd, listener)
    r.paused.append(listener)
    r.resume_at = r.now + ACCEPT_PAUSE_SECONDS
    reactor_arm(r, r.resume_at)


cdef int reactor_resume_listeners(Reactor r) except -1:
    paused, r.paused = r.paused, []
    r.resume_at = INFINITY
    for listener in paused:
        watch(r.epoll_fd, listener, EPOLLIN)
    return 0


cdef void handshake_enlist(Reactor r, Handshake h) noexcept:
    """Last in the list, with the full time ahead."""
    h.deadline = r.now + r.handshake_timeout
    h.later = NULL
    h.earlier = r.latest
    if r.latest != NULL:
        (<Handshake>r.latest).later = <PyObject *>h
    else:
        r.earliest = <PyObject *>h
    reactor_arm(r, h.deadline)
    r.latest = <PyObject *>h
    r.handshake_total += 1
    if r.handshake_total > r.max_handshakes:
        reactor_crowd_out(r, <Handshake>r.earliest)


cdef void reactor_crowd_out(Reactor r, Handshake h) noexcept:
    """Those who never finish must not hold all places: the one that has had most of its time goes."""
    r.counters.crowded_out += 1
    try:
        reactor_drop(r, h)
    except BaseException as exc:
        reactor_report(r, None, exc)


cdef void handshake_unlist(Reactor r, Handshake h) noexcept:
    if h.earlier != NULL:
        (<Handshake>h.earlier).later = h.later
    elif r.earliest == <PyObject *>h:
        r.earliest = h.later
    else:
        return
    if h.later != NULL:
        (<Handshake>h.later).earlier = h.earlier
    else:
        r.latest = h.earlier
    h.earlier = h.later = NULL
    r.handshake_total -= 1


cdef void reactor_hurry_handshakes(Reactor r) noexcept:
    """After a change none has more time than a new one would get: the list stays sorted, and nobody waits behind the old time."""
    cdef PyObject *item = r.earliest
    cdef double latest = r.now + r.handshake_timeout
    while item != NULL:
        (<Handshake>item).deadline = min((<Handshake>item).deadline, latest)
        item = (<Handshake>item).later
    if r.earliest != NULL:
        reactor_arm(r, (<Handshake>r.earliest).deadline)


cdef int reactor_cut_handshakes(Reactor r) except -1:
    """Cut those whose time is up, some at a time."""
    cdef Handshake h
    cdef int cut = 0
    while r.earliest != NULL and cut < CUTS_PER_ROUND:
        h = <Handshake>r.earliest
        if h.deadline > r.now:
            break
        cut += 1
        if h.state == READING_HEAD:
            r.counters.timed_out += 1
            send(h.fd, PyBytes_AS_STRING(HEAD_TOO_SLOW), PyBytes_GET_SIZE(HEAD_TOO_SLOW), MSG_DONTWAIT | MSG_NOSIGNAL)
        reactor_drop(r, h)
    return 0


cdef int reactor_on_head(Reactor r, Handshake h, const uint8_t *data, size_t length) except -1:
    """More bytes of a request, until the head is whole; what cannot become one is refused."""
    cdef size_t start = 0, end
    if h.state == LINGERING:
        return 0
    if h.length:
        start = h.length - 3 if h.length > 3 else 0
        handshake_keep(h, data, length)
        data = h.head
        length = h.length
    if r.proxy_protocol and not h.is_past_proxy:
        return reactor_on_proxy_header(r, h, data, length)
    if not may_be_http(data, length):
        r.counters.not_http += 1
        return reactor_refuse(r, h, NOT_HTTP)
    end = head_end(data, length, start)
    if end > r.max_head or (end == 0 and length > r.max_head):
        r.counters.head_too_large += 1
        return reactor_refuse(r, h, HEAD_TOO_LARGE)
    if end:
        return reactor_note_arrival(r, h, data[:end], data[end:length])
    if h.length == 0:
        handshake_keep(h, data, length)
    return 0


cdef int reactor_on_proxy_header(Reactor r, Handshake h, const uint8_t *data, size_t length) except -1:
    """Take the PROXY protocol header off the front; what follows it is the request."""
    cdef size_t taken
    cdef int result = proxy_parse(data, length, &taken, h.source, &h.source_length)
    if result == PROXY_MORE:
        if h.length == 0:
            handshake_keep(h, data, length)
        return 0
    if result == PROXY_BAD:
        r.counters.bad_proxy_header += 1
        return reactor_refuse(r, h, NO_PROXY_HEADER)
    h.is_past_proxy = True
    rest = data[taken:length]
    handshake_forget_head(h)
    if not rest:
        return 0
    return reactor_on_head(r, h, <const uint8_t *>PyBytes_AS_STRING(rest), PyBytes_GET_SIZE(rest))
