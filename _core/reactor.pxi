# The reactor: one epoll set for listeners, handshakes and members, and the only code that reads from or writes to a socket.
#
# turn():  1. what is ready is read, once each, and goes through parser, bucket, address, check and stamp into the logs
#          2. members with something private, then every log with something new, are flushed: one system call per member
#          3. what is due is closed
#
# Everything about one connection happens inside `guarded_*`: an exception there, ours or a callback's, ends that connection,
# is reported, and the turn goes on. A turn has a budget in seconds; what is left stays queued and `turn` returns True.
#
# Sockets are edge-triggered for reading and writing at once and registered a single time, so that blocking and unblocking
# costs no system call. The price is that what is not read to its end must be remembered: `ready`.
#
# Tables are by descriptor, not by pointer, so that an event which is still in the batch when its connection ends finds an empty
# slot. Descriptors are closed at the end of the turn, so that none is reused within the batch.

cdef enum:
    READ_BYTES = 65536
    EVENTS_PER_WAIT = 256
    ACCEPTS_PER_TURN = 64
    IOV_PIECES = 512
    MEMBERS_PER_SLICE = 128     # of one log, before the next log has its turn
    FLUSH_AT_BYTES = 262144     # a log with this much new is flushed at once, not at the end of the turn

cdef double ACCEPT_PAUSE_SECONDS = 0.1

import json
import re

import msgspec

cdef object check_json = msgspec.json.Decoder(msgspec.Raw).decode
cdef tuple JSON_FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)

def _refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


# numbers stay text: they are not ours to convert, and Python limits how long they may be
cdef object decode_surrogates = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_constant).decode
cdef object SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


cdef bytes plain_refusal(bytes status, bytes text):
    body = b'{"error":"' + text + b'"}'
    return b"\r\n".join((
        b"HTTP/1.1 " + status, b"Content-Type: application/json", b"Access-Control-Allow-Origin: *", b"Connection: close",
        b"Content-Length: %d" % len(body), b"", body,
    ))


cdef bytes FULL_HOUSE = plain_refusal(
    b"503 Service Unavailable\r\nRetry-After: 5", b"the relay has all the connections it can take")
cdef bytes NOT_HTTP = plain_refusal(b"400 Bad Request", b"this is not HTTP")
cdef bytes HEAD_TOO_LARGE = plain_refusal(b"431 Request Header Fields Too Large", b"the header block is too large")
cdef bytes HEAD_TOO_SLOW = plain_refusal(b"408 Request Timeout", b"the header block did not arrive in time")
cdef bytes SERVER_FAULT = plain_refusal(b"500 Internal Server Error", b"internal error")


@cython.final
cdef class Window:
    """A buffer object over bytes that stand elsewhere, used again and again: what lets msgspec check a payload in place."""

    cdef const uint8_t *data
    cdef Py_ssize_t length

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        buffer.buf = <void *>self.data
        buffer.len = self.length
        buffer.itemsize = 1
        buffer.readonly = 1
        buffer.format = NULL
        buffer.ndim = 1
        buffer.shape = &self.length
        buffer.strides = &buffer.itemsize
        buffer.suboffsets = NULL
        buffer.internal = NULL
        buffer.obj = self

    def __releasebuffer__(self, Py_buffer *buffer):
        pass


@cython.final
@cython.no_gc
cdef class Listener(Conn):
    def __cinit__(self):
        self.fd = -1
        self.kind = IS_LISTENER


cdef struct counters_t:
    uint64_t accepted           # connections
    uint64_t refused            # before or instead of an upgrade, full house included
    uint64_t timed_out          # heads that did not arrive in time
    uint64_t admitted           # became members
    uint64_t turns
    uint64_t messages           # received whole, whatever became of them
    uint64_t errors             # messages answered by an error
    uint64_t rate_limited       # messages dropped by the bucket
    uint64_t kicked
    uint64_t slow_consumers
    uint64_t faults             # connections failed for what they sent
    uint64_t crashes            # exceptions contained
    uint64_t sends              # system calls that sent to members
    uint64_t bytes_in
    uint64_t bytes_out


@cython.final
cdef class Reactor:
    """The epoll set with the listeners, the connections still in their opening handshake, and the members.

    `admit(head)` is called with the bytes of each request's head, its empty line included, and returns what becomes of the
    connection: a `Member` that is attached and has its 101 response queued, bytes to refuse it with, or None when it is no
    upgrade; then `on_http(fileno, data)` gets the descriptor, for good, and all bytes read so far. `on_crash(owner, exc)` is
    told of every exception that was contained: `owner` is the log's owner when its callback raised, otherwise None.
    """

    cdef object admit
    cdef object on_http
    cdef object on_crash
    cdef Stamper stamper
    cdef Window window
    cdef double message_rate, message_burst, handshake_timeout
    cdef uint32_t kick_after
    cdef uint64_t max_message, max_party_message, backlog_limit
    cdef size_t max_head
    cdef uint32_t max_connections

    cdef int epoll_fd, timer_fd
    cdef PyObject **table       # descriptor -> Conn, owned
    cdef size_t table_capacity
    cdef uint32_t connection_total
    cdef uint32_t handshake_total
    cdef PyObject *earliest     # handshakes by deadline
    cdef PyObject *latest
    cdef list paused            # listeners that ran out of descriptors
    cdef double now

    cdef epoll_event events[EVENTS_PER_WAIT]
    cdef int event_index, event_total
    cdef int *ready             # descriptors to read again
    cdef size_t ready_total, ready_capacity
    cdef int *dirty             # descriptors of members with something private
    cdef size_t dirty_total, dirty_capacity
    cdef int *doomed            # descriptors to close
    cdef size_t doomed_total, doomed_capacity
    cdef PyObject *dirty_log_first
    cdef PyObject *dirty_log_last
    cdef uint8_t *read_buffer
    cdef iovec pieces[IOV_PIECES]
    cdef parser_t fresh
    cdef counters_t counters
    cdef bint in_turn

    def __cinit__(self, *args, **kwargs):
        self.epoll_fd = self.timer_fd = -1

    def __init__(
        self, admit, *, bytes boot, on_http, on_crash, double message_rate=250.0, double message_burst=1000.0,
        uint32_t kick_after=3, uint64_t max_message_bytes=102_400, uint64_t max_party_message_bytes=1_048_576,
        uint64_t backlog_limit_bytes=1_048_576, double handshake_timeout_seconds=10.0, size_t max_head_bytes=16_384,
        uint32_t max_connections=1_000_000,
    ):
        if self.epoll_fd >= 0:
            raise RuntimeError("a reactor is made once")
        self.stamper = Stamper(boot)
        self.window = Window()
        self.admit = admit
        self.on_http = on_http
        self.on_crash = on_crash
        self.message_rate = message_rate
        self.message_burst = message_burst
        self.kick_after = kick_after
        self.max_message = max_message_bytes
        self.max_party_message = max_party_message_bytes
        self.backlog_limit = backlog_limit_bytes
        self.handshake_timeout = handshake_timeout_seconds
        self.max_head = max_head_bytes
        self.max_connections = max_connections
        self.paused = []
        self.now = steady_seconds()
        parser_init(&self.fresh, 0)
        self.read_buffer = <uint8_t *>malloc(READ_BYTES)
        if self.read_buffer == NULL:
            raise MemoryError
        self.epoll_fd = epoll_create1(EPOLL_CLOEXEC)
        self.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
        if self.epoll_fd < 0 or self.timer_fd < 0:
            raise OSError(errno, "cannot make an epoll set and its timer")
        watch(self.epoll_fd, self.timer_fd, EPOLLIN)

    def __dealloc__(self):
        reactor_close(self)
        free(self.table)
        free(self.ready)
        free(self.dirty)
        free(self.doomed)
        free(self.read_buffer)
        parser_drop_message(&self.fresh)

    def fileno(self):
        """The epoll descriptor; readable when a turn is due."""
        return self.epoll_fd

    def add_listener(self, int fileno):
        """Accept from this listening, non-blocking socket. The reactor does not own it."""
        cdef Listener listener = Listener()
        reactor_register(self, listener, fileno, EPOLLIN)

    def remove_listener(self, int fileno):
        """Accept no more from this socket. Raises ValueError when it was not added."""
        cdef PyObject *conn = reactor_at(self, fileno)
        if conn == NULL or (<Conn>conn).kind != IS_LISTENER:
            raise ValueError(f"fileno: {fileno} is no listener of this reactor")
        if fileno in self.paused:
            self.paused.remove(fileno)
        reactor_unregister(self, <Conn>conn)

    def adopt(self, int fileno, bytes data not None=b""):
        """Take over a connected, non-blocking socket, with the bytes that have been read from it: it is treated as one that
        was just accepted."""
        if self.connection_total >= self.max_connections:
            c_close(fileno)
            return
        guarded_accepted(self, fileno, data)

    def open_log(self, owner):
        """A log whose members this reactor serves."""
        cdef Log log = Log(owner)
        log.reactor = self
        return log

    def turn(self, double budget_seconds=0.004):
        """Read what is ready, stamp it, send it; stop when the budget is spent. True when work is left."""
        if self.epoll_fd < 0:
            raise ValueError("the reactor is closed")
        if self.in_turn:
            raise RuntimeError("a turn is under way; callbacks must not take another")
        self.in_turn = True
        try:
            return reactor_turn(self, budget_seconds)
        finally:
            self.in_turn = False

    def close(self):
        """Close every connection at once, without a word, and the epoll set."""
        reactor_close(self)

    @property
    def connection_count(self):
        """Open sockets: handshakes, members, and members whose closing handshake is under way."""
        return self.connection_total

    @property
    def handshake_count(self):
        return self.handshake_total

    def stats(self):
        """Plain counters since the start: accepted, refused, admitted, turns, messages, bytes_in, bytes_out, …"""
        return self.counters


# --- the table ---------------------------------------------------------------------------------------------------------------

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
        if (<Conn>r.table[fd]).kind == IS_HANDSHAKE:
            handshake_unlist(r, <Handshake>r.table[fd])
        (<Conn>r.table[fd]).fd = -1
        (<Conn>r.table[fd]).reactor = NULL
        Py_DECREF(<object>r.table[fd])
    elif conn.kind != IS_LISTENER:
        r.connection_total += 1
    r.table[fd] = <PyObject *>conn
    Py_INCREF(conn)
    return 0


cdef int reactor_forget(Reactor r, Conn conn) noexcept:
    """Take a connection out of the table; its descriptor stays as it is."""
    cdef int fd = conn.fd
    if fd < 0 or r.table[fd] != <PyObject *>conn:
        return -1
    if conn.kind == IS_HANDSHAKE:
        handshake_unlist(r, <Handshake>conn)
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
    """Forget a connection and close its socket at the end of the turn."""
    cdef int fd = reactor_forget(r, conn)
    if fd >= 0:
        unwatch(r.epoll_fd, fd)
        remember(&r.doomed, &r.doomed_total, &r.doomed_capacity, fd)
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
    reactor_close_doomed(r)
    while r.dirty_log_first != NULL:
        reactor_take_log(r)
    c_close(r.timer_fd)
    c_close(r.epoll_fd)
    r.epoll_fd = r.timer_fd = -1


cdef void reactor_report(Reactor r, object owner, object exc) noexcept:
    r.counters.crashes += 1
    r.on_crash(owner, exc)


# --- the turn ----------------------------------------------------------------------------------------------------------------

cdef bint reactor_turn(Reactor r, double budget) except -1:
    cdef double start = steady_seconds()
    cdef double read_until = start + budget * 0.5
    cdef bint more
    r.now = start
    r.counters.turns += 1
    stamp_set_date(&r.stamper.state, epoch_milliseconds())
    reactor_read_ready(r, read_until)
    if r.event_index == r.event_total:
        r.event_index = 0
        r.event_total = epoll_wait(r.epoll_fd, r.events, EVENTS_PER_WAIT, 0)
        if r.event_total < 0:
            r.event_total = 0
    more = r.event_total == EVENTS_PER_WAIT
    while r.event_index < r.event_total:
        guarded_event(r, r.events[r.event_index].data.fd, r.events[r.event_index].events)
        r.event_index += 1
        if r.event_index & 7 == 0 and steady_seconds() > read_until:
            break
    reactor_flush_dirty(r)
    reactor_flush_logs(r, start + budget)
    reactor_close_doomed(r)
    return more or r.event_index < r.event_total or r.ready_total or r.dirty_total or r.dirty_log_first != NULL


cdef void reactor_read_ready(Reactor r, double until) noexcept:
    """Read again from those that had more than one read's worth, each once."""
    cdef size_t i = 0, total = r.ready_total
    cdef PyObject *conn
    while i < total:
        conn = reactor_at(r, r.ready[i])
        i += 1
        if conn != NULL and (<Conn>conn).is_ready:
            (<Conn>conn).is_ready = False
            guarded_read(r, <Conn>conn)
        if i & 7 == 0 and steady_seconds() > until:
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
            member_unblock(<Member>conn)
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
            reactor_check_backlog(r, held)
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
        if log.in_pass and log.end - log.pass_end > r.backlog_limit:
            # its fan-out is behind because this process is: the channel waits for itself, nobody else does
            return reactor_note_ready(r, conn)
    n = recv(conn.fd, r.read_buffer, READ_BYTES, MSG_DONTWAIT)
    if n > 0:
        r.counters.bytes_in += n
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


# --- what a member sent ------------------------------------------------------------------------------------------------------

cdef int reactor_consume(Reactor r, Member m, uint8_t *data, size_t length) except -1:
    """Take all events out of the input. The parser is the reactor's fresh one unless the member is inside a message."""
    cdef parser_t *parser = m.parser
    cdef uint8_t *cursor = data
    cdef event_t event
    cdef int kind
    cdef Log log
    if parser == NULL:
        parser = &r.fresh
        parser.max_message = r.max_party_message if m.is_verbatim else r.max_message
    try:
        while m.state == OPEN:
            kind = parser_next(parser, &cursor, data + length, &event)
            if kind == NOTHING:
                break
            if kind == MESSAGE:
                reactor_on_message(r, m, &event)
            elif kind == CONTROL:
                reactor_on_control(r, m, &event)
            else:
                r.counters.faults += 1
                member_close(m, close_frame(parser.fault, parser.reason), False)
        reactor_return_parser(r, m, parser)
    except:
        parser_drop_message(parser)
        parser_init(parser, 0)
        raise
    if m.log_object != NULL:
        log = <Log>m.log_object
        if log.end - log.pass_end > FLUSH_AT_BYTES and not log.in_pass:
            reactor_flush_slice(r, log)
    return 0


cdef int reactor_return_parser(Reactor r, Member m, parser_t *parser) except -1:
    """Keep the parser's state with the member while it is inside a message, and nowhere otherwise."""
    cdef bint done = m.state != OPEN or (parser_is_idle(parser) and not parser.delivered)
    if parser.delivered:
        parser_drop_message(parser)
        done = m.state != OPEN or parser_is_idle(parser)
    if parser == m.parser:
        if done:
            parser_drop_message(parser)
            free(parser)
            m.parser = NULL
    elif done:
        parser_drop_message(parser)
        if not parser_is_idle(parser):
            parser_init(parser, 0)
    else:
        m.parser = <parser_t *>malloc(sizeof(parser_t))
        if m.parser == NULL:
            raise MemoryError
        memcpy(m.parser, parser, sizeof(parser_t))
        parser_init(parser, 0)
    return 0


cdef int reactor_on_control(Reactor r, Member m, event_t *event) except -1:
    if event.opcode == PING:
        return member_pong(m, event.data, event.length)
    if event.opcode == CLOSE:
        # section 5.5.1: the status is echoed; the server closes the connection first (section 7.1.1)
        return member_close(
            m, close_frame((event.data[0] << 8) | event.data[1] if event.length else 0, b""), True)
    return 0


cdef int reactor_on_message(Reactor r, Member m, event_t *event) except -1:
    cdef const uint8_t *uid
    cdef const uint8_t *payload = event.data
    cdef size_t uid_length, length = event.length
    cdef Py_ssize_t offset
    r.counters.messages += 1
    if m.log_object == NULL:
        return 0
    if r.message_rate > 0:
        bucket_refill(&m.bucket, r.message_rate, r.message_burst, r.now)
        if m.bucket.tokens >= r.message_burst:
            m.warnings = 0
        if not bucket_consume(&m.bucket, 1.0):
            return reactor_over_rate(r, m)
    if m.is_verbatim:
        return reactor_relay_verbatim(<Log>m.log_object, m, event)
    if event.opcode != TEXT:
        return reactor_error(r, m, "binary", None)
    offset = address_split(payload, length, &uid, &uid_length)
    if offset < 0:
        return reactor_error(r, m, "address", None)
    if not is_json(r, payload + offset, length - offset):
        return reactor_error(r, m, "json", None)
    if uid_length == 0:
        return log_publish(<Log>m.log_object, m, &r.stamper.state, payload + offset, length - offset)
    return reactor_send_direct(r, m, uid, uid_length, payload + offset, length - offset)


cdef bint is_json(Reactor r, const uint8_t *payload, size_t length) except -1:
    """Whether the bytes are exactly one JSON value. The parser has checked that they are UTF-8; msgspec does the grammar."""
    r.window.data = payload
    r.window.length = length
    try:
        check_json(r.window)
    except JSON_FAULTS:
        return is_json_with_surrogates(payload[:length])
    return True


cdef bint is_json_with_surrogates(bytes payload) except -1:
    """A second look at what msgspec refuses. It takes no escape of half a surrogate pair, as in `"\\ud83d"`; JSON's grammar does
    (RFC 8259 section 8.2), and JavaScript sends it for a string that was cut inside a character."""
    if SURROGATE_ESCAPE.search(payload) is None:
        return False
    try:
        decode_surrogates(payload.decode())
    except JSON_FAULTS:
        return False
    return True


cdef int reactor_relay_verbatim(Log log, Member m, event_t *event) except -1:
    cdef uint8_t *out = log_reserve(log, header_size(event.length) + event.length)
    cdef size_t size = write_header(out, FIN | event.opcode, event.length)
    memcpy(out + size, event.data, event.length)
    return log_commit(log, size + event.length, m, FOR_ALL)


cdef int reactor_send_direct(
    Reactor r, Member m, const uint8_t *uid, size_t uid_length, const uint8_t *payload, size_t length,
) except -1:
    """Stamp a direct message into its recipient's private queue, where it keeps its place among the channel's messages."""
    cdef PyObject *found = log_find(<Log>m.log_object, uid, uid_length)
    cdef stamp_t *stamp = &r.stamper.state
    cdef bint with_id
    cdef size_t size
    cdef item_t *item
    if found == NULL:
        return reactor_error(r, m, "recipient", uid[:uid_length])
    with_id = not has_id(payload, length)
    size = stamped_length(stamp, with_id, m.prefix_length, length)
    item = item_new(header_size(size) + size)
    stamp_write(stamp, item_data(item), with_id, m.prefix_data, m.prefix_length, payload, length)
    return member_put(<Member>found, item)


cdef int reactor_error(Reactor r, Member m, str kind, object detail) except -1:
    """Have the owner word an error for the sender."""
    cdef object channel = (<Log>m.log_object).channel
    r.counters.errors += 1
    if m.is_verbatim or channel is None:
        return 0
    try:
        frame = channel.on_error(m, kind, detail)
    except BaseException as exc:
        reactor_report(r, channel, exc)
        return 0
    if frame is not None:
        member_enqueue(m, PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame), PLAIN_ITEM)
    return 0


cdef int reactor_over_rate(Reactor r, Member m) except -1:
    """Drop; warn at most once a second; kick who goes on after `kick_after` warnings (0: never)."""
    r.counters.rate_limited += 1
    if m.warnings and r.now - m.warned_at < 1.0:
        return 0
    if r.kick_after and m.warnings >= r.kick_after:
        r.counters.kicked += 1
        return member_close(m, close_frame(CLOSE_POLICY_VIOLATION, b"rate limit exceeded"), False)
    if m.warnings < 255:
        m.warnings += 1
    m.warned_at = r.now
    return reactor_error(r, m, "rate", bucket_wait(&m.bucket, r.message_rate, r.message_burst, 1.0))


# --- sending -----------------------------------------------------------------------------------------------------------------

cdef inline void reactor_wake(Reactor r) noexcept:
    """Work that arises between turns, from a channel's tasks, has no event of its own: let the timer be it."""
    if not r.in_turn:
        set_timer(r.timer_fd, 0)


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
    """Go on with the pass over a log's members, or begin one."""
    cdef int visits = 0
    cdef Member m
    if not log.in_pass:
        log.in_pass = True
        log.pass_index = 0
        log.pass_end = log.end
    while log.pass_index < log.member_total and visits < MEMBERS_PER_SLICE:
        m = <Member>log.member_table[log.pass_index]
        # before the flush: it may take members out, this one included, and then moves the index
        log.pass_index += 1
        if m.cursor != log.end:
            guarded_flush(r, m)
            visits += 1
    if log.pass_index >= log.member_total:
        log.in_pass = False
        log_settle(log)


cdef int reactor_check_backlog(Reactor r, Member m) except -1:
    if member_backlog(m) > r.backlog_limit and m.state == OPEN:
        r.counters.slow_consumers += 1
        member_close(m, close_frame(CLOSE_TRY_AGAIN_LATER, b"slow consumer"), False)
    return 0


cdef void member_block(Member m) noexcept:
    m.is_blocked = True
    if m.log_object != NULL:
        (<Log>m.log_object).blocked_total += 1


cdef void member_unblock(Member m) noexcept:
    m.is_blocked = False
    if m.log_object != NULL:
        (<Log>m.log_object).blocked_total -= 1


cdef int reactor_flush_member(Reactor r, Member m) except -1:
    """Send all that waits for one member, in one system call unless its socket is full or the pieces are very many."""
    cdef uint64_t before = m.cursor
    cdef Py_ssize_t sent
    if m.fd < 0:
        return member_abort(m)
    while member_is_behind(m):
        sent = member_send(r, m)
        if sent < 0:
            if errno == EINTR:
                continue
            if errno == EAGAIN or errno == ENOBUFS:
                member_block(m)
                break
            return member_abort(m)
        r.counters.bytes_out += sent
        if reads_all(m):
            m.cursor += sent
        else:
            member_advance(m, sent)
    if m.state == CLOSING and not member_is_behind(m):
        return reactor_finish_closing(r, m)
    if before != m.cursor and m.log_object != NULL:
        # one that lagged has moved; during a pass, or before one that is due, the pass settles it
        if not (<Log>m.log_object).is_dirty and not (<Log>m.log_object).in_pass and before == (<Log>m.log_object).low:
            log_settle(<Log>m.log_object)
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
    r.counters.sends += 1
    if reads_all(m):
        log = <Log>m.log_object
        return send(m.fd, log.store.data + (m.cursor - log.base), log.end - m.cursor, MSG_DONTWAIT | MSG_NOSIGNAL)
    memset(&message, 0, sizeof(message))
    message.msg_iov = r.pieces
    message.msg_iovlen = member_pieces(r, m)
    if message.msg_iovlen == 0:
        return 0
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


# --- opening handshakes ------------------------------------------------------------------------------------------------------

cdef int reactor_accept(Reactor r, int listener) except -1:
    cdef int fd, i
    for i in range(ACCEPTS_PER_TURN):
        fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)
        if fd < 0:
            if errno in (EMFILE, ENFILE, ENOBUFS, ENOMEM):
                reactor_pause_listener(r, listener)
            if errno not in (EINTR, ECONNABORTED):
                return 0
            continue
        r.counters.accepted += 1
        if r.connection_total >= r.max_connections:
            r.counters.refused += 1
            send(fd, PyBytes_AS_STRING(FULL_HOUSE), PyBytes_GET_SIZE(FULL_HOUSE), MSG_DONTWAIT | MSG_NOSIGNAL)
            c_close(fd)
            continue
        guarded_accepted(r, fd, b"")
    return 0


cdef void guarded_accepted(Reactor r, int fd, bytes data) noexcept:
    """Register a new connection and look at once whether its request is there."""
    cdef Handshake h = Handshake()
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
    set_timer(r.timer_fd, ACCEPT_PAUSE_SECONDS)


cdef void handshake_enlist(Reactor r, Handshake h) noexcept:
    """Last in the list, with the full time ahead. The timer runs for the first."""
    h.deadline = r.now + r.handshake_timeout
    h.later = NULL
    h.earlier = r.latest
    if r.latest != NULL:
        (<Handshake>r.latest).later = <PyObject *>h
    else:
        r.earliest = <PyObject *>h
    if r.earliest == <PyObject *>h and not r.paused:
        set_timer(r.timer_fd, r.handshake_timeout)
    r.latest = <PyObject *>h
    r.handshake_total += 1


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


cdef void reactor_on_timer(Reactor r) noexcept:
    """Cut the handshakes whose time is up, and listen again where descriptors had run out."""
    cdef uint64_t expirations
    cdef Handshake h
    c_read(r.timer_fd, &expirations, sizeof(expirations))
    try:
        while r.earliest != NULL:
            h = <Handshake>r.earliest
            if h.deadline > r.now:
                set_timer(r.timer_fd, h.deadline - r.now)
                break
            if h.state == READING_HEAD:
                r.counters.timed_out += 1
                send(h.fd, PyBytes_AS_STRING(HEAD_TOO_SLOW), PyBytes_GET_SIZE(HEAD_TOO_SLOW), MSG_DONTWAIT | MSG_NOSIGNAL)
            reactor_drop(r, h)
        paused, r.paused = r.paused, []
        for listener in paused:
            watch(r.epoll_fd, listener, EPOLLIN)
    except BaseException as exc:
        reactor_report(r, None, exc)


cdef int reactor_on_head(Reactor r, Handshake h, const uint8_t *data, size_t length) except -1:
    """More bytes of a request: admit when the head is whole, refuse what cannot become one."""
    cdef size_t start = 0, end
    if h.state == LINGERING:
        return 0
    if h.length:
        start = h.length - 3 if h.length > 3 else 0
        handshake_keep(h, data, length)
        data = h.head
        length = h.length
    if not may_be_http(data, length):
        return reactor_refuse(r, h, NOT_HTTP)
    end = head_end(data, length, start)
    if end > r.max_head or (end == 0 and length > r.max_head):
        return reactor_refuse(r, h, HEAD_TOO_LARGE)
    if end:
        return reactor_admit(r, h, data[:end], data[end:length])
    if h.length == 0:
        handshake_keep(h, data, length)
    return 0


cdef int reactor_admit(Reactor r, Handshake h, bytes head, bytes rest) except -1:
    try:
        answer = r.admit(head)
    except BaseException as exc:
        reactor_report(r, None, exc)
        answer = SERVER_FAULT
    if type(answer) is Member:
        return reactor_promote(r, h, <Member>answer, rest)
    if answer is None:
        return reactor_hand_over(r, h, head + rest)
    return reactor_refuse(r, h, <bytes?>answer)


cdef int reactor_promote(Reactor r, Handshake h, Member m, bytes rest) except -1:
    """The connection becomes a member; its 101 waits in its private queue, with its first events behind it."""
    if m.fd >= 0 or m.log_object == NULL:
        raise ValueError("admit: expected a member that is attached and has no connection yet")
    m.kind = IS_MEMBER
    m.at_end = h.at_end
    reactor_register(r, m, h.fd if h.fd >= 0 else -1, 0)
    r.counters.admitted += 1
    if h.is_ready:
        m.is_ready = True   # its place in the queue is by descriptor
    bucket_fill(&m.bucket, r.message_burst, r.now)
    reactor_flush_member(r, m)
    if rest and m.state == OPEN:
        own = bytearray(rest)   # the parser unmasks in place
        reactor_consume(r, m, <uint8_t *><char *>own, len(own))
    return 0


cdef int reactor_hand_over(Reactor r, Handshake h, bytes data) except -1:
    """No upgrade: the descriptor leaves the reactor for good."""
    cdef int fd = h.fd
    reactor_unregister(r, h)
    try:
        r.on_http(fd, data)
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
    handshake_unlist(r, h)
    handshake_enlist(r, h)
    return 0
