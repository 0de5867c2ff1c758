# A connection whose opening handshake is under way, or whose refusal has been sent and is being read out.
#
# A head usually arrives in one piece, with its connection, and is decided on in the same round. The others wait here, in a list
# that is sorted by deadline because all have the same time.

cdef enum HandshakeState:
    READING_HEAD = 0
    LINGERING = 1               # refused; what the peer still sends is read and thrown away, so that it can read the refusal
    ARRIVED = 2                 # the head is whole, and nobody has decided on it yet


@cython.final
@cython.no_gc
cdef class Handshake(Conn):
    cdef PyObject *earlier      # borrowed; the reactor's table owns them
    cdef PyObject *later
    cdef double deadline
    cdef uint8_t *head
    cdef size_t length
    cdef size_t capacity
    cdef uint8_t peer[16]       # packed addresses, in network order: the peer's,
    cdef uint8_t source[16]     # and the one that a PROXY protocol header named
    cdef uint8_t peer_length
    cdef uint8_t source_length
    cdef bint is_past_proxy     # the PROXY protocol header, if there must be one, has been taken off
    cdef bytes request          # once it has arrived: the head,
    cdef bytes rest             # and what came behind it
    cdef object answer          # what was decided

    def __cinit__(self):
        self.fd = -1
        self.kind = IS_HANDSHAKE

    def __dealloc__(self):
        free(self.head)


cdef int handshake_keep(Handshake h, const uint8_t *data, size_t length) except -1:
    if h.length + length > h.capacity:
        h.head = <uint8_t *>grown(h.head, &h.capacity, h.length + length, 1, 1024)
    memcpy(h.head + h.length, data, length)
    h.length += length
    return 0


cdef int note_address(uint8_t *out, uint8_t *out_length, bytes address) except -1:
    cdef Py_ssize_t length = PyBytes_GET_SIZE(address)
    if length not in (0, 4, 16):
        raise ValueError(f"address: expected 4 or 16 bytes, or none, got {length}")
    memcpy(out, PyBytes_AS_STRING(address), length)
    out_length[0] = <uint8_t>length
    return 0


cdef void handshake_forget_head(Handshake h) noexcept:
    free(h.head)
    h.head = NULL
    h.length = h.capacity = 0


cdef size_t head_end(const uint8_t *data, size_t length, size_t start) noexcept nogil:
    """Bytes up to and with the empty line that ends a head, searched from `start`; 0 when it is not there yet."""
    cdef const uint8_t *p = data + start
    cdef const uint8_t *end = data + length
    while end - p >= 4:
        p = <const uint8_t *>memchr(p, 13, end - p - 3)
        if p == NULL:
            return 0
        if p[1] == 10 and p[2] == 13 and p[3] == 10:
            return p + 4 - data
        p += 1
    return 0


cdef inline bint may_be_http(const uint8_t *data, size_t length) noexcept nogil:
    """Whether the first byte can begin a method or an empty line before one; a TLS hello (22), for one, cannot."""
    return length == 0 or c'A' <= data[0] <= c'Z' or c'a' <= data[0] <= c'z' or data[0] == 13 or data[0] == 10
