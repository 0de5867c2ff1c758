# The head of an HTTP request, filled in by httptools, which calls back for each header: compiled, because an opening handshake
# has half a dozen of them and pays for each call. No grammar is in here; that is the parser's.


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
