# What a server answers to the nonce of an opening handshake (RFC 6455 section 4.2.2): the SHA-1 of it and of a fixed text, which
# shows that the server speaks the protocol and hides nothing. The text of both is 60 bytes long, so it is always two blocks, and
# all but its first 24 bytes is always the same. A general implementation costs several times as much, most of it to be found.

cdef enum:
    NONCE_LENGTH = 24
    ACCEPT_TOKEN_LENGTH = 28
    SHA1_BLOCK = 64

cdef const uint8_t *BASE64_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
cdef const uint8_t *HANDSHAKE_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


cdef inline uint32_t rotated(uint32_t word, int count) noexcept nogil:
    return (word << count) | (word >> (32 - count))


cdef void sha1_block(uint32_t *state, const uint8_t *block) noexcept nogil:
    """Take one block (FIPS 180-4 section 6.1.2)."""
    cdef uint32_t w[80]
    cdef uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], mixed
    cdef int i
    for i in range(16):
        w[i] = (
            <uint32_t>block[4 * i] << 24 | <uint32_t>block[4 * i + 1] << 16 | <uint32_t>block[4 * i + 2] << 8 | block[4 * i + 3]
        )
    for i in range(16, 80):
        w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1)
    for i in range(80):
        if i < 20:
            mixed = ((b & c) | (~b & d)) + <uint32_t>0x5A827999
        elif i < 40:
            mixed = (b ^ c ^ d) + <uint32_t>0x6ED9EBA1
        elif i < 60:
            mixed = ((b & c) | (b & d) | (c & d)) + <uint32_t>0x8F1BBCDC
        else:
            mixed = (b ^ c ^ d) + <uint32_t>0xCA62C1D6
        mixed += rotated(a, 5) + e + w[i]
        e = d
        d = c
        c = rotated(b, 30)
        b = a
        a = mixed
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d
    state[4] += e


cdef inline int base64_digit(uint8_t c) noexcept nogil:
    """The value of a digit of base 64; -1 for what is none."""
    if c'A' <= c <= c'Z':
        return c - c'A'
    if c'a' <= c <= c'z':
        return c - c'a' + 26
    if c'0' <= c <= c'9':
        return c - c'0' + 52
    if c == c'+':
        return 62
    return 63 if c == c'/' else -1


cdef bint is_nonce(const uint8_t *data, size_t length) noexcept nogil:
    """Whether it is 16 bytes in base 64. Which bits its last digit has that mean nothing does not matter."""
    cdef int i
    if length != NONCE_LENGTH or data[22] != c'=' or data[23] != c'=':
        return False
    for i in range(22):
        if base64_digit(data[i]) < 0:
            return False
    return True


def accept_token(bytes nonce not None):
    """The Sec-WebSocket-Accept for this Sec-WebSocket-Key. Raises ValueError for a key that is not 16 bytes in base 64."""
    cdef const uint8_t *data = <const uint8_t *>PyBytes_AS_STRING(nonce)
    cdef uint8_t text[2 * SHA1_BLOCK]
    cdef uint8_t digest[21]     # a zero follows, so that it divides by three
    cdef uint8_t token[ACCEPT_TOKEN_LENGTH]
    cdef uint32_t state[5]
    cdef uint32_t group
    cdef int i
    if not is_nonce(data, PyBytes_GET_SIZE(nonce)):
        raise ValueError(f"nonce: expected 16 bytes in base 64, got {nonce!r:.60}")
    memset(text, 0, sizeof(text))
    memcpy(text, data, NONCE_LENGTH)
    memcpy(text + NONCE_LENGTH, HANDSHAKE_GUID, 36)
    text[60] = 0x80                 # the end of the text;
    text[126] = (60 * 8) >> 8       # and how many bits it has
    text[127] = (60 * 8) & 255
    state[0] = <uint32_t>0x67452301
    state[1] = <uint32_t>0xEFCDAB89
    state[2] = <uint32_t>0x98BADCFE
    state[3] = <uint32_t>0x10325476
    state[4] = <uint32_t>0xC3D2E1F0
    sha1_block(state, text)
    sha1_block(state, text + SHA1_BLOCK)
    for i in range(20):
        digest[i] = <uint8_t>(state[i // 4] >> (24 - 8 * (i % 4)))
    digest[20] = 0
    for i in range(7):
        group = <uint32_t>digest[3 * i] << 16 | <uint32_t>digest[3 * i + 1] << 8 | digest[3 * i + 2]
        token[4 * i] = BASE64_DIGITS[group >> 18]
        token[4 * i + 1] = BASE64_DIGITS[group >> 12 & 63]
        token[4 * i + 2] = BASE64_DIGITS[group >> 6 & 63]
        token[4 * i + 3] = BASE64_DIGITS[group & 63]
    token[ACCEPT_TOKEN_LENGTH - 1] = c'='
    return token[:ACCEPT_TOKEN_LENGTH]
