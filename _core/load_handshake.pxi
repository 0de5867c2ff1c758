# The opening handshake, client side (RFC 6455 section 4.1). The request waits in the connection's `pending`
# until the socket takes it; every connection of a generator sends the same key, so one answer fits all.

cdef int prepare_opening(connection_t *connection, uint32_t source, bytes request, bytes greeting) except -1:
    """Keep what the connection needs to open, once or again. `source` is its local address in network order."""
    connection.source = source
    if not (
        keep(&connection.request, &connection.request_bytes, request, len(request))
        and keep(&connection.greeting, &connection.greeting_bytes, greeting, len(greeting))
    ):
        raise MemoryError
    return 0


cdef bint begin_opening(load_t *load, connection_t *connection, uint64_t due_ns) noexcept nogil:
    """Begin to connect, by the clock at `due_ns`; False, with errno, when there is no socket or no local address to be had."""
    if not make_socket(load, connection):
        load.last_errno = errno
        if connection.fd >= 0:
            close_fd(connection.fd)
            connection.fd = -1
        connection.state = GONE
        return False
    connection.state = CONNECTING
    connection.began_ns = due_ns
    load.handshaking += 1
    if not keep(&connection.pending, &connection.pending_bytes, connection.request, connection.request_bytes):
        end_connection(load, connection, 0)
        return False
    if connection.kind == MEMBER:
        free(connection.request)        # a member opens once
        connection.request = NULL
        connection.request_bytes = 0
    watch(load, connection, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT)
    if connect(connection.fd, <const sockaddr *>&load.server, sizeof(load.server)) < 0 and errno != EINPROGRESS:
        fail_opening_by(load, connection, errno)
    else:
        send_request(load, connection)
    return True


cdef bint make_socket(const load_t *load, connection_t *connection) noexcept nogil:
    cdef int yes = 1
    cdef sockaddr_in local
    cdef int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    connection.fd = fd
    if fd < 0:
        return False
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes))
    if connection.kind == STALLED:      # before it connects: the window is told then
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &load.receive_buffer_bytes, sizeof(int))
    if connection.source == 0:
        return True
    memset(&local, 0, sizeof(local))
    local.sin_family = AF_INET
    local.sin_addr.s_addr = connection.source
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes))
    return bind(fd, <sockaddr *>&local, sizeof(local)) == 0


cdef void send_request(load_t *load, connection_t *connection) noexcept nogil:
    """On loopback the connection usually stands by the time `connect` returns, and this succeeds at once."""
    cdef ssize_t sent = send(
        connection.fd, connection.pending + connection.pending_at, connection.pending_bytes, MSG_NOSIGNAL
    )
    if sent < 0:
        if errno != EAGAIN and errno != ENOTCONN:
            fail_opening_by(load, connection, errno)
        return
    connection.state = HANDSHAKING
    drop_sent(connection, sent)
    if connection.pending_bytes == 0:
        watch(load, connection, EPOLL_CTL_MOD, EPOLLIN)


cdef size_t take_answer(
    load_t *load, connection_t *connection, const unsigned char *data, size_t size
) noexcept nogil:
    """Open the connection when the answer is complete and right, end it when it is wrong; return its size."""
    cdef const unsigned char *end = <const unsigned char *>memmem(data, size, b"\r\n\r\n", 4)
    cdef uint32_t status
    if end == NULL:
        if size > HEAD_BYTES_MAX:
            fail_opening(load, connection, ENDLESS_HEAD)
        return 0
    end += 4
    status = status_of(data, end - data)
    load.statuses[status] += 1
    if status != 101:
        end_connection(load, connection, 0)
        return size
    if memmem(data, end - data, load.accept, 28) == NULL:
        fail_opening(load, connection, WRONG_ACCEPT)
        return size
    note_open(load, connection)
    return end - data


cdef void fail_opening(load_t *load, connection_t *connection, int why) noexcept nogil:
    load.faults.openings[why] += 1
    end_connection(load, connection, 0)


cdef void fail_opening_by(load_t *load, connection_t *connection, int number) noexcept nogil:
    note_errno(&load.faults, number)
    end_connection(load, connection, 0)


cdef void note_open(load_t *load, connection_t *connection) noexcept nogil:
    connection.state = OPEN
    load.handshaking -= 1
    load.opened += 1
    record_latency(&load.totals.connecting, now_ns(load) - connection.began_ns, 1)
    if connection.kind == MEMBER:
        load.channel_states[connection.channel].alive += 1
    elif connection.kind == VISITOR:
        load.totals.returned += 1
    else:
        stop_reading(load, connection)
    if connection.greeting_bytes:
        write_bytes(load, connection, connection.greeting, connection.greeting_bytes)


cdef uint32_t status_of(const unsigned char *data, size_t size) noexcept nogil:
    cdef uint32_t status = 0
    cdef int i
    if size < 13 or memcmp(data, b"HTTP/1.", 7) != 0:
        return 0
    for i in range(9, 12):
        if data[i] < 48 or data[i] > 57:
            return 0
        status = status * 10 + data[i] - 48
    return status


cdef void begin_close(load_t *load) noexcept nogil:
    """Send close 1000 on every open connection (RFC 6455 section 5.5.1)."""
    cdef uint32_t i
    for i in range(load.total):
        if load.connections[i].state == OPEN:
            load.connections[i].state = CLOSING
            send_close(load, load.connections + i)


cdef void send_close(load_t *load, connection_t *connection) noexcept nogil:
    cdef unsigned char frame[8]
    frame[0] = 0x88
    frame[1] = 0x82
    memcpy(frame + 2, load.key, 4)
    frame[6] = 0x03 ^ frame[2]
    frame[7] = 0xE8 ^ frame[3]
    write_bytes(load, connection, frame, 8)


cdef void cut_all(load_t *load) noexcept nogil:
    cdef uint32_t i
    for i in range(load.total):
        load.connections[i].state = CLOSING if load.connections[i].state == OPEN else load.connections[i].state
        end_connection(load, load.connections + i, 1006)
