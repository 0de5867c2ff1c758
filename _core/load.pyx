"""A load generator for relays that fan WebSocket messages out to the members of channels.

One thread, one epoll set, and no Python object per message: a delivery costs some tens of nanoseconds beside
what the kernel charges, so that on a core of its own the generator is not what a measurement measures.

The load is closed-loop. Each channel keeps `in_flight` messages under way; a message is done when every other
member of its channel has it, and the next one is due at that instant. What one wake-up made due is written with
one system call per sender. Latency runs from the instant a message was due, not from when the socket took it.

Rejected: reading the clock per delivery (once per read says the same, the bytes were there together); a thread per
core (the books would need locks, and the server's core is the one that must be full); open-loop pacing (the figure
wanted is what a delivery costs a busy server).

Only loopback addresses are accepted.
"""

import base64
import hashlib
import ipaddress
import os
import struct
from typing import NamedTuple

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, EINPROGRESS, EINTR, ENOTCONN, errno
from libc.math cimport ceil
from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy, memmove, memset

cdef extern from *:
    int __builtin_clzll(unsigned long long value) noexcept nogil
    uint64_t __builtin_bswap64(uint64_t value) noexcept nogil

cdef extern from "<string.h>" nogil:
    void *memmem(const void *haystack, size_t size, const void *needle, size_t needle_size)

include "load_consts.pxi"
include "load_histogram.pxi"
include "load_payload.pxi"
include "load_state.pxi"
include "load_books.pxi"
include "load_frames.pxi"
include "load_io.pxi"
include "load_handshake.pxi"
include "load_reports.pxi"


@cython.final
cdef class Generator:
    """Open `channels` times `members` connections to a relay on this machine and keep messages moving between them.

    `path` may contain `{channel}` (a number that differs per channel; required when there is more than one) and
    `{member}` (a number that differs per connection). With `everyone_sends` the members of a channel send in
    turn, otherwise its first member sends all. `payload_bytes` is the exact size of each message's JSON.
    `handshakes_in_flight` bounds the opening handshakes under way at one time.

    Call `connect`, then `run` as often as wanted (or `hold`), then `close`; each returns its report, so that a
    caller can read the server's processor time right before and after. Every call is bounded in time. A
    generator is for one thread, releases the GIL while it works, and may be interrupted by a signal.

    Raises ValueError naming the argument that is out of range.
    """

    cdef load_t load
    cdef readonly str host
    cdef readonly int port
    cdef readonly str path
    cdef readonly int handshakes_in_flight
    cdef readonly double loss_timeout_seconds
    cdef bytes accept
    cdef str key
    cdef bint connected

    def __cinit__(self):
        memset(&self.load, 0, sizeof(load_t))
        self.load.epoll = -1

    def __init__(
        self,
        int port,
        *,
        str host="127.0.0.1",
        str path="/c/bench-{channel}",
        int channels=1,
        int members=100,
        int in_flight=8,
        int payload_bytes=64,
        bint everyone_sends=False,
        int handshakes_in_flight=64,
        double loss_timeout_seconds=2.0,
    ):
        if self.load.connections != NULL:
            raise RuntimeError("a generator is initialised once")
        require_loopback(host)
        require_range("port", port, 1, 65535)
        require_range("channels", channels, 1, CONNECTIONS_MAX)
        require_range("members", members, 1, 99_999)
        require_range("channels", channels, 1, CONNECTIONS_MAX // members)
        require_range("in_flight", in_flight, 1, min(99_999, SLOTS_MAX // channels))
        require_range("payload_bytes", payload_bytes, PAYLOAD_BYTES_MIN, PAYLOAD_BYTES_MAX)
        require_range("handshakes_in_flight", handshakes_in_flight, 1, 4096)
        require_range("loss_timeout_seconds", loss_timeout_seconds, 0.001, 600)
        require_path(path, channels)
        if everyone_sends and <uint64_t>channels * members * members > PAIRS_MAX:
            raise ValueError(f"everyone_sends: channels × members² must not exceed {PAIRS_MAX}")
        self.host, self.port, self.path = host, port, path
        self.handshakes_in_flight = handshakes_in_flight
        self.loss_timeout_seconds = loss_timeout_seconds
        self.load.channels, self.load.members, self.load.in_flight = channels, members, in_flight
        self.load.everyone_sends = everyone_sends
        self.load.senders = members if everyone_sends else 1
        self.load.payload_bytes = payload_bytes
        self._prepare()

    def __dealloc__(self):
        release(&self.load)

    cdef int _prepare(self) except -1:
        """What does not change from message to message is made once: key, masked frame, tables."""
        cdef bytes key = os.urandom(4)
        cdef bytes payload = blank_payload(self.load.payload_bytes)
        cdef bytes head = frame_head(1, len(payload), key)
        cdef bytes frame = head + masked(payload, key)
        cdef bytes mask = key * 2
        self.load.mask = word_at(mask)
        self.load.frame_head_bytes, self.load.frame_bytes = len(head), len(frame)
        self.load.frame = <unsigned char *>zeroed(len(frame), 1)
        memcpy(self.load.frame, <const char *>frame, len(frame))
        memcpy(self.load.fields, <const char *>payload, FIELDS_BYTES)
        self.key = base64.b64encode(os.urandom(16)).decode()
        guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.accept = base64.b64encode(hashlib.sha1(f"{self.key}{guid}".encode()).digest())
        self.load.accept = self.accept
        self.load.epoch_ns = clock_ns(CLOCK_MONOTONIC)
        self.load.epoll = epoll_create1(EPOLL_CLOEXEC)
        if self.load.epoll < 0:
            raise OSError(errno, "no epoll descriptor")
        return allocate(&self.load)

    cdef bytes _request(self, uint32_t index):
        path = self.path.replace("{channel}", str(index // self.load.members)).replace("{member}", str(index))
        return (
            f"GET {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {self.key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()

    def connect(self, double timeout_seconds=60.0):
        """Open every connection and return a `ConnectReport`.

        Raises ConnectionError, telling the HTTP statuses seen, when one is refused or fails; TimeoutError when not
        all are open in time; OSError when a socket cannot be had (mostly the limit of open files).
        """
        cdef sockaddr_in server
        cdef uint32_t index
        cdef uint32_t total = self.load.channels * self.load.members
        cdef uint64_t began, limit, cpu
        cdef bint spread = total > CONNECTIONS_PER_ADDRESS
        require_range("timeout_seconds", timeout_seconds, 0, 3600)
        if self.connected:
            raise RuntimeError("connect is called once")
        self.connected = True
        memset(&server, 0, sizeof(server))
        server.sin_family = AF_INET
        server.sin_port = htons(<uint16_t>self.port)
        server.sin_addr.s_addr = htonl(<uint32_t>int(ipaddress.IPv4Address(self.host)))
        start_books(&self.load)
        cpu, began = clock_ns(CLOCK_THREAD_CPUTIME_ID), now_ns(&self.load)
        limit = began + <uint64_t>(timeout_seconds * 1e9)
        for index in range(total):
            self._await_handshakes(self.handshakes_in_flight - 1, limit)
            open_connection(
                &self.load,
                self.load.connections + index,
                &server,
                0x7F000001 + index // CONNECTIONS_PER_ADDRESS if spread else 0,
                self._request(index),
            )
        self._await_handshakes(0, limit)
        return connect_report(&self.load, now_ns(&self.load) - began, clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu)

    cdef int _await_handshakes(self, uint32_t most, uint64_t limit) except -1:
        while self.load.handshaking > most:
            with nogil:
                turn(&self.load, 50)
            PyErr_CheckSignals()
            if now_ns(&self.load) > limit:
                raise TimeoutError(f"{self.load.opened} connections opened in time")
        if self.load.failed:
            raise ConnectionError(refusal_text(&self.load))
        return 0

    def run(self, double seconds):
        """Send for so long, wait until all is delivered, and return a `RunReport` of exactly these messages.

        What is not delivered within `loss_timeout_seconds` is lost. Raises RuntimeError before `connect` and with
        fewer than two members.
        """
        cdef uint64_t began, stop, drained, cpu
        cdef uint64_t patience = <uint64_t>(self.loss_timeout_seconds * 1e9)
        require_range("seconds", seconds, 0, 3600)
        self._require_open()
        if self.load.members < 2:
            raise RuntimeError("with one member a channel has nobody to deliver to")
        start_books(&self.load)
        cpu, began = clock_ns(CLOCK_THREAD_CPUTIME_ID), now_ns(&self.load)
        stop = began + <uint64_t>(seconds * 1e9)
        self.load.sending = True
        try:
            send_due(&self.load)
            self._turn_until(stop, patience, False)
        finally:
            self.load.sending = False
        self._turn_until(stop + patience, patience, True)
        drained = now_ns(&self.load)
        give_up(&self.load, drained)
        return run_report(&self.load, drained - began, clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu)

    def hold(self, double seconds):
        """Stay connected and silent, answering pings, and return a `RunReport` of what arrived by itself."""
        cdef uint64_t began, cpu
        require_range("seconds", seconds, 0, 3600)
        self._require_open()
        start_books(&self.load)
        cpu, began = clock_ns(CLOCK_THREAD_CPUTIME_ID), now_ns(&self.load)
        self._turn_until(began + <uint64_t>(seconds * 1e9), 0, False)
        return run_report(&self.load, now_ns(&self.load) - began, clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu)

    def close(self, double timeout_seconds=5.0):
        """Close every connection with code 1000, cut what has not answered in time, return a `CloseReport`."""
        cdef uint64_t limit
        require_range("timeout_seconds", timeout_seconds, 0, 3600)
        limit = now_ns(&self.load) + <uint64_t>(timeout_seconds * 1e9)
        if timeout_seconds > 0:
            with nogil:
                begin_close(&self.load)
        while self.load.opened and now_ns(&self.load) < limit:
            with nogil:
                turn(&self.load, 50)
            PyErr_CheckSignals()
        cut_all(&self.load)
        return close_report(&self.load)

    cdef int _require_open(self) except -1:
        if not self.connected or not self.load.opened:
            raise RuntimeError("no connection is open: call connect first")
        return 0

    cdef int _turn_until(self, uint64_t until_ns, uint64_t patience, bint while_outstanding) except -1:
        cdef uint64_t now = now_ns(&self.load)
        while now < until_ns and (self.load.outstanding or not while_outstanding):
            with nogil:
                turn_until(&self.load, min(until_ns, now + SLICE_NS), while_outstanding)
                now = now_ns(&self.load)
                if patience and now > patience:
                    give_up(&self.load, now - patience)
            PyErr_CheckSignals()
        return 0

    @property
    def open_connections(self):
        """How many connections are open now."""
        return self.load.opened

    @property
    def payload(self):
        """One payload as it is sent, with all numbers zero: for a look, and for tests."""
        cdef message_t message
        cdef bytearray sample = bytearray(blank_payload(self.load.payload_bytes))
        memset(&message, 0, sizeof(message))
        put_message(sample, &message)
        return bytes(sample)


cdef int require_range(str name, value, lowest, highest) except -1:
    if not lowest <= value <= highest:
        raise ValueError(f"{name}: must be from {lowest} to {highest}, not {value}")
    return 0


cdef int require_loopback(str host) except -1:
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise ValueError(f"host: only loopback addresses (127.0.0.0/8) may be loaded, not {host!r}")
    return 0


cdef int require_path(str path, int channels) except -1:
    if not path.startswith("/") or not path.isascii() or any(c <= " " or c == "\x7f" for c in path):
        raise ValueError(f"path: must begin with a slash and be printable ASCII without spaces, not {path!r}")
    if len(path) > 2048:
        raise ValueError("path: must not be longer than 2048 characters")
    if channels > 1 and "{channel}" not in path:
        raise ValueError("path: must contain {channel} when there are several channels")
    return 0
