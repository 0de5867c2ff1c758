# Masking (RFC 6455 section 5.3), in place and eight bytes at a time; the compiler widens the loop to its vectors.

cdef inline void mask_in_place(uint8_t *data, size_t length, const uint8_t *key, size_t offset) noexcept nogil:
    """XOR `length` bytes with the 4-byte `key`, as if `offset` bytes of the same payload had come before."""
    cdef uint8_t turned[8]
    cdef uint64_t wide, word
    cdef size_t i, words = length >> 3
    for i in range(8):
        turned[i] = key[(offset + i) & 3]
    memcpy(&wide, turned, 8)
    for i in range(words):
        memcpy(&word, data + (i << 3), 8)
        word ^= wide
        memcpy(data + (i << 3), &word, 8)
    for i in range(words << 3, length):
        data[i] ^= turned[i & 7]


def apply_mask(const uint8_t[::1] data not None, const uint8_t[::1] key not None, Py_ssize_t offset=0):
    """`data` masked or unmasked with the 4-byte `key` (RFC 6455 section 5.3).

    `offset` is how many bytes of the same payload came before. Raises ValueError when `key` is not 4 bytes or `offset` is
    negative.
    """
    if key.shape[0] != 4:
        raise ValueError(f"key: expected 4 bytes, got {key.shape[0]}")
    if offset < 0:
        raise ValueError(f"offset: expected 0 or more, got {offset}")
    cdef bytes masked = PyBytes_FromStringAndSize(NULL, data.shape[0])
    cdef uint8_t *out = <uint8_t *>PyBytes_AS_STRING(masked)
    # a bytes object of length 0 or 1 made from NULL is fresh only above length 1: shared ones must never be written to
    if data.shape[0] == 0:
        return b""
    if data.shape[0] == 1:
        return bytes((data[0] ^ key[offset & 3],))
    memcpy(out, &data[0], data.shape[0])
    mask_in_place(out, data.shape[0], &key[0], offset)
    return masked
