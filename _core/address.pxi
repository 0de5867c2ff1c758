# The address in front of a text message: `@@<uid>@@<json>`, or with a raw 0x1F byte on either side of the uid.

cdef Py_ssize_t address_split(const uint8_t *text, size_t length, const uint8_t **uid, size_t *uid_length) noexcept nogil:
    """The offset of the payload: 0 when there is no address, -1 when one is opened and not closed.

    No JSON value starts with `@` or 0x1F, so a prefix is never mistaken for a payload.
    """
    cdef const uint8_t *end = text + length
    cdef const uint8_t *p
    uid[0] = NULL
    uid_length[0] = 0
    if length == 0:
        return 0
    if text[0] == 0x1F:
        p = <const uint8_t *>memchr(text + 1, 0x1F, length - 1)
        if p == NULL:
            return -1
        uid[0] = text + 1
        uid_length[0] = p - uid[0]
        return p + 1 - text
    if length < 2 or text[0] != c'@' or text[1] != c'@':
        return 0
    p = text + 2
    while end - p >= 2:
        p = <const uint8_t *>memchr(p, c'@', end - p - 1)
        if p == NULL:
            return -1
        if p[1] == c'@':
            uid[0] = text + 2
            uid_length[0] = p - uid[0]
            return p + 2 - text
        p += 1
    return -1


def split_address(const uint8_t[::1] text not None):
    """The recipient in front of a text message, and the offset at which its payload starts.

    Both spellings count: `@@<uid>@@<json>` and `\\x1F<uid>\\x1F<json>`. No prefix gives `(None, 0)`; an empty uid, which
    means everyone, gives `b""`. Raises ValueError when a prefix is opened and not closed.
    """
    cdef const uint8_t *uid = NULL
    cdef size_t uid_length = 0
    if text.shape[0] == 0:
        return None, 0
    offset = address_split(&text[0], text.shape[0], &uid, &uid_length)
    if offset < 0:
        raise ValueError("text: the address is opened and not closed")
    if offset == 0:
        return None, 0
    return uid[:uid_length], offset
