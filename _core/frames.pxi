# The encoder of frames (RFC 6455 section 5.2).

cdef inline size_t header_size(size_t length) noexcept nogil:
    """Bytes of an unmasked header in front of `length` bytes of payload."""
    if length < 126:
        return 2
    return 4 if length < 65536 else 10


cdef inline size_t write_header(uint8_t *out, uint8_t first, size_t length) noexcept nogil:
    """Write an unmasked header with the shortest length form (a MUST of section 5.2) and return its size."""
    cdef int i
    out[0] = first
    if length < 126:
        out[1] = <uint8_t>length
        return 2
    if length < 65536:
        out[1] = 126
        out[2] = <uint8_t>(length >> 8)
        out[3] = <uint8_t>length
        return 4
    out[1] = 127
    for i in range(8):
        out[2 + i] = <uint8_t>(<uint64_t>length >> (56 - 8 * i))
    return 10


def encode_frame(opcode, payload=b"", *, bint fin=True, mask=None):
    """One frame (RFC 6455 section 5.2), with the shortest length form; masked when a 4-byte `mask` is given.

    Raises ValueError for an opcode outside 0..15, a mask that is not 4 bytes, or a control frame over 125 bytes or not final.
    """
    cdef uint8_t header[MAX_HEADER]
    cdef const uint8_t[::1] view
    cdef size_t size
    if type(payload) is not bytes:
        payload = bytes(memoryview(payload))    # bytes() alone would take a number for a length
    if not 0 <= opcode <= 15:
        raise ValueError(f"opcode: expected 0 to 15, got {opcode}")
    if opcode & 8 and (PyBytes_GET_SIZE(payload) > MAX_CONTROL_PAYLOAD or not fin):
        raise ValueError("payload: a control frame is final and has at most 125 bytes (RFC 6455 section 5.5)")
    if mask is None:
        return unmasked_frame((FIN if fin else 0) | <uint8_t>opcode, <bytes>payload)
    size = write_header(header, (FIN if fin else 0) | <uint8_t>opcode, PyBytes_GET_SIZE(payload))
    view = payload
    key = bytes(memoryview(mask))
    if len(key) != 4:
        raise ValueError(f"mask: expected 4 bytes, got {len(key)}")
    header[1] |= MASKED
    return PyBytes_FromStringAndSize(<char *>header, size) + key + apply_mask(view, key)


cdef bytes unmasked_frame(uint8_t first_byte, bytes payload):
    """What every event that a channel tells of goes through: one allocation."""
    cdef size_t length = PyBytes_GET_SIZE(payload), size = header_size(length)
    cdef bytes frame = PyBytes_FromStringAndSize(NULL, size + length)
    cdef uint8_t *out = <uint8_t *>PyBytes_AS_STRING(frame)
    write_header(out, first_byte, length)
    memcpy(out + size, PyBytes_AS_STRING(payload), length)
    return frame


cdef bytes close_frame(unsigned int code, bytes reason):
    """A close frame; code 0 means one without a status (RFC 6455 section 7.1.5)."""
    if code == 0:
        return b"\x88\x00"
    reason = reason[:MAX_CONTROL_PAYLOAD - 2].decode("utf-8", "ignore").encode()
    return encode_frame(CLOSE, bytes((code >> 8, code & 255)) + reason)


def encode_close(code, str reason=""):
    """An unmasked close frame (RFC 6455 section 5.5.1); a reason over 123 bytes of UTF-8 is cut at a character boundary.

    Raises ValueError for a code that must not be sent on the wire.
    """
    if not 0 <= code <= 0xFFFF or not is_valid_close_code(code):
        raise ValueError(f"code: {code} must not be sent on the wire (RFC 6455 section 7.4)")
    return close_frame(code, reason.encode("utf-8", "replace"))
