# Numbers of RFC 6455 and of the relay that more than one file needs.
cdef extern from "debug.h" nogil:
    const int RELAY_CHECK
    void relay_broken(const char *what) noexcept
    void relay_prefetch(const void *address) noexcept

IS_DEBUG = RELAY_CHECK != 0

# RFC 6455 section 5.2 and 11.8
cdef enum Opcode:
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10

OP_CONTINUATION = <int>CONTINUATION
OP_TEXT = <int>TEXT
OP_BINARY = <int>BINARY
OP_CLOSE = <int>CLOSE
OP_PING = <int>PING
OP_PONG = <int>PONG

cdef enum:
    FIN = 0x80
    MASKED = 0x80
    MAX_CONTROL_PAYLOAD = 125
    MAX_HEADER = 14

# RFC 6455 section 7.4.1, and the IANA registry for 1012 to 1014. The public enum is relay.protocol.CloseCode.
cdef enum CloseCode:
    CLOSE_PROTOCOL_ERROR = 1002
    CLOSE_INVALID_DATA = 1007
    CLOSE_POLICY_VIOLATION = 1008
    CLOSE_MESSAGE_TOO_BIG = 1009
    CLOSE_INTERNAL_ERROR = 1011
    CLOSE_TRY_AGAIN_LATER = 1013

# Who of a channel an entry of its log is for. Joins and leaves differ for members with `list`, who get no count.
cdef enum Audience:
    FOR_ALL = 0
    FOR_LIST = 1
    FOR_COUNT = 2

AUDIENCE_ALL = <int>FOR_ALL
AUDIENCE_LIST = <int>FOR_LIST
AUDIENCE_COUNT = <int>FOR_COUNT


cdef inline bint is_valid_close_code(unsigned int code) noexcept nogil:
    """Whether a close frame may carry `code` (RFC 6455 section 7.4: 1004 to 1006 and 1015 never appear on the wire)."""
    if code < 3000:
        return 1000 <= code <= 1014 and not 1004 <= code <= 1006
    return code < 5000
