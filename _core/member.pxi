# A member: one connection in a channel. It is C fields only and knows no Python object, so an idle one costs its struct,
# its prefix, and a slot in two tables.
#
# What a member is sent is the log's entries from its cursor on, less those that are not for it, with its private items put in
# between at the positions they are tied to. `walk_next` is the one place that knows that order; `gather` (what would be sent)
# and `advance` (what was taken) both follow it.

cdef enum ConnKind:
    IS_MEMBER = 0
    IS_HANDSHAKE = 1
    IS_LISTENER = 2

cdef enum MemberState:
    OPEN = 0
    CLOSING = 1                 # left; its last bytes, or the peer's close, are awaited
    CLOSED = 2

cdef enum ItemKind:
    PLAIN_ITEM = 0
    PONG_ITEM = 1

cdef struct item_t:
    item_t *next
    uint64_t position           # of the log: everything before it goes first
    uint32_t length
    uint32_t sent
    uint8_t kind

cdef struct walk_t:
    uint64_t position
    uint32_t own_seq
    uint32_t own_count
    size_t special
    item_t *item

cdef enum Segment:
    SEGMENT_NONE = 0
    SEGMENT_LOG = 1
    SEGMENT_ITEM = 2


@cython.no_gc
cdef class Conn:
    """Whatever owns a descriptor in the reactor's table."""

    cdef PyObject *reactor      # borrowed; NULL when it is in no table
    cdef int fd
    cdef uint8_t kind
    cdef uint8_t state
    cdef bint is_ready          # queued to be read again in the next turn
    cdef bint at_end            # the peer has said that no more will come


cdef inline item_t *item_new(size_t length) except NULL:
    cdef item_t *item = <item_t *>malloc(sizeof(item_t) + length)
    if item == NULL:
        raise MemoryError
    item.next = NULL
    item.length = <uint32_t>length
    item.sent = 0
    item.kind = PLAIN_ITEM
    return item


cdef inline uint8_t *item_data(item_t *item) noexcept nogil:
    return <uint8_t *>(item + 1)


@cython.final
@cython.no_gc
cdef class Member(Conn):
    """One connection in a channel: who it is, how far it has read the channel's log, and what waits for it alone.

    `prefix` is what `Stamper` takes and must start with `"uid":"<uid>"`. In a verbatim room it may be empty.
    """

    cdef bint is_blocked        # its socket took less than there was; the reactor waits for room
    cdef bint is_dirty          # queued to be flushed at the end of the turn
    cdef bint hangs_up          # once its last bytes are out the socket is closed, not only shut down
    cdef bint has_echo
    cdef bint has_announce
    cdef bint has_list
    cdef bint is_verbatim
    cdef uint8_t warnings
    cdef uint8_t uid_length
    cdef uint16_t prefix_length
    cdef uint32_t index         # among its log's members
    cdef uint32_t own_seq       # its first own entry at or behind the cursor, and how many there are
    cdef uint32_t own_last
    cdef uint32_t own_count
    cdef uint32_t item_bytes
    cdef uint64_t cursor
    cdef PyObject *log_object   # borrowed: the log owns its members, not the other way round
    cdef item_t *item_head
    cdef item_t *item_tail
    cdef parser_t *parser       # only while a message is under way
    cdef uint8_t *prefix_data
    cdef const uint8_t *uid_data
    cdef bucket_t bucket
    cdef double warned_at

    def __cinit__(self, bytes prefix not None, *, bint echo=False, bint announce=False, bint lists=False,
                  bint verbatim=False):
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
        return self.has_echo

    @property
    def announce(self):
        return self.has_announce

    @property
    def lists(self):
        return self.has_list

    @property
    def verbatim(self):
        return self.is_verbatim

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
        """Whether bytes wait for it, in the log or in its private queue."""
        return member_is_behind(self)

    @property
    def backlog_bytes(self):
        """How many bytes it lags: log and private queue together."""
        return member_backlog(self)

    def enqueue(self, bytes data not None):
        """Queue bytes for this member alone, to follow all that is in the log now and to precede all that comes later."""
        member_enqueue(self, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), PLAIN_ITEM)

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


cdef int member_put(Member m, item_t *item) except -1:
    """Queue an item, tied to where the log ends now, and have the member flushed."""
    item.position = (<Log>m.log_object).end if m.log_object != NULL else 0
    if m.item_tail == NULL:
        m.item_head = item
    else:
        m.item_tail.next = item
    m.item_tail = item
    m.item_bytes += item.length
    if m.reactor != NULL:
        reactor_note_dirty(<Reactor>m.reactor, m)
    return 0


cdef int member_enqueue(Member m, const void *data, size_t length, uint8_t kind) except -1:
    cdef item_t *item
    if m.state != OPEN or length == 0:
        return 0
    item = item_new(length)
    memcpy(item_data(item), data, length)
    item.kind = kind
    return member_put(m, item)


cdef int member_pong(Member m, const uint8_t *payload, size_t length) except -1:
    """Answer a ping. Of pongs that wait side by side only the newest is kept, as RFC 6455 section 5.5.3 allows: a peer that
    pings and does not read cannot fill the queue."""
    cdef uint8_t frame[2 + MAX_CONTROL_PAYLOAD]
    cdef size_t size = write_header(frame, FIN | PONG, length)
    cdef item_t *last = m.item_tail
    memcpy(frame + size, payload, length)
    if last != NULL and last.kind == PONG_ITEM and last.sent == 0 and last.length == size + length:
        memcpy(item_data(last), frame, last.length)
        return 0
    return member_enqueue(m, frame, size + length, PONG_ITEM)


cdef void member_pop_item(Member m) noexcept:
    cdef item_t *item = m.item_head
    m.item_head = item.next
    if item.next == NULL:
        m.item_tail = NULL
    m.item_bytes -= item.length - item.sent
    free(item)


cdef void member_forget_items(Member m) noexcept:
    while m.item_head != NULL:
        member_pop_item(m)


cdef inline void walk_begin(Member m, walk_t *walk) noexcept:
    cdef Log log
    walk.position = m.cursor
    walk.own_seq = m.own_seq
    walk.own_count = m.own_count
    walk.item = m.item_head
    walk.special = 0
    if m.log_object != NULL:
        log = <Log>m.log_object
        walk.special = log_special_at(log, m.cursor) if log.special_count != log.special_head else log.special_count


cdef inline bint is_special_for(const special_t *special, Member m) noexcept:
    return (special.audience == FOR_LIST) == m.has_list


cdef int walk_next(Member m, walk_t *walk, uint8_t **data, size_t *length) noexcept:
    """The next run of bytes that is for this member, having passed over what is not."""
    cdef item_t *item
    cdef Log log
    cdef entry_t *own
    cdef special_t *special
    cdef uint64_t stop
    cdef bint at_own, at_special
    if m.log_object == NULL:
        return walk_item(walk, data, length)
    log = <Log>m.log_object
    while True:
        item = walk.item
        if item != NULL and item.position <= walk.position:
            return walk_item(walk, data, length)
        stop = log.end if item == NULL else item.position
        at_own = at_special = False
        own = NULL
        special = NULL
        while walk.own_count:
            own = log_entry(log, walk.own_seq)
            if own.start >= walk.position:
                if own.start < stop:
                    stop = own.start
                    at_own = True
                break
            walk_pass_own(walk, own)
        while walk.special < log.special_count:
            special = log.store.specials + walk.special
            if special.start >= walk.position and not is_special_for(special, m):
                if special.start < stop:
                    stop = special.start
                    at_own = False
                    at_special = True
                break
            walk.special += 1
        if walk.position < stop:
            data[0] = log.store.data + (walk.position - log.base)
            length[0] = stop - walk.position
            walk.position = stop
            return SEGMENT_LOG
        if at_own:
            walk.position = own.start + own.length
            walk_pass_own(walk, own)
        elif at_special:
            walk.position = special.start + special.length
            walk.special += 1
        elif item == NULL:
            return SEGMENT_NONE


cdef inline int walk_item(walk_t *walk, uint8_t **data, size_t *length) noexcept:
    cdef item_t *item = walk.item
    if item == NULL:
        return SEGMENT_NONE
    data[0] = item_data(item) + item.sent
    length[0] = item.length - item.sent
    walk.item = item.next
    return SEGMENT_ITEM


cdef inline void walk_pass_own(walk_t *walk, const entry_t *own) noexcept:
    walk.own_seq += own.next_own
    walk.own_count -= 1


cdef inline void member_take_over(Member m, const walk_t *walk) noexcept:
    """Make the walk's place the member's: the cursor moves, and the items that were passed are freed."""
    m.cursor = walk.position
    m.own_seq = walk.own_seq
    m.own_count = walk.own_count
    while m.item_head != walk.item:
        member_pop_item(m)


cdef void member_advance(Member m, size_t sent) noexcept:
    """Move past `sent` bytes, and past all that follows them and is not for this member."""
    cdef walk_t walk
    cdef uint8_t *data
    cdef size_t length
    cdef int kind
    cdef item_t *item
    walk_begin(m, &walk)
    while True:
        item = walk.item
        kind = walk_next(m, &walk, &data, &length)
        if kind == SEGMENT_NONE:
            break
        if sent < length:
            # it stops in here; what lies before this run, passed over or sent, is done with
            if kind == SEGMENT_LOG:
                walk.position -= length - sent
            else:
                item.sent += <uint32_t>sent
                m.item_bytes -= <uint32_t>sent
                walk.item = item
            break
        sent -= length
    member_take_over(m, &walk)


cdef int member_leave_log(Member m) except -1:
    """Turn away from the log: what is left for it is the rest of the frame it is in the middle of, if any."""
    cdef Log log
    cdef item_t *rest = m.item_head
    cdef item_t *item
    cdef size_t length
    if rest != NULL and rest.sent:
        # in the middle of a private item; the log stands at a boundary
        item = rest.next
        rest.next = NULL
        m.item_tail = rest
        while item != NULL:
            rest = item.next
            m.item_bytes -= item.length
            free(item)
            item = rest
        rest = m.item_head
    else:
        member_forget_items(m)
        rest = NULL
    if m.log_object == NULL:
        return 0
    log = <Log>m.log_object
    length = log_rest_of_entry(log, m.cursor)
    if length:
        if RELAY_CHECK and rest != NULL:
            relay_broken("a member in the middle of two frames")
        item = item_new(length)
        memcpy(item_data(item), log.store.data + (m.cursor - log.base), length)
        m.item_head = m.item_tail = item
        m.item_bytes = <uint32_t>length
    log_remove(log, m)
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
    m.state = CLOSED
    member_forget_items(m)
    if m.reactor != NULL:
        reactor_drop(<Reactor>m.reactor, m)
    if log is not None:
        log_tell_leave(<Log>log, m)
    return 0
