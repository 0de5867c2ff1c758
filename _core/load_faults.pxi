# Who ended what, and why: opening handshakes that failed, by their reason, and connections that the generator itself fails for
# what the server sent (RFC 6455 section 7.1.7). The latter have no close code of the server's, and are in none of its counts.

cdef enum:
    FAILED = 0xFFFFFFFF         # in place of a close code

cdef enum:                      # of opening handshakes
    WRONG_ACCEPT
    ENDLESS_HEAD
    CLOSED_EARLY
    OPENING_FAULTS

cdef enum:                      # of frames
    MASKED
    TOO_LARGE
    NO_MEMORY
    FRAME_FAULTS

cdef struct faults_t:
    uint32_t openings[OPENING_FAULTS]
    uint32_t errnos[ERRNOS]     # of opening handshakes; the last one is of all above it, too
    uint32_t frames[FRAME_FAULTS]

_OPENING_FAULTS = (
    "answered 101 without the right Sec-WebSocket-Accept",
    f"sent {HEAD_BYTES_MAX} bytes of headers without an end",
    "closed by the server before it had answered",
)


cdef inline void note_errno(faults_t *faults, int number) noexcept nogil:
    faults.errnos[min(number, ERRNOS - 1)] += 1


cdef dict frame_faults(const faults_t *faults, size_t frame_bytes_max):
    """How many connections the generator failed, by what the server had sent."""
    names = ("masked frame", f"frame of more than {frame_bytes_max} bytes", "lack of memory")
    return {names[i]: faults.frames[i] for i in range(FRAME_FAULTS) if faults.frames[i]}


cdef dict opening_faults(const faults_t *faults, const uint32_t *statuses):
    """How many did not open, by what is to be said of them."""
    counts = {f"with HTTP {code}": statuses[code] for code in range(100, 1000) if code != 101}
    counts["answered with what is no HTTP"] = statuses[0]
    counts |= {_OPENING_FAULTS[i]: faults.openings[i] for i in range(OPENING_FAULTS)}
    counts |= {f"with {os.strerror(i).lower()}": faults.errnos[i] for i in range(ERRNOS) if faults.errnos[i]}
    return {fault: count for fault, count in counts.items() if count}


cdef dict more_than(dict before, dict after):
    """What was counted in between."""
    return {name: count - before.get(name, 0) for name, count in after.items() if count > before.get(name, 0)}
