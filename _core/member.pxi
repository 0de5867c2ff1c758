# A member: one connection in a channel. It is C fields only and knows no Python object, so an idle one costs its struct,
# its prefix, and a slot in two tables.

cdef enum ConnKind:
    IS_MEMBER = 0
    IS_HANDSHAKE = 1
    IS_LISTENER = 2

cdef enum MemberState:
    OPEN = 0
    CLOSING = 1                 # left; its last bytes, or the peer's close, are awaited
    CLOSED = 2


@cython.no_gc
cdef class Conn:
    """Whatever owns a descriptor in the reactor's table."""

    cdef PyObject *reactor      # borrowed; NULL when it is in no table
    cdef int fd
    cdef uint8_t kind
    cdef uint8_t state
    cdef uint8_t is_ready       # queued to be read again in the next round
    cdef uint8_t at_end         # the peer has said that no more will come


@cython.final
@cython.no_gc
cdef class Member(Conn):
    """One connection in a channel: who it is, how far it has read the channel's log, and what waits for it alone.

    `prefix` is what `Stamper` takes and must start with `"uid":"<uid>"`. In a verbatim room it may be empty. `mute`: what it
    sends is answered by an error. `address` is the key of the address that answers for it, 0 for none. `stream`: it reads an
    event stream over HTTP instead of frames, and what it sends is thrown away.
    """

    # What a fan-out looks at comes first, so that with what Conn has before it one or two cache lines are touched. Flags are
    # bytes, because a bint is an int.
    cdef uint64_t cursor
    cdef PyObject *log_object   # borrowed: the log owns its members, not the other way round
    cdef item_t *item_head
    cdef uint32_t own_count     # its own entries at or behind the cursor
    cdef uint8_t is_blocked     # its socket took less than there was; the reactor waits for room
    cdef uint8_t is_dirty       # queued to be flushed at the end of the round
    cdef uint8_t hangs_up       # once its last bytes are out the socket is closed, not only shut down
    cdef uint8_t ping_waits     # a ping of ours is in the private queue
    cdef uint32_t own_seq       # the first of its own entries,
    cdef uint32_t own_last      # and the last
    cdef uint32_t index         # among its log's members
    cdef uint8_t has_echo
    cdef uint8_t has_announce
    cdef uint8_t has_list
    cdef uint8_t is_verbatim
    cdef uint8_t is_mute        # may listen and not send
    cdef uint8_t is_stream      # reads events, not frames
    cdef uint8_t warnings
    cdef uint8_t uid_length
    cdef uint16_t prefix_length
    cdef uint32_t item_total
    cdef uint32_t blocked_index     # among the reactor's blocked members
    cdef item_t *item_tail
    cdef uint64_t item_bytes
    cdef parser_t *parser       # only while a message is under way
    cdef uint8_t *prefix_data
    cdef const uint8_t *uid_data
    cdef bucket_t message_bucket
    cdef bucket_t byte_bucket
    cdef double warned_at
    cdef double heard_at        # when something came from it last
    cdef uint64_t address_key   # what the limits per address count it by; 0: they do not

    def __cinit__(self, bytes prefix not None, *, bint echo=False, bint announce=False, bint lists=False,
                  bint verbatim=False, bint mute=False, bint stream=False, uint64_t address=0):
        cdef const uint8_t *quote
        cdef size_t length = len(prefix)
        self.fd = -1
        if length > 0xFFFF:
            raise ValueError(f"prefix: expected at most 65535 bytes, got {length}")
        if not prefix.startswith(b'"uid":"') and not (verbatim and length == 0):
            raise ValueError('prefix: expected to start with "uid":"')
        self.prefix_data = <uint8_t *>malloc(length or 1)
        if self.prefix_data == NULL:
            raise MemoryError
        memcpy(self.prefix_data, PyBytes_AS_STRING(prefix), length)
        self.prefix_length = <uint16_t>length
        self.uid_data = self.prefix_data
        if length:
            self.uid_data += 7
            quote = <const uint8_t *>memchr(self.uid_data, c'"', length - 7)
            if quote == NULL or quote - self.uid_data > 255:
                raise ValueError("prefix: expected a uid of at most 255 bytes, in quotes")
            self.uid_length = <uint8_t>(quote - self.uid_data)
        self.has_echo = echo
        self.has_announce = announce
        self.has_list = lists
        self.is_verbatim = verbatim
        self.is_mute = mute
        self.is_stream = stream
        self.address_key = address

    def __dealloc__(self):
        member_forget_items(self)
        if self.parser != NULL:
            parser_drop_message(self.parser)
            free(self.parser)
        free(self.prefix_data)

    @property
    def uid(self):
        return self.uid_data[:self.uid_length].decode()

    @property
    def prefix(self):
        return self.prefix_data[:self.prefix_length]

    @property
    def echo(self):
        return self.has_echo != 0

    @property
    def announce(self):
        return self.has_announce != 0

    @property
    def lists(self):
        return self.has_list != 0

    @property
    def verbatim(self):
        return self.is_verbatim != 0

    @property
    def mute(self):
        return self.is_mute != 0

    @property
    def stream(self):
        return self.is_stream != 0

    @property
    def address(self):
        return self.address_key

    @property
    def log(self):
        """The log it is attached to; None before it joined and from the moment it left."""
        return None if self.log_object == NULL else <object>self.log_object

    @property
    def fileno(self):
        """Its socket's descriptor; -1 when it has none (yet, or any more)."""
        return self.fd

    @property
    def is_behind(self):
        """Whether there is more for it, in the log or in its private queue; entries it will not get count until it moves."""
        return member_is_behind(self)

    @property
    def backlog_bytes(self):
        """How many bytes it is behind, log and private queue together; entries it will not get count until it moves."""
        return member_backlog(self)

    def enqueue(self, bytes data not None, *, bint is_message=False):
        """Queue bytes for this member alone, to follow all that is in the log now and to precede all that comes later. A slow
        consumer may miss what `is_message`, and is told of it."""
        member_enqueue(
            self, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), MESSAGE_ITEM if is_message else PLAIN_ITEM)

    def gather(self):
        """What would be sent to it now, piece by piece, in order (what the reactor hands to sendmsg)."""
        cdef walk_t walk
        cdef uint8_t *data
        cdef size_t length
        pieces = []
        walk_begin(self, &walk)
        while walk_next(self, &walk, &data, &length) != SEGMENT_NONE:
            pieces.append(data[:length])
        return pieces

    def advance(self, size_t sent):
        """Note that the first `sent` bytes of what `gather` showed were taken. Raises ValueError when that is more than waits."""
        if sent > sum(map(len, self.gather())):
            raise ValueError(f"sent: {sent} bytes are more than wait for this member")
        member_advance(self, sent)
        if self.log_object != NULL:
            log_settle(<Log>self.log_object)

    def skip(self, uint64_t limit_bytes):
        """Let the oldest messages that wait for it go, when all that waits costs more than `limit_bytes`, until about half of
        that is left. Returns how many it will not get, those of earlier calls that it was not told of included."""
        cdef uint64_t untold, missed
        if member_cost(self) <= limit_bytes:
            return 0
        missed = member_skip(self, limit_bytes, &untold)
        return missed + untold

    def tell_gap(self, bytes frame not None, uint64_t missed):
        """Queue the frame that tells of what `skip` returned, before all that was kept."""
        member_put_gap(self, frame, missed)

    def close(self, code, str reason=""):
        """Begin the closing handshake: leave the channel, send what the socket takes at once, then a close frame, whole.

        The owner's `on_leave` is called before this returns. Does nothing on a connection that is closing already. The
        socket stays until the peer has closed, or `abort` is called.
        """
        member_close(self, encode_close(code, reason), False)

    def abort(self):
        """Leave the channel, forget what waits, close the socket. Does nothing the second time."""
        member_abort(self)


cdef inline bint member_is_behind(Member m) noexcept:
    return m.item_head != NULL or (m.log_object != NULL and m.cursor != (<Log>m.log_object).end)


cdef inline uint64_t member_backlog(Member m) noexcept:
    cdef uint64_t waiting = m.item_bytes
    if m.log_object != NULL:
        waiting += (<Log>m.log_object).end - m.cursor
    return waiting


cdef inline uint64_t member_cost(Member m) noexcept:
    """What a member's backlog is held against its limit with: a flood of tiny private frames costs more than its bytes."""
    return member_backlog(m) + m.item_total * sizeof(item_t)


cdef int member_finish_frame(Member m) except -1:
    """Turn what is left of the frame that a member is in the middle of into its first private item, so that its cursor stands
    between two entries."""
    cdef Log log
    cdef item_t *rest
    cdef uint64_t before = m.cursor
    cdef size_t length
    if m.log_object == NULL or is_part_sent(m.item_head):
        return 0    # inside a private item, and the cursor stands well
    log = <Log>m.log_object
    length = log_rest_of_entry(log, m.cursor)
    if length == 0:
        return 0
    rest = item_new(length)
    memcpy(item_data(rest), log.store.data + (m.cursor - log.base), length)
    rest.kind = REST_ITEM
    rest.position = 0
    rest.next = m.item_head
    m.item_head = rest
    if m.item_tail == NULL:
        m.item_tail = rest
    m.item_total += 1
    m.item_bytes += length
    m.cursor += length
    log_moved_from(log, before)
    return 0


cdef int member_leave_log(Member m) except -1:
    """Turn away from the log: what is left for it is the rest of the frame it is in the middle of, if any."""
    cdef item_t *first
    member_finish_frame(m)
    first = m.item_head
    if is_part_sent(first):
        while first.next != NULL:
            member_drop_behind(m, first)
    else:
        member_forget_items(m)
    if m.log_object != NULL:
        log_remove(<Log>m.log_object, m)
    return 0


cdef int member_close(Member m, bytes frame, bint hangs_up) except -1:
    """Leave, with `frame` as the last word. A member that cannot take what waits for it now does not get it any more."""
    cdef item_t *item
    if m.state != OPEN:
        return 0
    if m.fd >= 0 and m.reactor != NULL and not m.is_blocked:
        reactor_flush_member(<Reactor>m.reactor, m)
        if m.state != OPEN:
            return 0
    log = m.log
    if m.reactor != NULL and m.fd >= 0:     # one that was never answered was not admitted
        count_close(&(<Reactor>m.reactor).work, frame_close_code(frame))
    if m.is_stream:
        frame = stream_close(frame)
    item = item_new(PyBytes_GET_SIZE(frame))
    memcpy(item_data(item), PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame))
    member_leave_log(m)
    m.state = CLOSING
    m.hangs_up = hangs_up
    member_put(m, item)
    if m.fd >= 0 and m.reactor != NULL and not m.is_blocked:
        reactor_flush_member(<Reactor>m.reactor, m)
    if log is not None:
        log_tell_leave(<Log>log, m)
    return 0


cdef int member_abort(Member m) except -1:
    if m.state == CLOSED:
        return 0
    log = m.log
    if log is not None:
        log_remove(<Log>log, m)
    if m.state == OPEN and m.reactor != NULL and m.fd >= 0:
        count_close(&(<Reactor>m.reactor).work, ABNORMAL_CODE)
    m.state = CLOSED
    member_forget_items(m)
    if m.reactor != NULL:
        reactor_drop(<Reactor>m.reactor, m)
    if log is not None:
        log_tell_leave(<Log>log, m)
    return 0
