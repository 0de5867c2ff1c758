# The log of a channel: one copy of every framed message, however many members read it.
#
#             base      low                                end
#   stream  ---|---------|==================================|        positions only ever grow; data[0] stands at base
#   entries              [e0 ][e1    ][e2 ]...[ek           ]        one frame each
#   members               ^ a slow one        ^ ^ ^          ^ caught up
#
# A member's cursor is a position. Sending to a member moves its cursor; when all stand at the end the store goes back to the
# pool. A slow member is a cursor that stays behind: it costs nothing of its own, and the log is bounded because the reactor
# cuts whose backlog exceeds `backlog_limit`.
#
# Entries that are not for everyone: a sender's own are chained from its member (`own_seq`, then `next_own`), so that passing
# over them costs O(own) and not O(entries). Those for an audience are few and listed apart (`specials`), found by bisection.
#
# Rejected: a buffer per member (memory per member times message), a ring (frames would wrap and double the iovecs), a list of
# chunks (the same, and an allocation per chunk); moving the live half down when the dead half outgrows it is cheaper than all.

@cython.final
cdef class Log:
    """The framed bytes a channel has yet to deliver, an index of their entries, and a cursor per attached member.

    `owner` is the channel; the core calls `owner.on_leave(member, is_lingering)` once when an attached member has left for
    any reason, where `is_lingering` says that its socket still waits for the peer's part of the closing handshake. It calls
    `owner.on_error(member, kind, detail)`, which returns the frame to send or None, for a message that cannot be relayed:
    kind "json", "binary", "address", "send_key" (detail None), "recipient" (detail: the recipient as sent, bytes),
    "message_rate" and "byte_rate" (detail: seconds until it would be accepted, inf for never). And `owner.on_gap(member,
    missed)`, which returns the frame that tells a slow consumer of messages it will not get, or None.
    """

    cdef object channel
    cdef Reactor reactor        # None when no reactor serves it
    cdef Log stream_log         # what is appended here goes there too, as events of an event stream; None: nowhere
    cdef PyObject *next_dirty   # in the reactor's queue of logs to flush
    cdef store_t *store         # NULL while empty
    cdef uint64_t base
    cdef uint64_t low           # the lowest cursor, as of the last settling
    cdef uint32_t low_total     # and how many members stood there
    cdef uint64_t end
    cdef uint64_t pass_end      # the end when the present, or last, pass of the fan-out began
    cdef size_t entry_head      # entries[entry_head:entry_end] are live
    cdef size_t entry_end
    cdef size_t special_head
    cdef size_t special_count
    cdef uint32_t seq_base      # sequence number of entries[0]
    cdef uint32_t member_total
    cdef uint32_t member_capacity
    cdef uint32_t list_total
    cdef uint32_t blocked_total
    cdef uint32_t pass_index    # members below it are still to be visited by the fan-out
    cdef bint in_pass
    cdef bint is_dirty
    cdef PyObject **member_table
    cdef directory_t directory

    def __cinit__(self, owner=None):
        self.channel = owner

    def __dealloc__(self):
        cdef uint32_t i
        for i in range(self.member_total):
            log_cut_ties(<Member>self.member_table[i])
            Py_DECREF(<object>self.member_table[i])
        free(self.member_table)
        free(self.directory.slots)
        store_free(self.store)

    @property
    def owner(self):
        return self.channel

    def disown(self):
        """Let go of the owner, so that the two are no cycle any more. Raises ValueError while a member is attached."""
        if self.member_total:
            raise ValueError("a log with members has an owner")
        self.channel = None

    @property
    def members(self):
        return [<object>self.member_table[i] for i in range(self.member_total)]

    @property
    def member_count(self):
        return self.member_total

    @property
    def list_count(self):
        """How many attached members asked for `list`."""
        return self.list_total

    @property
    def is_empty(self):
        """Whether every member has caught up; an empty log holds no buffer."""
        return self.store == NULL

    @property
    def backlog_bytes(self):
        """Bytes held for the member that is furthest behind."""
        return self.end - self.low

    @property
    def allocated_bytes(self):
        if self.store == NULL:
            return 0
        return (
            self.store.data_capacity + self.store.entry_capacity * sizeof(entry_t)
            + self.store.special_capacity * sizeof(special_t)
        )

    @property
    def entry_count(self):
        return self.entry_end - self.entry_head

    @property
    def is_late(self):
        """Whether so much waits for the fan-out to begin that members who send are not read from: who appends in their stead
        should wait for a turn, too."""
        return self.reactor is not None and log_is_late(self, self.reactor.read_ahead)

    def attach(self, Member member not None):
        """Let `member` read all that is appended from now on. Raises ValueError when it is attached somewhere, or connected."""
        if member.log_object != NULL or member.state != OPEN or member.fd >= 0:
            raise ValueError("member: is attached to a log, connected, or has left")
        log_add(self, member)

    def detach(self, Member member not None):
        """Take `member` out without a word to the owner. Raises ValueError when it is not attached here, or is connected."""
        log_require(self, member)
        if member.fd >= 0:
            raise ValueError("member: is connected; abort or close it")
        log_remove(self, member)

    def append(self, bytes frame not None, Member sender=None, int audience=0, *, bint is_message=False):
        """Append one whole frame for `audience`: all, those with `list`, or those without.

        It counts as an event, or as a message, which a slow consumer that misses it is told of. A `sender` is left out unless it
        has echo. Raises ValueError for a sender that is not attached here.
        """
        cdef size_t length = PyBytes_GET_SIZE(frame)
        if sender is not None:
            log_require(self, sender)
        if not FOR_ALL <= audience <= FOR_COUNT:
            raise ValueError(f"audience: expected one of the AUDIENCE constants, got {audience}")
        if length == 0:
            raise ValueError("frame: expected a whole frame, got no bytes")
        if self.member_total:
            memcpy(log_reserve(self, length), PyBytes_AS_STRING(frame), length)
            log_commit(self, length, sender, audience, is_message)
        else:
            log_pass_on(self, <const uint8_t *>PyBytes_AS_STRING(frame), length, 0, audience, is_message)
        if is_message and sender is None and self.reactor is not None:
            self.reactor.counters.published += 1

    def publish(self, bytes payload not None, Member sender not None, Stamper stamper not None, uint64_t date):
        """Stamp a validated payload straight into the log, as the reactor does."""
        log_require(self, sender)
        stamp_set_date(&stamper.state, date)
        log_publish(self, sender, &stamper.state, <const uint8_t *>PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload))

    def post(self, bytes prefix not None, bytes payload not None):
        """Stamp a validated payload that no member sent, with the reactor's next id and the present date. `prefix` is what
        `Stamper` takes, with or without a uid. Raises ValueError for a log that no reactor serves."""
        if self.reactor is None:
            raise ValueError("no reactor serves this log")
        frame = self.reactor.stamper.stamp(prefix, payload, epoch_milliseconds())
        self.append(frame, is_message=True)

    def find(self, bytes uid not None):
        """The member with this uid, attached here or to the streams."""
        cdef PyObject *found = log_find(self, <const uint8_t *>PyBytes_AS_STRING(uid), PyBytes_GET_SIZE(uid))
        return None if found == NULL else <object>found

    @property
    def streams(self):
        """A log whose members read event streams: each text frame that is appended here is appended there as an event, made once
        for all of them. None when there is none."""
        return self.stream_log

    @streams.setter
    def streams(self, Log streams):
        if streams is self:
            raise ValueError("streams: expected another log")
        self.stream_log = streams

    def close_members(self, code, str reason=""):
        """`Member.close` for every attached member."""
        frame = encode_close(code, reason)
        for member in self.members:
            member_close(member, frame, False)

    def missed(self, Member member not None):
        """How many whole entries meant for `member` it has not been sent yet."""
        log_require(self, member)
        return log_count(self, member, self.end, False)


cdef inline bint log_is_late(Log log, uint64_t read_ahead) noexcept:
    """Whether more waits than what may be read ahead; in an event stream it may take several times the room."""
    if log.end - log.pass_end > read_ahead:
        return True
    return log.stream_log is not None and log.stream_log.end - log.stream_log.pass_end > read_ahead


cdef int log_require(Log log, Member member) except -1:
    if member.log_object != <PyObject *>log:
        raise ValueError("member: is not attached to this log")
    return 0


cdef PyObject *log_find(Log log, const uint8_t *uid, size_t length) except? NULL:
    """The member with this uid, attached here or to the streams, borrowed; NULL without an exception when there is none."""
    cdef PyObject *found = NULL
    if log.member_total:
        if log.directory.slots == NULL:
            directory_build(&log.directory, log.member_table, log.member_total)
        found = directory_find(&log.directory, uid, length)
    if found == NULL and log.stream_log is not None:
        return log_find(log.stream_log, uid, length)
    return found


cdef int log_add(Log log, Member m) except -1:
    cdef size_t capacity = log.member_capacity
    cdef item_t *item
    if log.member_total == log.member_capacity:
        log.member_table = <PyObject **>grown(
            log.member_table, &capacity, log.member_total + 1, sizeof(PyObject *), 4)
        log.member_capacity = <uint32_t>capacity
    if log.directory.slots != NULL and (log.directory.used + 1) * 2 > log.directory.mask + 1:
        directory_build(&log.directory, log.member_table, log.member_total)
    m.index = log.member_total
    m.log_object = <PyObject *>log
    m.reactor = NULL if log.reactor is None else <PyObject *>log.reactor
    m.cursor = log.end
    m.own_count = 0
    item = m.item_head
    while item != NULL:     # what waited before means nothing in this log's positions; it goes first
        item.position = 0
        item = item.next
    log.member_table[m.index] = <PyObject *>m
    Py_INCREF(m)
    log.member_total += 1
    log.list_total += m.has_list
    if log.directory.slots != NULL:
        directory_put(&log.directory, <PyObject *>m)
    if RELAY_CHECK:
        check_log(log)
    return 0


cdef int log_remove(Log log, Member m) except -1:
    """Take a member out. The last one fills the hole."""
    if log.directory.slots != NULL:
        directory_remove(&log.directory, <PyObject *>m)
    log.member_total -= 1
    log.member_table[m.index] = log.member_table[log.member_total]
    (<Member>log.member_table[m.index]).index = m.index
    if log.pass_index > log.member_total:
        log.pass_index = log.member_total
    log.list_total -= m.has_list
    if m.is_blocked:
        log.blocked_total -= 1
    log_cut_ties(m)
    if log.member_total == 0:
        log_forget_tables(log)
    log_moved_from(log, m.cursor)
    if RELAY_CHECK:
        check_log(log)
    Py_DECREF(m)
    return 0


cdef inline void log_cut_ties(Member m) noexcept:
    m.log_object = NULL
    m.own_count = 0
    if m.fd < 0:
        m.reactor = NULL    # only the log kept the reactor alive for it


cdef void log_forget_tables(Log log) noexcept:
    """An empty channel holds nothing."""
    free(log.member_table)
    log.member_table = NULL
    log.member_capacity = 0
    free(log.directory.slots)
    log.directory.slots = NULL


cdef int log_tell_leave(Log log, Member m) except -1:
    """Tell the owner. Its exception is its channel's and must not end what the core is in the middle of."""
    channel = log.channel
    if channel is None:
        return 0
    try:
        # a member that was closed before its request was answered has no peer that would close too
        channel.on_leave(m, m.state == CLOSING and (m.fd >= 0 or log.reactor is None))
    except BaseException as exc:
        if log.reactor is None:
            raise
        reactor_report(log.reactor, channel, exc)
    return 0
