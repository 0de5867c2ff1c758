# Open loops: what is due by the clock, whatever became of what was due before.
#
# A message's latency runs from the instant it was due, so a server that stalls is charged for every message of the stall,
# not only for the one it held (coordinated omission). A timer wakes the generator to the microsecond; epoll's own timeout is
# in milliseconds, and to spin instead would make the generator look busy on an idle server.

cdef inline uint64_t due_at(const pace_t *pace, uint64_t number) noexcept nogil:
    """Counted from the first, not from the one before: rounding does not add up."""
    return pace.began_ns + <uint64_t>(number * pace.interval_ns)


cdef inline uint64_t next_due(const pace_t *pace) noexcept nogil:
    return due_at(pace, pace.taken) if pace.interval_ns and pace.taken < pace.most else NEVER


cdef uint64_t due_by(const pace_t *pace, uint64_t now) noexcept nogil:
    """How many events are due by then."""
    cdef uint64_t count
    if now < pace.began_ns:
        return 0
    count = min(<uint64_t>((now - pace.began_ns) / pace.interval_ns), pace.most)
    while count < pace.most and due_at(pace, count) <= now:
        count += 1
    return count


cdef void start_pace(pace_t *pace, uint64_t began_ns, double seconds) noexcept nogil:
    """Every event that is due before so many seconds are over."""
    pace.began_ns = began_ns
    pace.taken = 0
    pace.most = <uint64_t>ceil(seconds * 1e9 / pace.interval_ns - 1e-6)


cdef void send_paced(load_t *load) noexcept nogil:
    """Send what is due, with the instant it was due at; what finds no free slot stays due, and gets older."""
    cdef uint64_t now = now_ns(load)
    cdef uint64_t due
    cdef channel_t *channel
    cdef uint32_t index
    cdef int dealt = 0
    while dealt < PACED_PER_TURN and load.pace.taken < load.pace.most:
        due = due_at(&load.pace, load.pace.taken)
        if due > now:
            break
        channel = load.channel_states + load.pace.taken % load.channels
        index = channel.free
        if index == NONE:
            break
        channel.free = load.slots[index].next
        if deal(load, index, due):
            record_latency(&load.totals.lateness, now - due, 1)
        else:
            put_free(load, index)
            load.totals.unsent += 1
        load.pace.taken += 1
        dealt += 1
    write_batches(load)


cdef inline bint can_send_paced(const load_t *load) noexcept nogil:
    return load.pace.taken < load.pace.most and load.channel_states[load.pace.taken % load.channels].free != NONE


cdef uint64_t next_wake(const load_t *load) noexcept nogil:
    """When there is something to do that no socket tells of; NEVER when there is nothing."""
    cdef uint64_t wake = NEVER
    if not load.sending:
        return wake
    if can_send_paced(load):
        wake = next_due(&load.pace)
    return min(wake, next_due(&load.churn))


cdef int wait_ms(load_t *load, uint64_t now, uint64_t until_ns) noexcept nogil:
    """How long epoll may wait; the timer is set to wake it before that when something is due earlier."""
    cdef uint64_t wake = next_wake(load)
    if wake <= now:
        return 0
    if wake < until_ns and wake != load.armed_ns:
        arm_timer(load, wake)
    return <int>((until_ns - now) // 1_000_000) + 1


cdef void arm_timer(load_t *load, uint64_t wake) noexcept nogil:
    cdef itimerspec when
    cdef uint64_t at = load.epoch_ns + wake
    memset(&when, 0, sizeof(when))
    when.it_value.tv_sec = <long>(at // 1_000_000_000)
    when.it_value.tv_nsec = <long>(at % 1_000_000_000)
    load.armed_ns = wake
    timerfd_settime(load.timer, TFD_TIMER_ABSTIME, &when, NULL)


cdef int make_timer(load_t *load) except -1:
    """One edge for each time it goes off: nobody reads it."""
    cdef epoll_event event
    load.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)
    if load.timer < 0:
        raise OSError(errno, "no timer")
    event.events = EPOLLIN | EPOLLET
    event.data.u32 = NONE
    epoll_ctl(load.epoll, EPOLL_CTL_ADD, load.timer, &event)
    return 0


@cython.final
cdef class Pace:
    """The clock of an open loop by itself: when event `number` is due, and how many are due by a time, in nanoseconds."""

    cdef pace_t pace

    def __init__(self, double rate, double seconds):
        require_range("rate", rate, _RATE_MIN, _RATE_MAX)
        require_range("seconds", seconds, 0, 3600)
        self.pace.interval_ns = 1e9 / rate
        start_pace(&self.pace, 0, seconds)

    def __len__(self):
        return self.pace.most

    def due_at(self, uint64_t number):
        """When event `number`, counted from 0, is due."""
        return due_at(&self.pace, number)

    def due_by(self, uint64_t nanoseconds):
        """How many events are due by then."""
        return due_by(&self.pace, nanoseconds)
