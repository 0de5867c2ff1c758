# Waiting for a moment in the turn itself, instead of by way of trio, where messages come close upon each other.
#
# A pass through trio's loop costs as much as several sends. Where the next message comes within a fraction of a millisecond, as
# in a dialogue or in a process with thousands of messages a second, the turn waits that long for it, asleep in the kernel, and no
# longer than LINGER_TURN_SECONDS in all: then trio's other tasks have their chance. Where messages are farther apart a turn ends
# at once, as waiting in vain costs a wake-up more. What the pauses were lately tells which of the two it is.

cdef extern from *:
    """
    #include <poll.h>
    #include <time.h>
    static inline int relay_wait_readable(int fd, double seconds) {
        struct pollfd watched = {fd, POLLIN, 0};
        struct timespec time = {0, (long)(seconds * 1e9)};
        return ppoll(&watched, 1, &time, NULL) > 0;
    }
    """
    bint relay_wait_readable(int fd, double seconds) noexcept nogil

cdef double LINGER_TURN_SECONDS = 0.001

cdef enum:
    LIVELY_FROM = 4             # of so many
    LIVELY_MOST = 8


cdef inline void reactor_note_pause(Reactor r, bint is_short) noexcept nogil:
    if is_short:
        r.liveliness += r.liveliness < LIVELY_MOST
    else:
        r.liveliness -= r.liveliness > 0


cdef inline void reactor_note_start(Reactor r, double start, double linger) noexcept nogil:
    """A turn begins: whether it would have been worth it to wait for it in the turn before."""
    if r.idle_since:
        reactor_note_pause(r, start - r.idle_since < linger)
        r.idle_since = 0.0


cdef bint reactor_linger(Reactor r, double start, double linger) noexcept:
    """After a round that found nothing: wait for news, for at most `linger` seconds. Whether there are any. A wait in vain comes
    after all that the turn has done, and is not in its time anyway."""
    cdef double begin = steady_seconds()
    cdef bint has_news
    if r.liveliness < LIVELY_FROM or begin - start > LINGER_TURN_SECONDS:
        r.idle_since = begin
        return False
    with nogil:
        has_news = relay_wait_readable(r.epoll_fd, linger)
    reactor_note_pause(r, has_news)
    if has_news:
        r.counters.wakeups += 1
        r.lingered += steady_seconds() - begin
    return has_news
