"""A load generator for relays that fan WebSocket messages out to the members of channels.

One thread, one epoll set, and no Python object per message: a delivery costs some tens of nanoseconds beside
what the kernel charges, so that on a core of its own the generator is not what a measurement measures.

In a closed loop each channel keeps `in_flight` messages under way; a message is done when every other member of its
channel has it, and the next one is due at that instant. In an open loop messages are due by the clock, at an even rate,
whatever became of the earlier ones. What one wake-up made due is written with one system call per sender. Latency runs
from the instant a message was due, not from when the socket took it.

Rejected: reading the clock per delivery (once per read says the same, the bytes were there together); a thread per
core (the books would need locks, and the server's core is the one that must be full).

Only loopback addresses are accepted, unless others are asked for by name.
"""

import base64
import hashlib
import ipaddress
import os
import re
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
include "load_faults.pxi"
include "load_state.pxi"
include "load_spread.pxi"
include "load_books.pxi"
include "load_frames.pxi"
include "load_io.pxi"
include "load_handshake.pxi"
include "load_pace.pxi"
include "load_template.pxi"
include "load_bystanders.pxi"
include "load_reports.pxi"
include "load_checks.pxi"
include "load_openings.pxi"
include "load_intervals.pxi"


@cython.final
cdef class Generator:
    """Open `channels` times `members` connections to a relay and keep messages moving between them.

    `path` may contain `{channel}` (a number that differs per channel; required when there are several, unless a
    template has it) and `{member}` (a number that differs per connection). The first `senders` members of each channel
    send in turn. With `has_echo` a sender gets its own messages too. `payload_bytes` is the exact size of each message's
    JSON; a `template` is sent instead when there is one, and `greeting` by every connection as soon as it is open; both
    are text. `visitors` and `stalled` connections are members of the channels that nobody counts; visitors leave and join
    again, stalled ones read nothing until the end. `handshakes_in_flight` bounds the opening handshakes under way at one
    time; `sources` are the local addresses to connect from, in turn. `has_spread` asks for the latency of each member.

    Call `connect`, then `run` as often as wanted (or `hold`), then `close`; each returns its report, so that a
    caller can read the server's processor time right before and after. Every call is bounded in time. A
    generator is for one thread, releases the GIL while it works, and may be interrupted by a signal.

    Hosts that are not of this machine are refused unless `is_remote`. Raises ValueError naming the argument that is out
    of range.
    """

    cdef load_t load
    cdef readonly str host
    cdef readonly str host_header
    cdef readonly int port
    cdef readonly str path
    cdef readonly int handshakes_in_flight
    cdef readonly double loss_timeout_seconds
    cdef _Openings openings
    cdef _Intervals intervals
    cdef bint connected

    def __cinit__(self):
        memset(&self.load, 0, sizeof(load_t))
        self.load.epoll = self.load.timer = -1

    def __init__(
        self,
        int port,
        *,
        str host="127.0.0.1",
        str host_header="",
        str path="/c/bench-{channel}",
        int channels=1,
        int members=100,
        int senders=1,
        int in_flight=8,
        int payload_bytes=64,
        str template="",
        str greeting="",
        bint has_echo=False,
        int visitors=0,
        int stalled=0,
        int receive_buffer_bytes=4096,
        sources=(),
        bint has_spread=False,
        bint is_remote=False,
        int handshakes_in_flight=64,
        double loss_timeout_seconds=2.0,
    ):
        if self.load.connections != NULL:
            raise RuntimeError("a generator is initialised once")
        require_address("host", host, is_remote)
        require_range("port", port, 1, 65535)
        require_together(channels, members, senders, in_flight, has_spread)
        require_range("payload_bytes", payload_bytes, PAYLOAD_BYTES_MIN, PAYLOAD_BYTES_MAX)
        require_range("visitors", visitors, 0, VISITORS_MAX)
        require_range("stalled", stalled, 0, STALLED_MAX)
        require_range("receive_buffer_bytes", receive_buffer_bytes, 1024, LARGE_BUFFER)
        require_range("handshakes_in_flight", handshakes_in_flight, 1, 4096)
        require_range("loss_timeout_seconds", loss_timeout_seconds, 0.001, 600)
        require_path(path, channels, f"{template} {greeting}" if template else "")
        for source in sources:
            require_address("sources", source, is_remote)
        self.host, self.port, self.path = host, port, path
        self.host_header = host_header or f"{host}:{port}"
        self.handshakes_in_flight, self.loss_timeout_seconds = handshakes_in_flight, loss_timeout_seconds
        self.openings = _Openings(host, self.host_header, path, greeting, tuple(sources))
        self.load.accept = self.openings.accept
        self.load.channels, self.load.members, self.load.in_flight = channels, members, in_flight
        self.load.senders, self.load.has_echo, self.load.has_spread = senders, has_echo, has_spread
        self.load.visitor_count, self.load.stalled_count = visitors, stalled
        self.load.receive_buffer_bytes = receive_buffer_bytes
        prepare_message(&self.load, template.encode(), payload_bytes)
        self._prepare_sockets()
        allocate(&self.load)

    def __dealloc__(self):
        release(&self.load)

    cdef int _prepare_sockets(self) except -1:
        self.load.server.sin_family = AF_INET
        self.load.server.sin_port = htons(<uint16_t>self.port)
        self.load.server.sin_addr.s_addr = address_word(self.host)
        self.load.epoch_ns = clock_ns(CLOCK_MONOTONIC)
        self.load.epoch_wall_ns = clock_ns(CLOCK_REALTIME)
        self.load.epoll = epoll_create1(EPOLL_CLOEXEC)
        if self.load.epoll < 0:
            raise OSError(errno, "no epoll descriptor")
        return make_timer(&self.load)

    def connect(self, double timeout_seconds=60.0, *, double rate=0.0, watch=None):
        """Open every connection, at most `rate` a second unless that is 0, and return a `ConnectReport`.

        `watch`, when given, is called some ten times a second, with the number of those that are open.
        Raises ConnectionError, telling how many failed and why, when one is refused or fails; TimeoutError when not
        all are open in time; OSError when a socket cannot be had (mostly the limit of open files).
        """
        cdef uint32_t index
        cdef uint64_t began, limit, cpu, due
        cdef uint64_t told = 0
        cdef double apart_ns = 1e9 / rate if rate else 0.0
        require_range("timeout_seconds", timeout_seconds, 0, 3600)
        require_rate("rate", rate)
        if self.connected:
            raise RuntimeError("connect is called once")
        self.connected = True
        start_books(&self.load)
        cpu, began = clock_ns(CLOCK_THREAD_CPUTIME_ID), now_ns(&self.load)
        limit = began + <uint64_t>(timeout_seconds * 1e9)
        for index in range(self.load.total):
            due = began + <uint64_t>(index * apart_ns)
            self._await_handshakes(self.handshakes_in_flight - 1, due, limit)
            self._open(index, due if rate else now_ns(&self.load))
            if watch is not None and now_ns(&self.load) > told + 2 * SLICE_NS:
                told = now_ns(&self.load)
                watch(self.load.opened)
        self._await_handshakes(0, 0, limit)
        return connect_report(&self.load, now_ns(&self.load) - began, clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu)

    cdef int _open(self, uint32_t index, uint64_t due) except -1:
        cdef connection_t *connection = self.load.connections + index
        self.openings.prepare(&self.load, index)
        if not begin_opening(&self.load, connection, due):
            raise OSError(self.load.last_errno, f"{os.strerror(self.load.last_errno)} for connection {index + 1}")
        return 0

    cdef int _await_handshakes(self, uint32_t most, uint64_t due, uint64_t limit) except -1:
        """Until there are no more than that under way, and it is time for the next."""
        cdef uint64_t now = now_ns(&self.load)
        cdef uint64_t until
        while self.load.handshaking > most or now < due:
            until = min(due, now + SLICE_NS) if self.load.handshaking <= most else now + SLICE_NS
            if until < now + SLICE_NS:
                arm_timer(&self.load, until)
            with nogil:
                turn(&self.load, 50)
            PyErr_CheckSignals()
            now = now_ns(&self.load)
            if now > limit:
                raise TimeoutError(waiting_text(&self.load))
            if self.load.failed and self.load.handshaking <= most:
                break
        if self.load.failed:
            raise ConnectionError(refusal_text(&self.load))
        return 0

    def run(self, double seconds, *, double rate=0.0, double churn=0.0, double interval_seconds=0.0, watch=None):
        """Send for so long, wait until all is delivered, and return a `RunReport` of exactly these messages.

        With a `rate` messages are due so many times a second, in the channels in turn; without, as soon as one is done.
        `churn` visitors leave and join again each second. With `interval_seconds` the report tells about each part of the
        run, and `watch`, when given, is called with each `Interval` as soon as it is over. A run ends early when no channel
        has anybody left to send to anybody, unless there is churn: members do not come back, and visitors do.

        What is not delivered within `loss_timeout_seconds` is lost. Raises RuntimeError before `connect`, and when a
        channel has nobody to deliver to.
        """
        cdef uint64_t began, stop, drained, sending, cpu, offered
        cdef uint64_t patience = <uint64_t>(self.loss_timeout_seconds * 1e9)
        require_range("seconds", seconds, 0, 3600)
        require_range("interval_seconds", interval_seconds, 0, 3600)
        require_rate("rate", rate)
        require_rate("churn", churn)
        self._require_open()
        if self.load.members < 2 and not self.load.has_echo:
            raise RuntimeError("with one member a channel has nobody to deliver to")
        if churn and not self.load.visitor_count:
            raise ValueError("churn: there must be visitors")
        self.load.pace.interval_ns = 1e9 / rate if rate else 0.0
        self.load.churn.interval_ns = 1e9 / churn if churn else 0.0
        start_books(&self.load)
        cpu, began = clock_ns(CLOCK_THREAD_CPUTIME_ID), now_ns(&self.load)
        stop = began + <uint64_t>(seconds * 1e9)
        if rate:
            start_pace(&self.load.pace, began, seconds)
        if churn:
            start_pace(&self.load.churn, began, seconds)
        self.load.stopping = self.load.exhausted = self.load.deserted = False
        self.load.sending = True
        refused = opening_faults(&self.load.faults, self.load.statuses)
        self.intervals = _Intervals(began, interval_seconds, watch)
        try:
            if rate:
                send_paced(&self.load)
            else:
                send_due(&self.load)
            self._turn_until(stop, patience, False)
            if rate and not self.load.stopping:
                send_paced(&self.load)      # what was due between the last turn and the end
        finally:
            self.load.sending = False
        stop = min(stop, now_ns(&self.load))
        sending = stop - began
        offered = due_by(&self.load.pace, stop) if rate else self.load.totals.sent
        self._turn_until(stop + patience, patience, True)
        drained = now_ns(&self.load)
        give_up(&self.load, drained)
        self.intervals.end(&self.load, drained)
        cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu
        refused = more_than(refused, opening_faults(&self.load.faults, self.load.statuses))
        return run_report(&self.load, offered, drained - began, sending, cpu, tuple(self.intervals.found), refused)

    def stop(self):
        """Let `run` stop sending within a twentieth of a second, wait for what is under way, and report.

        For a signal's handler.
        """
        self.load.stopping = True

    def hold(self, double seconds):
        """Stay connected and silent, answering pings, and return a `RunReport` of what arrived by itself."""
        cdef uint64_t began, cpu
        require_range("seconds", seconds, 0, 3600)
        self._require_open()
        self.load.pace.interval_ns = self.load.churn.interval_ns = 0.0
        start_books(&self.load)
        cpu, began = clock_ns(CLOCK_THREAD_CPUTIME_ID), now_ns(&self.load)
        self.load.stopping = self.load.exhausted = self.load.deserted = False
        self.intervals = _Intervals(began, 0, None)
        self._turn_until(began + <uint64_t>(seconds * 1e9), 0, False)
        cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu
        return run_report(&self.load, 0, now_ns(&self.load) - began, 0, cpu, (), {})

    def close(self, double timeout_seconds=5.0):
        """Let the stalled read what there is, close all with code 1000, cut what has not answered in time, and report."""
        cdef uint64_t limit
        require_range("timeout_seconds", timeout_seconds, 0, 3600)
        limit = now_ns(&self.load) + <uint64_t>(timeout_seconds * 1e9)
        self.load.closing = True
        if timeout_seconds > 0 and self.load.stalled_count:
            self._hear_stalled(limit)
        stalled = stalled_report(&self.load)
        if timeout_seconds > 0:
            with nogil:
                begin_close(&self.load)
        while self.load.opened and now_ns(&self.load) < limit:
            with nogil:
                turn(&self.load, 50)
            PyErr_CheckSignals()
        cut_all(&self.load)
        return CloseReport(codes_of(&self.load), stalled, faults_of(&self.load))

    cdef int _hear_stalled(self, uint64_t limit) except -1:
        """Until they have been silent for as long as a delayed acknowledgement takes, and a little more."""
        cdef uint64_t before, until
        hear_stalled(&self.load)
        while now_ns(&self.load) < limit:
            before, until = self.load.totals.received_bytes, now_ns(&self.load) + SILENCE_NS
            with nogil:
                while now_ns(&self.load) < until:
                    turn(&self.load, 50)
            PyErr_CheckSignals()
            if self.load.totals.received_bytes == before:
                break
        return 0

    cdef int _require_open(self) except -1:
        if not self.connected or not self.load.opened:
            raise RuntimeError("no connection is open: call connect first")
        return 0

    cdef int _turn_until(self, uint64_t until_ns, uint64_t patience, bint while_outstanding) except -1:
        cdef uint64_t now = now_ns(&self.load)
        cdef uint64_t end
        while now < until_ns and (self.load.outstanding or not while_outstanding):
            end = min(until_ns, self.intervals.next_end(now))
            with nogil:
                turn_until(&self.load, end, while_outstanding)
                now = now_ns(&self.load)
                if patience and now > patience:
                    give_up(&self.load, now - patience)
            self.intervals.end_due(&self.load, now)
            PyErr_CheckSignals()
            if self.load.sending and not self.load.churn.interval_ns and is_deserted(&self.load):
                self.load.deserted = True
            if not while_outstanding and (self.load.stopping or self.load.exhausted or self.load.deserted):
                break
        return 0

    @property
    def open_connections(self):
        """How many connections are open now."""
        return self.load.opened

    @property
    def is_limited(self):
        """Whether a rate limit stood in the way in this run: an error event told of it, or a connection was closed with 1008."""
        return bool(self.load.totals.limited or self.load.close_codes[1008])

    @property
    def is_exhausted(self):
        """Whether the run ended early, because a sender had used all numbers that a payload has room for."""
        return bool(self.load.exhausted)

    @property
    def is_deserted(self):
        """Whether the run ended early, because no channel had anybody left to send to anybody."""
        return bool(self.load.deserted)

    @property
    def statuses(self):
        """Answers to opening handshakes, by HTTP status; 0 is for what is no HTTP."""
        return {status: self.load.statuses[status] for status in range(1000) if self.load.statuses[status]}

    @property
    def first_error(self):
        """The first error event, at most 256 bytes of it, as it came; empty when there was none."""
        return self.load.error_text[: self.load.error_bytes]

    @property
    def payload(self):
        """One payload as it is sent, with all numbers zero: for a look, and for tests."""
        cdef message_t message
        cdef bytearray frame = bytearray(self.load.frame_bytes + FIELDS_BYTES)
        memset(&message, 0, sizeof(message))
        write_frame(&self.load, frame, &message)
        return masked(bytes(frame[self.load.frame_head_bytes : self.load.frame_bytes]), self.load.key[:4])
