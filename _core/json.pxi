# Is a payload exactly one JSON value? msgspec checks the whole grammar in one call, in place and without building anything.

import re

import msgspec

cdef object check_json = msgspec.json.Decoder(msgspec.Raw).decode
cdef tuple JSON_FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)
cdef object SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


@cython.final
cdef class Window:
    """A buffer object over bytes that stand elsewhere, used again and again: what lets msgspec check a payload in place."""

    cdef const uint8_t *data
    cdef Py_ssize_t length

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        buffer.buf = <void *>self.data
        buffer.len = self.length
        buffer.itemsize = 1
        buffer.readonly = 1
        buffer.format = NULL
        buffer.ndim = 1
        buffer.shape = &self.length
        buffer.strides = &buffer.itemsize
        buffer.suboffsets = NULL
        buffer.internal = NULL
        buffer.obj = self

    def __releasebuffer__(self, Py_buffer *buffer):
        pass


cdef bint is_json(Reactor r, const uint8_t *payload, size_t length) except -1:
    """Whether the bytes are exactly one JSON value. The parser has checked that they are UTF-8; msgspec does the grammar."""
    r.window.data = payload
    r.window.length = length
    try:
        check_json(r.window)
    except JSON_FAULTS:
        return is_json_with_surrogates(payload[:length])
    return True


cdef bint is_json_with_surrogates(bytes payload) except -1:
    """A second look at what msgspec refuses. It takes no escape of half a surrogate pair, as in `"\\ud83d"`; JSON's grammar does
    (RFC 8259 section 8.2), and JavaScript sends it for a string that was cut inside a character."""
    # any other escape in their place leaves the grammar as it is, also where the backslash was itself an escaped one
    replaced, count = SURROGATE_ESCAPE.subn(rb"\\u0000", payload)
    if count == 0:
        return False
    try:
        check_json(replaced)
    except JSON_FAULTS:
        return False
    return True


def is_json_text(bytes text not None):
    """Whether `text` is exactly one JSON value in well-formed UTF-8: what may be spliced into an envelope."""
    if not is_utf8(text):
        return False
    try:
        check_json(text)
    except JSON_FAULTS:
        return is_json_with_surrogates(text)
    return True
