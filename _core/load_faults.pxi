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


cdef list opening_faults(const faults_t *faults, const uint32_t *statuses):
    """What is to be said of those that did not open, with how many there are of each."""
    told = [f"{statuses[code]} with HTTP {code}" for code in range(100, 1000) if code != 101 and statuses[code]]
    if statuses[0]:
        told.append(f"{statuses[0]} answered with what is no HTTP")
    told += [f"{faults.openings[i]} {_OPENING_FAULTS[i]}" for i in range(OPENING_FAULTS) if faults.openings[i]]
    told += [f"{faults.errnos[i]} with {os.strerror(i).lower()}" for i in range(ERRNOS) if faults.errnos[i]]
    return told
