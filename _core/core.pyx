# The compiled core of the relay, one extension module made of the textual includes below.
#
# The files up to accept_token.pxi make no system call: bytes, numbers and time go in, bytes and values come out. (A member that has a
# connection asks the reactor to flush or to close it.) From sockets.pxi on it is the reactor.
#
# Rules that hold everywhere in here:
# - leaf arithmetic is `noexcept nogil`; what can fail is `except -1` or `except NULL`;
# - raw pointer arithmetic stays in the files that own the memory, behind functions that take and give lengths;
# - no pointer into a log or a read buffer is kept across a call into Python, because that call may append or close;
# - no Python object is made per frame or per delivery.
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.errno cimport EAGAIN, ECONNABORTED, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, errno
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy, memmove, memset
from os import urandom as _urandom

cdef class Conn
cdef class Member
cdef class Log
cdef class Stamper
cdef class Handshake
cdef class Reactor

include "consts.pxi"
include "utf8.pxi"
include "masking.pxi"
include "frames.pxi"
include "parser.pxi"
include "address.pxi"
include "envelope.pxi"
include "bucket.pxi"
include "proxy.pxi"
include "addresses.pxi"
include "store.pxi"
include "directory.pxi"
include "queue.pxi"
include "member.pxi"
include "entries.pxi"
include "log.pxi"
include "skip.pxi"
include "streams.pxi"
include "invariants.pxi"
include "request.pxi"
include "accept_token.pxi"
include "sockets.pxi"
include "json.pxi"
include "handshake.pxi"
include "counters.pxi"
include "reactor.pxi"
include "table.pxi"
include "linger.pxi"
include "turn.pxi"
include "receive.pxi"
include "send.pxi"
include "accept.pxi"
include "admit.pxi"
include "timer.pxi"
include "keepalive.pxi"

# what callers never meet by name
for _name in ("AddressTable", "Conn", "Handshake", "Listener", "Window"):
    globals().pop(_name, None)
