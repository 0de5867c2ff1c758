"""Log and members against a model that is a list of frames for each member: any order of joining, writing and reading."""

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

from relay._core import AUDIENCE_ALL, AUDIENCE_COUNT, AUDIENCE_LIST, Log, Member, Stamper

from .channel import Owner, frame, new_member, read_all, waiting
from .wire import refused

BOOT = b"bootboot"
CLOSE_1000 = b"\x88\x02\x03\xe8"

frame_sizes = st.sampled_from([8, 9, 20, 125, 126, 300]) | st.integers(8, 80) | st.just(70_000)


@dataclass
class Expected:
    """A frame that a member must still be sent; `serial` counts the log's entries, None when it is private."""

    data: bytes
    serial: int | None


@dataclass(eq=False)
class Reader:
    """The model of one member: a queue, and how much of its first frame has gone."""

    member: Member
    joined_at: int
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
        self.stamper = Stamper(BOOT)
        self.attached: list[Reader] = []
        self.left: list[Member] = []
        self.sizes: list[int] = []
        self.number = 0

    def next_frame(self, size: int) -> bytes:
        self.number += 1
        return frame(self.number, size)

    def record(self, data: bytes, sender: Reader | None, audience: int) -> None:
        for reader in self.attached:
            member = reader.member
            if reader is sender and not member.echo:
                continue
            if audience == AUDIENCE_ALL or member.lists == (audience == AUDIENCE_LIST):
                reader.queue.append(Expected(data, len(self.sizes)))
        self.sizes.append(len(data))

    @rule(target=readers, echo=st.booleans(), lists=st.booleans(), greeting=st.none() | frame_sizes)
    def join(self, echo: bool, lists: bool, greeting: int | None) -> Reader:
        member = new_member(f"u{self.number}", echo=echo, lists=lists)
        reader = Reader(member, len(self.sizes), next_serial=len(self.sizes))
        if greeting is not None:
            data = self.next_frame(greeting)
            member.enqueue(data)
            reader.queue.append(Expected(data, None))
        self.log.attach(member)
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
        data = self.next_frame(size)
        self.log.append(data, sender.member, audience)
        self.record(data, sender, audience)

    @rule(sender=readers, size=frame_sizes, count=st.integers(1, 20))
    def publish(self, sender: Reader, size: int, count: int) -> None:
        for _ in range(count):
            self.number += 1
            payload = b'{"id":%d,"pad":"%s"}' % (self.number, b"." * (size % 1_000))
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
        assert self.log.is_empty
        assert self.log.allocated_bytes == 0
        assert self.log.backlog_bytes == 0
        assert self.log.entry_count == 0

    @rule(reader=consumes(readers))
    def detach(self, reader: Reader) -> None:
        self.log.detach(reader.member)
        self.attached.remove(reader)
        assert reader.member.log is None

    @rule(reader=readers)
    def leave_and_come_back(self, reader: Reader) -> None:
        self.take_all(reader)
        self.log.detach(reader.member)
        self.log.attach(reader.member)
        reader.next_serial = len(self.sizes)

    @rule(reader=consumes(readers))
    def close(self, reader: Reader) -> None:
        rest = reader.rest_of_frame()
        reader.member.close(1000)
        self.forget(reader)
        assert waiting(reader.member) == rest + CLOSE_1000
        assert reader.member.backlog_bytes == len(rest + CLOSE_1000)
        reader.member.close(1008)
        assert read_all(reader.member) == rest + CLOSE_1000

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
        members = [reader.member for reader in self.attached]
        assert set(self.log.members) == set(members)
        assert self.log.member_count == len(members)
        assert self.log.list_count == sum(member.lists for member in members)
        assert all(self.log.find(member.uid.encode()) is not None for member in members)
        assert self.owner.members_left == self.left

    @invariant()
    def what_waits_agrees(self) -> None:
        for reader in self.attached:
            shown, contents = waiting(reader.member), reader.contents()
            assert contents.startswith(shown)
            assert bool(shown) is bool(contents)
            # The cursor passes what is not meant for its member when it next moves, not when that is written.
            assert reader.member.is_behind or not contents
            assert self.log.missed(reader.member) == reader.entries_not_begun()

    @invariant()
    def backlogs_agree(self) -> None:
        """No less than waits; no more than what was written since the member's last entry."""
        log_most = 0
        for reader in self.attached:
            private = reader.bytes_waiting() - reader.log_bytes_waiting()
            since = sum(self.sizes[reader.next_serial :])
            assert reader.bytes_waiting() <= reader.member.backlog_bytes <= since + private
            log_most = max(log_most, since)
        least = max((reader.log_bytes_waiting() for reader in self.attached), default=0)
        assert least <= self.log.backlog_bytes <= log_most
        assert self.log.backlog_bytes <= self.log.allocated_bytes
        assert self.log.is_empty is (self.log.entry_count == 0)
        assert least == 0 or not self.log.is_empty


LogMachine.TestCase.settings = settings(stateful_step_count=40)
TestLogModel = LogMachine.TestCase
