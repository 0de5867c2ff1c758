# The opening handshake, client side (RFC 6455 section 4.1). The request waits in the connection's `pending`
# until the socket takes it; every connection of a generator sends the same key, so one answer fits all.

cdef int open_connection(
    load_t *load, connection_t *connection, const sockaddr_in *server, uint32_t source, bytes request
) except -1:
    """Begin to connect. `source` is the local address in host order; 0 lets the kernel choose."""
    cdef int yes = 1
    cdef sockaddr_in local
    cdef int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if fd < 0:
        raise OSError(errno, f"no socket for connection {load.opened + load.handshaking + 1}")
    connection.fd = fd
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes))
    if source:
        memset(&local, 0, sizeof(local))
        local.sin_family = AF_INET
        local.sin_addr.s_addr = htonl(source)
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes))
        if bind(fd, <sockaddr *>&local, sizeof(local)) < 0:
            raise OSError(errno, "no local address to connect from")
    connection.state = CONNECTING
    connection.began_ns = now_ns(load)
    load.handshaking += 1
    if not keep(&connection.pending, &connection.pending_bytes, request, len(request)):
        raise MemoryError
    watch(load, connection, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT)
    if connect(fd, <const sockaddr *>server, sizeof(server[0])) < 0 and errno != EINPROGRESS:
        end_connection(load, connection, 0)
    else:
        send_request(load, connection)
    return 0


cdef void send_request(load_t *load, connection_t *connection) noexcept nogil:
    """On loopback the connection usually stands by the time `connect` returns, and this succeeds at once."""
    cdef ssize_t sent = send(connection.fd, connection.pending, connection.pending_bytes, MSG_NOSIGNAL)
    if sent < 0:
        if errno != EAGAIN and errno != ENOTCONN:
            end_connection(load, connection, 0)
        return
    connection.state = HANDSHAKING
    connection.pending_bytes -= sent
    if connection.pending_bytes:
        memmove(connection.pending, connection.pending + sent, connection.pending_bytes)
    else:
        free(connection.pending)
        connection.pending = NULL
        watch(load, connection, EPOLL_CTL_MOD, EPOLLIN)


cdef size_t take_answer(
    load_t *load, connection_t *connection, const unsigned char *data, size_t size
) noexcept nogil:
    """Open the connection when the answer is complete and right, end it when it is wrong; return its size."""
    cdef const unsigned char *end = <const unsigned char *>memmem(data, size, b"\r\n\r\n", 4)
    cdef uint32_t status
    if end == NULL:
        if size > HEAD_BYTES_MAX:
            end_connection(load, connection, 0)
        return 0
    end += 4
    status = status_of(data, end - data)
    load.statuses[status] += 1
    if status != 101 or memmem(data, end - data, load.accept, 28) == NULL:
        load.refused += 1
        end_connection(load, connection, 0)
        return size
    connection.state = OPEN
    load.handshaking -= 1
    load.opened += 1
    load.channel_states[connection.channel].alive += 1
    record_latency(&load.totals.latency, now_ns(load) - connection.began_ns, 1)
    return end - data


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
    cdef unsigned char frame[8]
    cdef uint32_t i
    frame[0] = 0x88
    frame[1] = 0x82
    memcpy(frame + 2, &load.mask, 4)
    frame[6] = 0x03 ^ frame[2]
    frame[7] = 0xE8 ^ frame[3]
    for i in range(load.channels * load.members):
        if load.connections[i].state == OPEN:
            load.connections[i].state = CLOSING
            write_bytes(load, load.connections + i, frame, 8)


cdef void cut_all(load_t *load) noexcept nogil:
    cdef uint32_t i
    for i in range(load.channels * load.members):
        load.connections[i].state = CLOSING if load.connections[i].state == OPEN else load.connections[i].state
        end_connection(load, load.connections + i, 1006)
