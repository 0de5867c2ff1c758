# What each connection opens with: its request, its greeting, the address it comes from.

@cython.final
cdef class _Openings:
    cdef str host
    cdef str host_header
    cdef str path
    cdef bytes greeting
    cdef tuple sources
    cdef str key
    cdef bytes accept               # the load points into it

    def __init__(self, str host, str host_header, str path, str greeting, tuple sources):
        self.host, self.host_header, self.path = host, host_header, path
        self.greeting, self.sources = greeting.encode(), sources
        self.key = base64.b64encode(os.urandom(16)).decode()
        guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.accept = base64.b64encode(hashlib.sha1(f"{self.key}{guid}".encode()).digest())
        if len(self.greeting) > PAYLOAD_BYTES_MAX:
            raise ValueError(f"greeting: must not have more than {PAYLOAD_BYTES_MAX} bytes")

    cdef int prepare(self, const load_t *load, uint32_t index) except -1:
        """Give the connection what it needs to open, once or again."""
        return prepare_opening(
            load.connections + index, self.source(load, index), self.request(load, index), self.greeting_frame(load, index)
        )

    cdef bytes request(self, const load_t *load, uint32_t index):
        path = self.path.replace("{channel}", self.channel_text(load, index)).replace("{member}", str(index))
        return (
            f"GET {path} HTTP/1.1\r\nHost: {self.host_header}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {self.key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()

    cdef str channel_text(self, const load_t *load, uint32_t index):
        """A template has a place of fixed width for it."""
        number = str(load.connections[index].channel)
        return number.zfill(digits_needed(load.channels)) if load.is_template else number

    cdef bytes greeting_frame(self, const load_t *load, uint32_t index):
        """The frame to send on opening; empty when there is none."""
        cdef bytes key = load.key[:4]
        text = self.greeting.replace(b"{channel}", self.channel_text(load, index).encode())
        text = text.replace(b"{member}", b"%d" % index)
        return frame_head(1, len(text), key) + masked(text, key) if text else b""

    cdef uint32_t source(self, const load_t *load, uint32_t index) except? 0:
        """The local address: those that were given in turn, or as many of the loopback net as the ports suffice for."""
        if self.sources:
            return address_word(self.sources[index % len(self.sources)])
        if load.total <= CONNECTIONS_PER_ADDRESS or not is_loopback(self.host):
            return 0
        return htonl(0x7F000001 + index // CONNECTIONS_PER_ADDRESS)
