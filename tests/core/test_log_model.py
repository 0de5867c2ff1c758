"""Log and members against a model that is a list of frames for each member: any order of joining, writing and reading. Readers of
event streams take part; to them each frame is an event."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from relay._core import (
    AUDIENCE_ALL,
    AUDIENCE_COUNT,
    AUDIENCE_LIST,
    Log,
    Member,
    Stamper,
    encode_event,
)

from .channel import Owner, frame, prefix_of, read_all, waiting
from .wire import refused

BOOT = b"bootboot"
CLOSE_1000 = b"\x88\x02\x03\xe8"
CLOSE_EVENT = b'event: close\ndata: {"code":1000,"reason":""}\n\n'

frame_sizes = st.sampled_from([8, 9, 20, 125, 126, 300]) | st.integers(8, 80) | st.just(70_000)


@dataclass
class Expected:
    """A frame that a member must still be sent; `serial` counts the log's entries, None when it is private."""

    data: bytes
    serial: int | None


@dataclass(eq=False)
class Book:
    """A log, and how long all entries were that were ever written to it while somebody was there."""

    log: Log
    sizes: list[int] = field(default_factory=list)


@dataclass(eq=False)
class Reader:
    """The model of one member: a queue, and how much of its first frame has gone."""

    member: Member
    book: Book
    queue: deque[Expected] = field(default_factory=deque)
    sent_of_first: int = 0
    # The first entry of the log it may still point at: the one after the last it was sent whole.
    next_serial: int = 0

    def bytes_waiting(self) -> int:
        return sum(len(item.data) for item in self.queue) - self.sent_of_first

    def log_bytes_waiting(self) -> int:
        begun = self.sent_of_first if self.queue and self.queue[0].serial is not None else 0
        return sum(len(item.data) for item in self.queue if item.serial is not None) - begun

    def entries_not_begun(self) -> int:
        begun = bool(self.sent_of_first) and self.queue[0].serial is not None
        return sum(item.serial is not None for item in self.queue) - begun

    def contents(self) -> bytes:
        return b"".join(item.data for item in self.queue)[self.sent_of_first :]

    def advance(self, sent: int) -> None:
        self.sent_of_first += sent
        while self.queue and self.sent_of_first >= len(self.queue[0].data):
            item = self.queue.popleft()
            self.sent_of_first -= len(item.data)
            if item.serial is not None:
                self.next_serial = item.serial + 1

    def rest_of_frame(self) -> bytes:
        return self.queue[0].data[self.sent_of_first :] if self.sent_of_first else b""


class LogMachine(RuleBasedStateMachine):
    """Random channels. Frames are numbered, so whatever is lost, doubled, swapped or cut shows in the bytes."""

    readers: Bundle[Reader] = Bundle("readers")

    @initialize()
    def open_log(self) -> None:
        self.owner = Owner()
        self.log = Log(self.owner)
        self.log.streams = Log(self.owner)
        self.books = [Book(self.log), Book(self.log.streams)]
        self.stamper = Stamper(BOOT)
        self.attached: list[Reader] = []
        self.left: list[Member] = []
        self.number = 0

    def next_frame(self, size: int) -> bytes:
        self.number += 1
        return frame(self.number, size)

    def record(self, data: bytes, sender: Reader | None, audience: int) -> None:
        for book, entry in zip(self.books, (data, event_of(data)), strict=True):
            here = [reader for reader in self.attached if reader.book is book]
            for reader in here:
                member = reader.member
                if reader is sender and not member.echo:
                    continue
                if audience == AUDIENCE_ALL or member.lists == (audience == AUDIENCE_LIST):
                    reader.queue.append(Expected(entry, len(book.sizes)))
            if here:
                book.sizes.append(len(entry))

    @rule(
        target=readers,
        echo=st.booleans(),
        lists=st.booleans(),
        stream=st.booleans(),
        greeting=st.none() | frame_sizes,
    )
    def join(self, echo: bool, lists: bool, stream: bool, greeting: int | None) -> Reader:
        prefix = prefix_of(f"u{self.number}")
        self.number += 1
        member = Member(prefix, echo=echo, lists=lists, stream=stream)
        book = self.books[stream]
        reader = Reader(member, book, next_serial=len(book.sizes))
        if greeting is not None:
            data = self.next_frame(greeting)
            member.enqueue(data)
            reader.queue.append(Expected(data, None))
        book.log.attach(member)
        self.attached.append(reader)
        return reader

    @rule(audience=st.sampled_from([AUDIENCE_ALL, AUDIENCE_LIST, AUDIENCE_COUNT]), size=frame_sizes)
    def append(self, audience: int, size: int) -> None:
        data = self.next_frame(size)
        self.log.append(data, None, audience)
        self.record(data, None, audience)

    @rule(
        sender=readers,
        audience=st.sampled_from([AUDIENCE_ALL, AUDIENCE_ALL, AUDIENCE_LIST]),
        size=frame_sizes,
    )
    def append_from(self, sender: Reader, audience: int, size: int) -> None:
        if sender.member.stream:
            return
        data = self.next_frame(size)
        self.log.append(data, sender.member, audience)
        self.record(data, sender, audience)

    @rule(sender=readers, size=frame_sizes, count=st.integers(1, 20))
    def publish(self, sender: Reader, size: int, count: int) -> None:
        if sender.member.stream:
            return
        for _ in range(count):
            self.number += 1
            line_end = (b"", b"\n", b"\r\n")[self.number % 3]
            payload = b'{"id":%d,%s"pad":"%s"}' % (self.number, line_end, b"." * (size % 1_000))
            self.log.publish(payload, sender.member, self.stamper, self.number)
            data = self.stamper.stamp(sender.member.prefix, payload, self.number)
            self.record(data, sender, AUDIENCE_ALL)

    @rule(reader=readers, size=frame_sizes)
    def enqueue(self, reader: Reader, size: int) -> None:
        data = self.next_frame(size)
        reader.member.enqueue(data)
        reader.queue.append(Expected(data, None))

    @rule(reader=readers, share=st.floats(0.0, 1.0))
    def take_a_share(self, reader: Reader, share: float) -> None:
        self.take(reader, int(len(waiting(reader.member)) * share))

    @rule(reader=readers, size=st.integers(0, 12))
    def take_a_few_bytes(self, reader: Reader, size: int) -> None:
        self.take(reader, min(size, len(waiting(reader.member))))

    def take(self, reader: Reader, size: int) -> None:
        reader.member.advance(size)
        reader.advance(size)

    @rule(reader=readers)
    def take_all(self, reader: Reader) -> None:
        assert read_all(reader.member) == reader.contents()
        reader.advance(reader.bytes_waiting())
        assert not reader.member.is_behind
        assert reader.member.backlog_bytes == 0

    @rule(reader=readers)
    def take_too_much(self, reader: Reader) -> None:
        with refused():
            reader.member.advance(reader.bytes_waiting() + 1)

    @rule()
    def everybody_catches_up(self) -> None:
        for reader in self.attached:
            self.take_all(reader)
        for book in self.books:
            assert book.log.is_empty
            assert book.log.allocated_bytes == 0
            assert book.log.backlog_bytes == 0
            assert book.log.entry_count == 0

    @rule(reader=consumes(readers))
    def detach(self, reader: Reader) -> None:
        reader.book.log.detach(reader.member)
        self.attached.remove(reader)
        assert reader.member.log is None

    @rule(reader=readers)
    def leave_and_come_back(self, reader: Reader) -> None:
        self.take_all(reader)
        reader.book.log.detach(reader.member)
        reader.book.log.attach(reader.member)
        reader.next_serial = len(reader.book.sizes)

    @rule(reader=consumes(readers))
    def close(self, reader: Reader) -> None:
        last = reader.rest_of_frame() + (CLOSE_EVENT if reader.member.stream else CLOSE_1000)
        reader.member.close(1000)
        self.forget(reader)
        assert waiting(reader.member) == last
        assert reader.member.backlog_bytes == len(last)
        reader.member.close(1008)
        assert read_all(reader.member) == last

    @rule(reader=consumes(readers))
    def abort(self, reader: Reader) -> None:
        reader.member.abort()
        self.forget(reader)
        assert reader.member.gather() == []

    def forget(self, reader: Reader) -> None:
        self.attached.remove(reader)
        self.left.append(reader.member)

    @invariant()
    def members_agree(self) -> None:
        for book in self.books:
            members = [reader.member for reader in self.attached if reader.book is book]
            assert set(book.log.members) == set(members)
            assert book.log.member_count == len(members)
            assert book.log.list_count == sum(member.lists for member in members)
            assert all(self.log.find(member.uid.encode()) is member for member in members)
        assert self.owner.members_left == self.left

    @invariant()
    def what_waits_agrees(self) -> None:
        for reader in self.attached:
            shown, contents = waiting(reader.member), reader.contents()
            assert contents.startswith(shown)
            assert bool(shown) is bool(contents)
            # The cursor passes what is not meant for its member when it next moves, not when that is written.
            assert reader.member.is_behind or not contents
            assert reader.book.log.missed(reader.member) == reader.entries_not_begun()

    @invariant()
    def backlogs_agree(self) -> None:
        """No less than waits; no more than what was written since the member's last entry."""
        for book in self.books:
            log_most = 0
            here = [reader for reader in self.attached if reader.book is book]
            for reader in here:
                private = reader.bytes_waiting() - reader.log_bytes_waiting()
                since = sum(book.sizes[reader.next_serial :])
                assert reader.bytes_waiting() <= reader.member.backlog_bytes <= since + private
                log_most = max(log_most, since)
            least = max((reader.log_bytes_waiting() for reader in here), default=0)
            assert least <= book.log.backlog_bytes <= log_most
            assert book.log.backlog_bytes <= book.log.allocated_bytes
            assert book.log.is_empty is (book.log.entry_count == 0)
            assert least == 0 or not book.log.is_empty


def event_of(data: bytes) -> bytes:
    """What a text frame is in an event stream."""
    return encode_event(data[{126: 4, 127: 10}.get(data[1], 2) :])


LogMachine.TestCase.settings = settings(stateful_step_count=40)
TestLogModel = LogMachine.TestCase
