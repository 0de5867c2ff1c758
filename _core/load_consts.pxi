# What the generator needs from the operating system, and its limits.

cdef extern from "<sys/epoll.h>" nogil:
    int EPOLL_CLOEXEC
    int EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL
    uint32_t EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP, EPOLLET
    ctypedef union epoll_data_t:
        uint32_t u32
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epfd, int op, int fd, epoll_event *event)
    int epoll_wait(int epfd, epoll_event *events, int maxevents, int timeout)

cdef extern from "<sys/socket.h>" nogil:
    int AF_INET, SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC, SOL_SOCKET, SO_LINGER, SO_RCVBUF, MSG_NOSIGNAL
    struct sockaddr:
        pass
    struct linger_t "linger":
        int l_onoff
        int l_linger
    int socket(int domain, int type, int protocol)
    int bind(int fd, const sockaddr *address, uint32_t size)
    int connect(int fd, const sockaddr *address, uint32_t size)
    int setsockopt(int fd, int level, int name, const void *value, uint32_t size)
    ssize_t recv(int fd, void *buffer, size_t size, int flags)
    ssize_t send(int fd, const void *buffer, size_t size, int flags)

cdef extern from "<netinet/in.h>" nogil:
    int IPPROTO_IP, IPPROTO_TCP, IP_BIND_ADDRESS_NO_PORT
    struct in_addr:
        uint32_t s_addr
    struct sockaddr_in:
        unsigned short sin_family
        uint16_t sin_port
        in_addr sin_addr
    uint32_t htonl(uint32_t value)
    uint16_t htons(uint16_t value)

cdef extern from "<netinet/tcp.h>" nogil:
    int TCP_NODELAY, TCP_QUICKACK

cdef extern from "<unistd.h>" nogil:
    int close_fd "close"(int fd)

cdef extern from "<time.h>" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec
    struct itimerspec:
        timespec it_interval
        timespec it_value
    int CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_THREAD_CPUTIME_ID
    int clock_gettime(int clock, timespec *out)

cdef extern from "<sys/timerfd.h>" nogil:
    int TFD_CLOEXEC, TFD_NONBLOCK, TFD_TIMER_ABSTIME
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int fd, int flags, const itimerspec *value, itimerspec *old)

cdef enum:
    READ_BYTES = 256 * 1024         # one recv takes at most this much
    WRITE_BYTES = 1024 * 1024       # one send carries at most this much, or one frame
    EVENTS_PER_WAIT = 1024
    SPARE_FRAME_BYTES = 64 * 1024   # what a frame may be longer than the payload: envelope, events
    HEAD_BYTES_MAX = 8 * 1024       # an answer to the opening handshake
    CLOSE_CODES = 5000
    MISSING_MAX = 16384
    SLICE_NS = 50_000_000           # between looks at signals and at messages to give up
    SILENCE_NS = 100_000_000        # a delayed acknowledgement comes within 40 ms
    LATENCY_OCTAVE_BITS = 7         # 128 buckets per power of two: at most 0.4 % from a bucket's middle
    LATENCY_OCTAVES = 34            # up to 2**40 ns, 18 minutes
    CONNECTIONS_MAX = 1_000_000
    CONNECTIONS_PER_ADDRESS = 25_000
    PAIRS_MAX = 64_000_000
    SLOTS_MAX = 4_000_000
    NUMBER_MAX = 99_999_999         # eight digits of the payload
    VISITORS_MAX = 10_000
    STALLED_MAX = 10_000
    PACED_PER_TURN = 4096           # messages an open loop writes before it reads again
    SPREAD_SHIFT = 2                # 32 buckets per power of two for each receiver
    SPREAD_BUCKETS = (LATENCY_OCTAVES << LATENCY_OCTAVE_BITS) >> SPREAD_SHIFT
    SPREAD_MEMBERS_MAX = 50_000
    LARGE_BUFFER = 4 * 1024 * 1024
    ERROR_TEXT_BYTES = 256
    PLACES_MAX = 16
    ERRNOS = 256
    TOO_BIG = 1009                  # the close code (RFC 6455 section 7.4.1)


cdef uint64_t NEVER = 0xFFFFFFFFFFFFFFFF
_RATE_MIN, _RATE_MAX = 0.01, 10_000_000     # a second


cdef uint64_t clock_ns(int clock) noexcept nogil:
    cdef timespec at
    clock_gettime(clock, &at)
    return <uint64_t>at.tv_sec * 1_000_000_000 + <uint64_t>at.tv_nsec
