# The header that a proxy puts in front of a connection to say for whom it made it: the PROXY protocol (HAProxy's
# proxy-protocol.txt), version 1, a line of text (section 2.1), and version 2, binary (section 2.2).
#
# The first byte tells the versions apart, and neither can be mistaken for HTTP or TLS. Whether a listener expects a header is a
# setting, never a guess: whoever may choose can claim any address (section 5).

cdef extern from "<arpa/inet.h>" nogil:
    int inet_pton(int family, const char *text, void *address)
    enum:
        AF_INET6

cdef enum ProxyResult:
    PROXY_MORE = 0              # may become a header
    PROXY_DONE = 1
    PROXY_BAD = 2

cdef enum:
    PROXY_LINE_BYTES = 107      # section 2.1: its worst case, CRLF included
    PROXY_FIXED_BYTES = 16      # of version 2: signature, command, family, length
    PROXY_BLOCK_BYTES = 2048    # what may follow them, addresses and TLVs; the relay's own limit
    PROXY_SIGNATURE_BYTES = 12
    IPV6_TEXT_BYTES = 45        # the longest text of an address, which ends in dotted decimals

cdef const uint8_t *PROXY_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

# A line that is read from left to right. `result` is PROXY_DONE while all has been as it must be; once it is something else
# the functions below do nothing, so that their callers need not ask after every step.
cdef struct proxy_line_t:
    const uint8_t *data
    size_t length
    size_t at
    ProxyResult result


cdef inline int line_peek(proxy_line_t *line) noexcept nogil:
    """The next byte; -1 when there is none yet, or when the line is not good any more."""
    if line.result != PROXY_DONE:
        return -1
    if line.at == line.length:
        line.result = PROXY_MORE
        return -1
    return line.data[line.at]


cdef inline void line_refuse(proxy_line_t *line) noexcept nogil:
    if line.result == PROXY_DONE:
        line.result = PROXY_BAD


cdef void line_expect(proxy_line_t *line, const char *text, size_t length) noexcept nogil:
    cdef size_t i
    cdef int byte
    for i in range(length):
        byte = line_peek(line)
        if byte != <uint8_t>text[i]:
            line_refuse(line)
            return
        line.at += 1


cdef int line_number(proxy_line_t *line, int most) noexcept nogil:
    """A decimal number from 0 to `most`. Leading zeros are refused: section 2.1 fears that they would be read as octal."""
    cdef int number = -1
    cdef int byte = line_peek(line)
    while c'0' <= byte <= c'9':
        number = byte - c'0' if number < 0 else -1 if number == 0 else number * 10 + byte - c'0'
        if not 0 <= number <= most:
            break
        line.at += 1
        byte = line_peek(line)
    if not 0 <= number <= most:
        line_refuse(line)
    return number


cdef void line_ipv4(proxy_line_t *line, uint8_t *address) noexcept nogil:
    cdef int i
    for i in range(4):
        if i:
            line_expect(line, b".", 1)
        address[i] = <uint8_t>line_number(line, 255)


cdef inline bint is_ipv6_character(int byte) noexcept nogil:
    return c'0' <= byte <= c':' or c'a' <= byte <= c'f' or c'A' <= byte <= c'F' or byte == c'.'


cdef void line_ipv6(proxy_line_t *line, uint8_t *address) noexcept nogil:
    """An address as inet_pton reads it: section 2.1 knows no dotted end, but senders print IPv4-mapped addresses with one."""
    cdef char text[IPV6_TEXT_BYTES + 1]
    cdef size_t length = 0
    cdef int byte = line_peek(line)
    while length < IPV6_TEXT_BYTES and is_ipv6_character(byte):
        text[length] = <char>byte
        length += 1
        line.at += 1
        byte = line_peek(line)
    text[length] = 0
    if line.result == PROXY_DONE and inet_pton(AF_INET6, text, address) != 1:
        line_refuse(line)


cdef void line_unknown(proxy_line_t *line) noexcept nogil:
    """A proxy that does not know. What follows is ignored (section 2.1), but one CR or LF alone does not end a line."""
    cdef int byte
    line_expect(line, b"UNKNOWN", 7)
    byte = line_peek(line)
    if byte == c' ':
        while byte >= 0 and byte != c'\r' and byte != c'\n':
            line.at += 1
            byte = line_peek(line)
    line_expect(line, b"\r\n", 2)


cdef uint8_t line_endpoints(proxy_line_t *line, uint8_t *address) noexcept nogil:
    """Source and destination, then their ports. Returns the length of the source's address, the one that is kept."""
    cdef uint8_t destination[16]
    cdef bint is_ipv4
    line_expect(line, b"TCP", 3)
    is_ipv4 = line_peek(line) == c'4'
    line_expect(line, b"4 " if is_ipv4 else b"6 ", 2)
    if is_ipv4:
        line_ipv4(line, address)
        line_expect(line, b" ", 1)
        line_ipv4(line, destination)
    else:
        line_ipv6(line, address)
        line_expect(line, b" ", 1)
        line_ipv6(line, destination)
    line_expect(line, b" ", 1)
    line_number(line, 65535)
    line_expect(line, b" ", 1)
    line_number(line, 65535)
    line_expect(line, b"\r\n", 2)
    return 4 if is_ipv4 else 16


cdef ProxyResult proxy_parse_text(
        const uint8_t *data, size_t length, size_t *taken, uint8_t *address, uint8_t *address_length) noexcept nogil:
    """Version 1."""
    cdef proxy_line_t line
    line.data = data
    line.length = length if length < PROXY_LINE_BYTES else PROXY_LINE_BYTES
    line.at = 0
    line.result = PROXY_DONE
    line_expect(&line, b"PROXY ", 6)
    if line_peek(&line) == c'U':
        line_unknown(&line)
    else:
        address_length[0] = line_endpoints(&line, address)
    taken[0] = line.at
    if line.result == PROXY_MORE and length >= PROXY_LINE_BYTES:
        return PROXY_BAD
    return line.result


cdef inline bint is_proxy_start(const uint8_t *data, size_t length) noexcept nogil:
    """Whether up to 16 bytes begin a header of version 2, each judged as soon as it is there."""
    cdef size_t signature = length if length < PROXY_SIGNATURE_BYTES else PROXY_SIGNATURE_BYTES
    if memcmp(data, PROXY_SIGNATURE, signature) != 0:
        return False
    # version 2, and LOCAL or PROXY
    if length > 12 and data[12] != 0x20 and data[12] != 0x21:
        return False
    # AF_UNSPEC, AF_INET, AF_INET6 or AF_UNIX; unspecified, stream or datagram. With LOCAL both are ignored
    if length > 13 and data[12] == 0x21 and (data[13] >> 4 > 3 or data[13] & 15 > 2):
        return False
    if length > 14 and data[14] > PROXY_BLOCK_BYTES >> 8:
        return False
    return length < 16 or (data[14] << 8 | data[15]) <= PROXY_BLOCK_BYTES


cdef inline size_t proxy_addresses_size(uint8_t family) noexcept nogil:
    """Bytes that both ends take in version 2, ports included; 0 when family or transport is unspecified, and nothing is read."""
    if family & 15 == 0:
        return 0
    if family >> 4 == 1:
        return 12
    if family >> 4 == 2:
        return 36
    return 216 if family >> 4 == 3 else 0


cdef ProxyResult proxy_parse_binary(
        const uint8_t *data, size_t length, size_t *taken, uint8_t *address, uint8_t *address_length) noexcept nogil:
    """Version 2. TLVs are skipped, as section 2.2 lets a receiver do."""
    cdef size_t block, addresses = 0
    if not is_proxy_start(data, length):
        return PROXY_BAD
    if length < PROXY_FIXED_BYTES:
        return PROXY_MORE
    block = <size_t>data[14] << 8 | data[15]
    if data[12] == 0x21:
        addresses = proxy_addresses_size(data[13])
    if block < addresses:
        return PROXY_BAD
    if length - PROXY_FIXED_BYTES < block:
        return PROXY_MORE
    address_length[0] = 4 if addresses == 12 else 16 if addresses == 36 else 0
    memcpy(address, data + PROXY_FIXED_BYTES, address_length[0])
    taken[0] = PROXY_FIXED_BYTES + block
    return PROXY_DONE


cdef ProxyResult proxy_parse(
        const uint8_t *data, size_t length, size_t *taken, uint8_t *address, uint8_t *address_length) noexcept nogil:
    """Look for a header in the first `length` bytes of a connection.

    PROXY_DONE: the first `taken` bytes are one, and `address`, which has room for 16, holds the packed address of the source.
    `address_length` is 4 or 16; 0 when the header names none (UNKNOWN, LOCAL, not IP), and the peer's own address counts.
    PROXY_MORE: it may become one, of 107 bytes (version 1) or 2064 (version 2) at most; both lengths are 0.
    PROXY_BAD: it is none, and the connection must be aborted.
    """
    cdef ProxyResult result = PROXY_MORE
    taken[0] = 0
    address_length[0] = 0
    if length and data[0] == PROXY_SIGNATURE[0]:
        result = proxy_parse_binary(data, length, taken, address, address_length)
    elif length:
        result = proxy_parse_text(data, length, taken, address, address_length)
    if result != PROXY_DONE:
        taken[0] = 0
        address_length[0] = 0
    return result


def parse_proxy_header(const uint8_t[::1] data not None):
    """The PROXY protocol header, version 1 or 2, at the start of a connection: its size, and the packed source address.

    The address has 4 or 16 bytes; it is empty when the header names none (UNKNOWN, LOCAL, a family that is not IP), and the
    peer's own address counts. None when `data` may still become a header. Raises ValueError when it cannot.
    """
    cdef uint8_t address[16]
    cdef uint8_t address_length = 0
    cdef size_t taken = 0
    cdef ProxyResult result = PROXY_MORE
    if data.shape[0]:
        result = proxy_parse(&data[0], data.shape[0], &taken, address, &address_length)
    if result == PROXY_BAD:
        raise ValueError("data: expected a PROXY protocol header, version 1 or 2, and this is none, or too long")
    if result == PROXY_MORE:
        return None
    return taken, address[:address_length]
