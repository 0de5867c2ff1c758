# The reactor: one epoll set for listeners, handshakes and members, and the only code that reads from or writes to a socket.
#
# A turn is rounds, until one finds nothing to do or the turn's budget in seconds is spent. In a round
# 1. what is ready is read, once each, and goes through parser, buckets, address, check and stamp into the logs;
# 2. members with something private, then every log with something new, are flushed: one system call per member;
# 3. what is due is closed.
#
# Everything about one connection happens inside `guarded_*`: an exception there, ours or a callback's, ends that connection,
# is reported, and the turn goes on. What is left when the budget is spent stays queued, and `turn` returns True.
#
# Sockets are edge-triggered for reading and writing at once and registered a single time, so that blocking and unblocking
# costs no system call. The price is that what is not read to its end must be remembered: `ready`.
#
# Tables are by descriptor, not by pointer, so that an event which is still in the batch when its connection ends finds an empty
# slot. Descriptors are closed at the end of the round, so that none is reused within the batch.

cdef enum:
    READ_BYTES = 65536
    EVENTS_PER_WAIT = 256
    HANDSHAKE_SHARE = 4         # unfinished handshakes may hold one of so many places
    ACCEPTS_PER_ROUND = 64
    CUTS_PER_ROUND = 256        # handshakes whose time is up
    IOV_PIECES = 512
    MEMBERS_PER_SLICE = 128     # of one log, before the next log has its turn
    READ_AHEAD_BYTES = 262144   # a channel with this much that it has not begun to send is not read from

cdef double ACCEPT_PAUSE_SECONDS = 0.1
cdef double WARNING_INTERVAL_SECONDS = 1.0
cdef double WARNINGS_LAPSE_SECONDS = 10.0


@cython.final
@cython.no_gc
cdef class Listener(Conn):
    def __cinit__(self):
        self.fd = -1
        self.kind = IS_LISTENER


@cython.final
cdef class Reactor:
    """The epoll set with the listeners, the connections still in their opening handshake, and the members.

    `admit(head, peer, source)` is called with the bytes of each request's head, its empty line included, the packed address of
    the peer (4 or 16 bytes; none for a Unix socket) and the one that a PROXY protocol header named, if any. It returns what
    becomes of the connection: a `Member` that is attached and has its 101 response queued, bytes to refuse it with, or None when
    it is no upgrade; then `on_http(fileno, data, peer, source)` gets the descriptor, for good, and all bytes read so far.
    `on_kick(address)` is told of a member with an address that was closed for its rate.
    `on_crash(owner, exc)` is told of every exception that was contained: `owner` is the log's owner when its callback raised,
    otherwise None. With `proxy_protocol` a connection must begin with a PROXY protocol header. The rest is for `configure`.
    """

    cdef object admit
    cdef object on_http
    cdef object on_crash
    cdef object on_kick
    cdef Stamper stamper
    cdef Window window
    cdef double message_rate, message_burst, byte_rate, byte_burst, handshake_timeout, ping_interval
    cdef uint32_t kick_after
    cdef bint is_dry_run, skips_for_slow, proxy_protocol
    cdef uint64_t max_message, max_party_message, backlog_limit, read_ahead
    cdef size_t max_head
    cdef uint32_t max_connections, max_handshakes

    cdef int epoll_fd, timer_fd
    cdef PyObject **table       # descriptor -> Conn, owned
    cdef size_t table_capacity
    cdef uint32_t connection_total
    cdef uint32_t handshake_total
    cdef PyObject **blocked     # the members that are, in no order
    cdef size_t blocked_total, blocked_capacity
    cdef PyObject *earliest     # handshakes by deadline
    cdef PyObject *latest
    cdef list paused            # listeners that ran out of descriptors
    cdef list arrivals          # handshakes whose head is whole, still to be decided on
    cdef bint is_admitting
    cdef double now
    cdef double read_until      # when this round has read for long enough
    cdef bint is_late           # it has, said at once by what took long; the clock is not asked after each read
    cdef double wake_at         # what the timer is armed for; infinity: it is not
    cdef double resume_at       # of the paused listeners
    cdef double sweep_at        # the keepalive's next tick
    cdef double silence_from    # when its interval was set
    cdef uint32_t sweep_tick

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
    cdef work_t work
    cdef bint in_turn
    cdef bint has_left          # the last turn ran out of time
    cdef double lingered        # seconds of this turn that were spent waiting
    cdef double idle_since      # when the last turn ended because nothing was left; 0: it did not, or has waited itself
    cdef int liveliness         # how short the pauses were lately

    def __cinit__(self, *args, **kwargs):
        self.epoll_fd = self.timer_fd = -1

    def __init__(
        self, admit, *, bytes boot, on_http, on_crash, on_kick=None, size_t max_head_bytes=16_384,
        uint32_t max_connections=1_000_000, bint proxy_protocol=False, **settings,
    ):
        if self.epoll_fd >= 0:
            raise RuntimeError("a reactor is made once")
        self.stamper = Stamper(boot)
        self.window = Window()
        self.admit = admit
        self.on_http = on_http
        self.on_crash = on_crash
        self.on_kick = on_kick or (lambda address: None)
        self.proxy_protocol = proxy_protocol
        self.max_head = max_head_bytes
        self.max_connections = max_connections
        self.max_handshakes = max(max_connections // HANDSHAKE_SHARE, 1)
        self.wake_at = self.resume_at = self.sweep_at = INFINITY
        self.paused = []
        self.arrivals = []
        self.now = steady_seconds()
        parser_init(&self.fresh, 0)
        self.configure(**settings)
        self.read_buffer = <uint8_t *>malloc(READ_BYTES)
        if self.read_buffer == NULL:
            raise MemoryError
        self.epoll_fd = epoll_create1(EPOLL_CLOEXEC)
        self.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
        if self.epoll_fd < 0 or self.timer_fd < 0:
            raise OSError(errno, "cannot make an epoll set and its timer")
        watch(self.epoll_fd, self.timer_fd, EPOLLIN)

    def configure(
        self, *, double message_rate=250.0, double message_burst=1000.0, double byte_rate=262_144.0,
        double byte_burst=2_097_152.0, uint32_t kick_after=3, bint dry_run=False,
        uint64_t max_message_bytes=102_400, uint64_t max_party_message_bytes=1_048_576,
        uint64_t backlog_limit_bytes=1_048_576, bint skip_for_slow=False, double handshake_timeout_seconds=10.0,
        double ping_interval_seconds=25.0,
    ):
        """Set what may change while connections are open; what is not given gets its default. A rate of 0 is no limit. With
        `dry_run` what exceeds a rate is counted, and passes. With `skip_for_slow` a member that is further behind than the
        backlog limit misses messages (`owner.on_gap`), and is otherwise closed with 1013."""
        self.message_rate = message_rate
        self.message_burst = message_burst
        self.byte_rate = byte_rate
        self.byte_burst = byte_burst
        self.kick_after = kick_after
        self.is_dry_run = dry_run
        self.max_message = max_message_bytes
        self.max_party_message = max_party_message_bytes
        self.backlog_limit = backlog_limit_bytes
        self.skips_for_slow = skip_for_slow
        self.read_ahead = min(<uint64_t>READ_AHEAD_BYTES, backlog_limit_bytes)
        self.handshake_timeout = handshake_timeout_seconds
        reactor_look_at_clock(self)
        reactor_set_ping_interval(self, ping_interval_seconds)
        reactor_hurry_handshakes(self)

    def __dealloc__(self):
        reactor_close(self)
        free(self.table)
        free(self.ready)
        free(self.dirty)
        free(self.doomed)
        free(self.blocked)
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

    def adopt(self, int fileno, bytes data not None=b"", bytes peer not None=b"", bytes source not None=b""):
        """Take over a connected, non-blocking socket, with the bytes that have been read from it: it is treated as one that
        was just accepted, and had its PROXY protocol header. Raises RuntimeError in the middle of a turn."""
        cdef Handshake h
        if self.in_turn:
            raise RuntimeError("a turn is under way; adopt after it")
        if self.connection_total >= self.max_connections:
            reactor_turn_away(self, fileno)
            return
        reactor_look_at_clock(self)
        h = Handshake()
        h.is_past_proxy = True
        note_address(h.peer, &h.peer_length, peer)
        note_address(h.source, &h.source_length, source)
        guarded_accepted(self, h, fileno, data)
        reactor_admit_arrivals(self)

    def open_log(self, owner):
        """A log whose members this reactor serves."""
        cdef Log log = Log(owner)
        log.reactor = self
        return log

    def turn(self, double budget_seconds=0.004, double linger_seconds=0.0):
        """Read what is ready, stamp it, send it; stop when the budget is spent. True when work is left. Where the next event has
        lately come within `linger_seconds` (at most 1 ms) of the last, wait that long for it before the turn is over."""
        if self.epoll_fd < 0:
            raise ValueError("the reactor is closed")
        if self.in_turn:
            raise RuntimeError("a turn is under way; callbacks must not take another")
        self.in_turn = True
        try:
            return reactor_turn(self, budget_seconds, min(linger_seconds, LINGER_TURN_SECONDS))
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
        return self.handshake_total + len(self.arrivals)

    def stats(self):
        """Plain counters since the start: accepted, refused, admitted, turns, messages, bytes_in, bytes_out, …, and by close code
        `closed_<code>`: 1005 for a close frame without a status, 1006 for members that were gone without one."""
        cdef dict counts = self.counters    # or the struct would be converted anew, and the update lost
        counts.update(closed_counts(&self.work))
        return counts

    def histograms(self):
        """How long turns took, and to how many members messages went, by powers of two: `{name: {"bounds": upper bounds,
        "counts": one more than bounds, not cumulative, "sum": sum}}`."""
        return {
            "turn_seconds": histogram_report(&self.work.turns, MICROSECOND),
            "fanout_members": histogram_report(&self.work.fanout, 1),
        }

    @property
    def busy_seconds(self):
        """Time spent in turns since the start."""
        return self.work.turns.total * MICROSECOND

    def backlogs(self, int limit=10):
        """How many members have a socket that does not take what waits for them, and the `limit` largest of their backlogs in
        bytes, the largest first. Looks at these members alone, however many others there are. Raises ValueError for a
        limit outside 0 to 64."""
        return reactor_backlogs(self, limit)
