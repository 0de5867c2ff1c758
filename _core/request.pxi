# The head of an HTTP request. Every opening handshake pays for it, so it is compiled.
#
# The grammar is that of httptools, which calls back for each header. Nearly all clients write the same plain kind of head,
# though, which is read here in a quarter of the time: one call, and no exception to say that an upgrade follows. What is in any
# way different is left to httptools; this one refuses nothing. It must never read what httptools would not, or read otherwise.


@cython.final
cdef class Request:
    """The head of an HTTP request. `headers` have names in lower case; the parser fills in `target` and `headers`, whoever calls
    it `method` and `version`."""

    cdef readonly dict headers
    cdef public bytes target
    cdef public bytes method
    cdef public str version
    cdef readonly bint is_complete

    def __cinit__(self):
        self.headers = {}
        self.target = b""
        self.method = b""
        self.version = "1.1"

    def on_url(self, bytes url not None):
        """httptools may give the target in pieces."""
        self.target = self.target + url if self.target else url

    def on_header(self, bytes name not None, bytes value not None):
        """A header given twice counts as one list (RFC 9110 section 5.3)."""
        cdef object before
        name = name.lower()
        value = value.strip()   # the parser leaves the white space behind a value
        before = self.headers.get(name)
        self.headers[name] = value if before is None else <bytes>before + b", " + value

    def on_headers_complete(self):
        """The head is whole; a body may follow."""
        self.is_complete = True

    @property
    def path_and_query(self):
        """The target split at its first `?`, its scheme and authority dropped when it has them (RFC 9112 section 3.2.2)."""
        return target_parts(self.target)

    @property
    def opens_websocket(self):
        """Whether it is an opening handshake of WebSocket version 13, its key and `Upgrade` apart."""
        return (
            self.method == b"GET" and self.version == "1.1" and self.headers.get(b"sec-websocket-version") == b"13"
            and token_in(b"upgrade", self.headers.get(b"connection", b""))
        )

    @property
    def wants_upgrade(self):
        """Whether it asks to go on as a WebSocket; how well is for admission to say. Other protocols that it would speak are
        ignored (RFC 9110 section 7.8): Java's client offers HTTP/2 with all that it asks for."""
        return request_wants_upgrade(self)

    @property
    def wants_stream(self):
        """Whether it asks for the events of a channel as an event stream."""
        return request_wants_stream(self)

    @property
    def wants_membership(self):
        """Whether its connection is to become a member's: by an upgrade, or as the event stream of a channel."""
        return request_wants_upgrade(self) or request_wants_stream(self)


cdef tuple target_parts(bytes target):
    cdef Py_ssize_t mark
    if not target.startswith(b"/"):
        target = target.partition(b"://")[2]
        mark = target.find(b"/")
        target = target[mark:] if mark >= 0 else b""
    mark = target.find(b"?")
    return (target, b"") if mark < 0 else (target[:mark], target[mark + 1:])


cdef bint request_wants_upgrade(Request request) except -1:
    value = request.headers.get(b"upgrade")
    return value is not None and token_in(b"websocket", <bytes>value)


cdef bint request_wants_stream(Request request) except -1:
    if request.method != b"GET":
        return False
    accept = request.headers.get(b"accept")
    if accept is None or b"text/event-stream" not in (<bytes>accept).lower():
        return False
    return target_parts(request.target)[0].startswith((b"/c/", b"/r/")) and not request_wants_upgrade(request)


cdef bint token_in(bytes token, bytes value) except -1:
    value = value.lower()
    if value == token:
        return True
    for part in value.split(b","):
        if part.strip() == token:
            return True
    return False


def has_token(bytes value not None, bytes token not None):
    """Whether the list in a header has this token, which is in lower case."""
    return token_in(token, value)


cdef uint8_t LOWER_TOKEN[256]   # what a header's name may consist of (RFC 9110 section 5.6.2), in lower case; 0: anything else


cdef void fill_lower_token() noexcept:
    cdef uint8_t c
    for c in b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz":
        LOWER_TOKEN[c] = c
        if c'a' <= c <= c'z':
            LOWER_TOKEN[c - 32] = c


fill_lower_token()


def read_plain_head(bytes head not None, int max_headers):
    """The `Request` of a plain head: a GET of a path by HTTP/1.1, no body, at most `max_headers` headers, each given once, on a
    line of its own, and none empty. None for any other, which is no verdict on it."""
    cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(head)
    cdef const uint8_t *end = p + PyBytes_GET_SIZE(head)
    cdef const uint8_t *start
    cdef Request request
    if end - p < 18 or memcmp(p, b"GET /", 5) != 0:
        return None
    start = p + 4
    p = start
    while c'!' <= p[0] <= c'~' and p[0] != c'#':
        p += 1
    if end - p < 13 or memcmp(p, b" HTTP/1.1\r\n", 11) != 0:
        return None
    request = Request()
    request.target = start[:p - start]
    request.method = b"GET"
    p += 11
    while end - p > 2:
        p = read_plain_header(request.headers, p, end)
        if p == NULL or max_headers == 0:
            return None
        max_headers -= 1
    if end - p != 2 or p[0] != 13 or p[1] != 10:
        return None
    request.is_complete = True
    return request


cdef const uint8_t *read_plain_header(dict headers, const uint8_t *p, const uint8_t *end) except? NULL:
    """Take one header; where the next begins, NULL for one that is not plain. Bytes are followed by a zero, so looking at `end`
    is no fault."""
    cdef const uint8_t *start = p
    cdef const uint8_t *name_end
    cdef uint8_t *lower
    cdef Py_ssize_t i
    while LOWER_TOKEN[p[0]]:
        p += 1
    name_end = p
    if p == start or p[0] != c':':
        return NULL
    name = PyBytes_FromStringAndSize(NULL, name_end - start)
    lower = <uint8_t *>PyBytes_AS_STRING(name)
    for i in range(name_end - start):
        lower[i] = LOWER_TOKEN[start[i]]
    p += 1
    while p[0] == c' ' or p[0] == 9:
        p += 1
    start = p
    while p[0] >= 32 and p[0] != 127 or p[0] == 9:
        p += 1
    if end - p < 4 or p == start or p[0] != 13 or p[1] != 10 or p[2] == c' ' or p[2] == 9:
        return NULL     # a line that begins with a space would go on with this one
    name_end = p
    while (name_end - 1)[0] == c' ' or (name_end - 1)[0] == 9:
        name_end -= 1
    if name in headers or name in (b"content-length", b"transfer-encoding"):
        return NULL
    headers[name] = start[:name_end - start]
    return p + 2


def split_form(bytes form not None, int most):
    """The names and values of a form-urlencoded text, decoded. Of a name given twice the first counts, and what stands behind the
    first `most` pairs is left out."""
    cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(form)
    cdef const uint8_t *end = p + PyBytes_GET_SIZE(form)
    cdef const uint8_t *pair_end
    cdef const uint8_t *name_end
    cdef dict pairs = {}
    while most > 0 and p <= end:
        pair_end = <const uint8_t *>memchr(p, c'&', end - p)
        if pair_end == NULL:
            pair_end = end
        name_end = <const uint8_t *>memchr(p, c'=', pair_end - p)
        if name_end == NULL:
            name_end = pair_end
        name = form_decoded(p, name_end - p)
        if name not in pairs:
            pairs[name] = b"" if name_end == pair_end else form_decoded(name_end + 1, pair_end - name_end - 1)
        p = pair_end + 1
        most -= 1
    return pairs


cdef bytes form_decoded(const uint8_t *data, Py_ssize_t length):
    cdef bytes text = data[:length]
    if memchr(data, c'+', length) != NULL:
        text = text.replace(b"+", b" ")
    return percent_decoded(text) if memchr(data, c'%', length) != NULL else text


def percent_decoded(bytes text not None):
    """It with each `%` and two hexadecimal digits as the byte that they stand for (RFC 3986 section 2.1), once. An invalid escape
    stays as it is."""
    # that of urllib makes an object of each escape: a head of nothing but `%` would cost a thousand times what others do
    cdef Py_ssize_t length = PyBytes_GET_SIZE(text)
    cdef const uint8_t *data = <const uint8_t *>PyBytes_AS_STRING(text)
    cdef bytes decoded = PyBytes_FromStringAndSize(NULL, length)
    cdef uint8_t *out = <uint8_t *>PyBytes_AS_STRING(decoded)
    cdef Py_ssize_t i = 0
    cdef Py_ssize_t written = 0
    cdef int high, low
    while i < length:
        out[written] = data[i]
        if data[i] == c'%' and length - i > 2:
            high, low = hex_digit(data[i + 1]), hex_digit(data[i + 2])
            if high >= 0 and low >= 0:
                out[written] = <uint8_t>(high << 4 | low)
                i += 2
        i += 1
        written += 1
    return decoded[:written]


cdef inline int hex_digit(uint8_t c) noexcept nogil:
    """The value of a hexadecimal digit; -1 for what is none."""
    if c'0' <= c <= c'9':
        return c - c'0'
    c |= 32
    return c - c'a' + 10 if c'a' <= c <= c'f' else -1
