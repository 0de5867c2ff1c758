# The system calls of the reactor.

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd
        uint64_t u64
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epfd, int op, int fd, epoll_event *event)
    int epoll_wait(int epfd, epoll_event *events, int maxevents, int timeout)
    enum:
        EPOLL_CLOEXEC
        EPOLL_CTL_ADD
        EPOLL_CTL_DEL
        EPOLLIN
        EPOLLOUT
        EPOLLRDHUP
        EPOLLHUP
        EPOLLERR
        EPOLLET

cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned int socklen_t
    struct sockaddr:
        pass
    struct sockaddr_storage:
        unsigned short ss_family
    enum:
        AF_INET
    struct iovec:
        void *iov_base
        size_t iov_len
    struct msghdr:
        void *msg_name
        socklen_t msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
        void *msg_control
        size_t msg_controllen
        int msg_flags
    int accept4(int fd, sockaddr *address, socklen_t *length, int flags)
    Py_ssize_t recv(int fd, void *data, size_t length, int flags)
    Py_ssize_t send(int fd, const void *data, size_t length, int flags)
    Py_ssize_t sendmsg(int fd, const msghdr *message, int flags)
    int shutdown(int fd, int how)
    int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
    enum:
        SOCK_NONBLOCK
        SOCK_CLOEXEC
        MSG_DONTWAIT
        MSG_NOSIGNAL
        SHUT_WR

cdef extern from "<netinet/in.h>" nogil:
    struct in_addr:
        pass
    struct in6_addr:
        pass
    struct sockaddr_in:
        in_addr sin_addr
    struct sockaddr_in6:
        in6_addr sin6_addr

cdef extern from "<netinet/tcp.h>" nogil:
    enum:
        IPPROTO_TCP
        TCP_USER_TIMEOUT

cdef extern from "<sys/timerfd.h>" nogil:
    struct timespec:
        int64_t tv_sec
        long tv_nsec
    struct itimerspec:
        timespec it_interval
        timespec it_value
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int fd, int flags, const itimerspec *new_value, itimerspec *old_value)
    enum:
        TFD_NONBLOCK
        TFD_CLOEXEC

cdef extern from "<time.h>" nogil:
    int clock_gettime(int clock, timespec *time)
    enum:
        CLOCK_MONOTONIC
        CLOCK_REALTIME

cdef extern from "<unistd.h>" nogil:
    int c_close "close"(int fd)
    Py_ssize_t c_read "read"(int fd, void *data, size_t length)

cdef enum:
    WATCHED = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET


cdef inline double steady_seconds() noexcept nogil:
    cdef timespec time
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec + time.tv_nsec * 1e-9


cdef inline uint64_t epoch_milliseconds() noexcept nogil:
    cdef timespec time
    clock_gettime(CLOCK_REALTIME, &time)
    return <uint64_t>time.tv_sec * 1000 + time.tv_nsec // 1000000


cdef void set_timer(int fd, double seconds) noexcept nogil:
    """Make the timer descriptor readable in `seconds`, once; 0 is a nanosecond, for the kernel takes it as disarming."""
    cdef itimerspec timer
    if seconds < 1e-9:
        seconds = 1e-9
    memset(&timer, 0, sizeof(timer))
    timer.it_value.tv_sec = <int64_t>seconds
    timer.it_value.tv_nsec = <long>((seconds - <int64_t>seconds) * 1e9 + 0.5)
    timerfd_settime(fd, 0, &timer, NULL)


cdef uint8_t packed_address(const sockaddr_storage *name, uint8_t *out) noexcept nogil:
    """The address of a socket's name, packed in network order; how many bytes it is, 0 for a family without."""
    if name.ss_family == AF_INET:
        memcpy(out, &(<const sockaddr_in *>name).sin_addr, 4)
        return 4
    if name.ss_family == AF_INET6:
        memcpy(out, &(<const sockaddr_in6 *>name).sin6_addr, 16)
        return 16
    return 0
