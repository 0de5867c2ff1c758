"""The log of a channel: who receives what, in which order, and what memory it holds meanwhile."""

from __future__ import annotations

import gc
import weakref

import pytest

from relay._core import AUDIENCE_ALL, AUDIENCE_COUNT, AUDIENCE_LIST, Log, Member, Stamper

from .channel import Owner, frame, join, new_member, prefix_of, read_all, take, waiting
from .wire import refused

BOOT = b"bootboot"


def assert_holds_nothing(log: Log) -> None:
    assert log.is_empty
    assert log.allocated_bytes == 0
    assert log.backlog_bytes == 0
    assert log.entry_count == 0


# Members


def test_a_new_log() -> None:
    log = Log()
    assert log.owner is None
    assert (log.members, log.member_count, log.list_count) == ([], 0, 0)
    assert_holds_nothing(log)


def test_the_owner_is_kept() -> None:
    owner = Owner()
    assert Log(owner).owner is owner


def test_attach_and_detach() -> None:
    owner = Owner()
    log = Log(owner)
    one, two = join(log, "u1"), join(log, "u2", lists=True)
    assert set(log.members) == {one, two}
    assert (log.member_count, log.list_count) == (2, 1)
    assert one.log is log
    log.detach(two)
    assert (log.members, log.member_count, log.list_count) == ([one], 1, 0)
    assert two.log is None
    assert one.log is log
    assert owner.left == []


def test_a_member_is_in_one_log() -> None:
    log, other = Log(), Log()
    member = join(log)
    for target in (log, other):
        with refused():
            target.attach(member)
    with refused():
        other.detach(member)
    assert (log.member_count, other.member_count) == (1, 0)
    log.detach(member)
    with refused():
        log.detach(member)
    other.attach(member)
    assert member.log is other


def test_what_waited_in_one_log_means_nothing_in_another() -> None:
    # Private frames are tied to a position of their log; in a younger log that position lies past the end.
    old, new = Log(), Log()
    member = join(old)
    old.append(frame(1, 5_000))
    read_all(member)
    member.enqueue(frame(2))
    old.detach(member)
    new.attach(member)
    assert waiting(member) in (b"", frame(2))
    new.append(frame(3))
    assert read_all(member) in (frame(3), frame(2) + frame(3))


def test_members_come_and_go_in_any_order() -> None:
    log = Log()
    members = [join(log, f"u{i}", lists=i % 3 == 0) for i in range(100)]
    for i in [*range(0, 100, 2), *range(99, 0, -2)]:
        log.detach(members[i])
        assert members[i] not in log.members
        assert log.member_count == len(log.members)
        assert log.list_count == sum(member.lists for member in log.members)
    assert_holds_nothing(log)


def test_find() -> None:
    log = Log()
    members = {f"uid-{i}": join(log, f"uid-{i}") for i in range(200)}
    for uid, member in members.items():
        assert log.find(uid.encode()) is member
    others = [b"", b"uid-", b"uid-200", b"uid-1\x00", b"UID-1", b'uid-1"', b"\xff", b"u" * 1_000]
    assert [log.find(other) for other in others] == [None] * len(others)
    log.detach(members["uid-7"])
    assert log.find(b"uid-7") is None
    assert log.find(b"uid-8") is members["uid-8"]


def test_find_while_members_come_and_go() -> None:
    # A table of uids that forgets how its collisions are chained loses members when others leave.
    log, attached = Log(), {}
    for i in range(2_000):
        uid = f"m{i * 7919 % 10_007}"
        attached[uid] = join(log, uid)
        if i % 3 == 2:
            gone = next(iter(attached))
            log.detach(attached.pop(gone))
            assert log.find(gone.encode()) is None
    for uid, member in attached.items():
        assert log.find(uid.encode()) is member
    assert log.member_count == len(attached)


def test_two_members_may_share_a_uid() -> None:
    # A party connection that comes back does not wait for the old one to go.
    log = Log()
    old, new = join(log, "same"), join(log, "same")
    assert log.find(b"same") in (old, new)
    log.detach(old)
    assert log.find(b"same") is new
    log.append(frame(1))
    assert read_all(new) == frame(1)


def test_the_log_keeps_its_members_alive() -> None:
    log = Log()
    for i in range(50):
        join(log, f"u{i}")
    gc.collect()
    log.append(frame(1))
    assert [read_all(member) for member in log.members] == [frame(1)] * 50


def test_a_member_outlives_its_log() -> None:
    member = join(Log())
    member.enqueue(frame(1))
    gc.collect()
    assert member.log is None
    member.enqueue(frame(2))
    member.abort()
    assert member.gather() == []


def test_a_channel_that_is_dropped_is_collected() -> None:
    owner = Owner()
    owner.log = Log(owner)  # type: ignore[attr-defined]
    join(owner.log, "u1")  # type: ignore[attr-defined]
    owner.log.append(frame(1))  # type: ignore[attr-defined]
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None


# Who receives


def test_the_audiences() -> None:
    assert AUDIENCE_ALL == 0
    assert len({AUDIENCE_ALL, AUDIENCE_LIST, AUDIENCE_COUNT}) == 3


def test_each_audience_receives_its_own() -> None:
    log = Log()
    plain, lister = join(log, "u1"), join(log, "u2", lists=True)
    log.append(frame(1), None, AUDIENCE_ALL)
    log.append(frame(2), None, AUDIENCE_LIST)
    log.append(frame(3), None, AUDIENCE_COUNT)
    log.append(frame(4))
    assert (log.missed(plain), log.missed(lister)) == (3, 3)
    assert read_all(plain) == frame(1) + frame(3) + frame(4)
    assert read_all(lister) == frame(1) + frame(2) + frame(4)
    assert_holds_nothing(log)


def test_a_sender_is_left_out_unless_it_has_echo() -> None:
    log = Log()
    quiet, echoing, other = join(log, "u1"), join(log, "u2", echo=True), join(log, "u3")
    log.append(frame(1), quiet)
    log.append(frame(2), echoing)
    log.append(frame(3), other)
    assert read_all(quiet) == frame(2) + frame(3)
    assert read_all(echoing) == frame(1) + frame(2) + frame(3)
    assert read_all(other) == frame(1) + frame(2)
    assert_holds_nothing(log)


def test_echo_does_not_widen_an_audience() -> None:
    log = Log()
    sender = join(log, "u1", echo=True)
    join(log, "u2", lists=True)
    log.append(frame(1), sender, AUDIENCE_LIST)
    assert waiting(sender) == b""
    log.append(frame(2), sender, AUDIENCE_COUNT)
    assert read_all(sender) == frame(2)


def test_a_member_reads_what_is_appended_from_its_joining_on() -> None:
    log = Log()
    early = join(log, "u1")
    log.append(frame(1))
    late = join(log, "u2")
    log.append(frame(2))
    assert (log.missed(early), log.missed(late)) == (2, 1)
    assert read_all(late) == frame(2)
    assert read_all(early) == frame(1) + frame(2)


def test_a_sender_must_be_attached_here() -> None:
    log, other = Log(), Log()
    reader = join(log)
    gone = join(log, "u2")
    log.detach(gone)
    for sender in (new_member("u3"), join(other, "u4"), gone):
        with refused():
            log.append(frame(1), sender)
    assert waiting(reader) == b""
    assert_holds_nothing(log)


def test_what_a_member_sent_stays_after_it_has_left() -> None:
    log = Log()
    sender, reader = join(log, "u1"), join(log, "u2")
    log.append(frame(1), sender)
    log.detach(sender)
    del sender
    gc.collect()
    # A new member must not be taken for the sender that was, should it get the same memory.
    late = join(log, "u3")
    log.append(frame(2))
    assert read_all(reader) == frame(1) + frame(2)
    assert read_all(late) == frame(2)


def test_a_new_member_in_the_place_of_one_that_left_is_no_sender() -> None:
    log = Log()
    reader, sender = join(log, "reader"), join(log, "sender")
    log.append(frame(1), sender)
    log.detach(sender)
    members = [join(log, f"u{i}") for i in range(20)]
    log.append(frame(2), members[0])
    assert [read_all(member) for member in members] == [b""] + [frame(2)] * 19
    assert read_all(reader) == frame(1) + frame(2)


@pytest.mark.parametrize("value", ["text", 5, None])
def test_only_bytes_are_appended(value: object) -> None:
    with pytest.raises(TypeError):
        Log().append(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [b"member", 5, None])
def test_only_members_are_attached(value: object) -> None:
    log = Log()
    with pytest.raises(TypeError):
        log.attach(value)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        log.detach(value)  # type: ignore[arg-type]


# Publishing


@pytest.mark.parametrize("payload", [b'{"id":7}', b'["id"]'])
def test_publish_writes_what_the_stamper_stamps(payload: bytes) -> None:
    log, stamper = Log(), Stamper(BOOT)
    sender, reader, echoing = join(log, "u1"), join(log, "u2"), join(log, "u3", echo=True)
    log.publish(payload, sender, stamper, 1_760_000_000_000)
    log.publish(payload, echoing, stamper, 1_760_000_000_001)
    one = stamper.stamp(prefix_of("u1"), payload, 1_760_000_000_000)
    two = stamper.stamp(prefix_of("u3"), payload, 1_760_000_000_001)
    assert (log.missed(sender), log.missed(reader), log.missed(echoing)) == (1, 2, 2)
    assert read_all(sender) == two
    assert read_all(reader) == one + two
    assert read_all(echoing) == one + two
    assert_holds_nothing(log)


@pytest.mark.parametrize("length", [*range(131), 65_400, 65_450, 65_480, 70_000])
def test_publish_frames_every_length(length: int) -> None:
    log, stamper, payload = Log(), Stamper(BOOT), b'["id"]' + b" " * length
    sender, reader = join(log, "u1"), join(log, "u2")
    log.append(frame(1))
    log.publish(payload, sender, stamper, 5)
    log.append(frame(2))
    stamped = stamper.stamp(prefix_of("u1"), payload, 5)
    assert read_all(reader) == frame(1) + stamped + frame(2)
    assert read_all(sender) == frame(1) + frame(2)


def test_publish_and_stamp_share_one_run_of_ids() -> None:
    log, stamper = Log(), Stamper(BOOT)
    sender = join(log, "u1", echo=True)
    frames = set()
    for _ in range(500):
        log.publish(b"1", sender, stamper, 5)
        frames.add(read_all(sender))
        frames.add(stamper.stamp(prefix_of("u1"), b"1", 5))
    assert len(frames) == 1_000


# Memory


def test_nobody_to_read_it_nothing_held() -> None:
    log = Log()
    log.append(frame(1, 10_000))
    assert_holds_nothing(log)


def test_nothing_is_held_once_all_have_caught_up() -> None:
    log = Log()
    members = [join(log, f"u{i}") for i in range(3)]
    for number in range(100):
        log.append(frame(number, 1_000))
    total = sum(len(frame(number, 1_000)) for number in range(100))
    assert log.backlog_bytes == total
    assert log.entry_count == 100
    assert log.allocated_bytes >= total
    for member in members:
        assert not log.is_empty
        assert len(read_all(member)) == total
    assert_holds_nothing(log)


def test_nothing_is_held_once_the_slow_one_has_left() -> None:
    log = Log()
    fast, slow = join(log, "u1"), join(log, "u2")
    log.append(frame(1, 5_000))
    read_all(fast)
    assert log.backlog_bytes == len(frame(1, 5_000))
    log.detach(slow)
    assert_holds_nothing(log)


def test_nothing_is_held_once_all_have_left() -> None:
    log = Log()
    members = [join(log, f"u{i}") for i in range(3)]
    log.append(frame(1, 5_000))
    for member in members:
        log.detach(member)
    assert_holds_nothing(log)


def test_a_log_that_was_emptied_works_again() -> None:
    log = Log()
    member = join(log)
    for number in range(20):
        log.append(frame(number, 500))
        assert read_all(member) == frame(number, 500)
        assert_holds_nothing(log)


def test_one_copy_however_many_members() -> None:
    log = Log()
    for i in range(500):
        join(log, f"u{i}")
    log.append(frame(1, 10_000))
    assert log.allocated_bytes < 500 * 10_000 / 4


def test_a_reader_that_always_lags_a_little_does_not_let_the_log_grow() -> None:
    # The log is never empty here: what the slowest has read must be let go all the same.
    log = Log()
    member, number = join(log), 0
    for number in range(4):
        log.append(frame(number, 1_000))
    size = len(frame(0, 1_000))
    for number in range(4, 4_000):
        log.append(frame(number, 1_000))
        taken = take(member, size)
        assert taken == frame(number - 4, 1_000)[:size]
        assert log.backlog_bytes == 4 * size
        assert log.entry_count < 100
        assert log.allocated_bytes < 1_024 * 1_024
    assert log.missed(member) == 4


@pytest.mark.parametrize("audience", [AUDIENCE_ALL, AUDIENCE_COUNT])
def test_the_index_of_a_reader_that_always_lags_does_not_grow_either(audience: int) -> None:
    log = Log()
    member, small, batch = join(log), frame(1, 4), 500
    log.append(small, None, audience)
    for _ in range(400):
        for _ in range(batch):
            log.append(small, None, audience)
        assert take(member, batch * len(small)) == batch * small
        assert log.backlog_bytes == len(small)
        assert log.entry_count <= 2 * batch
        assert log.allocated_bytes < 1_024 * 1_024


def test_readers_that_always_lag_receive_their_own() -> None:
    # What is let go of meanwhile: bytes, entries, the lists of a sender's own and of an audience's entries.
    log = Log()
    plain, lister, sender = join(log, "u1"), join(log, "u2", lists=True), join(log, "u3")
    expected: dict[Member, bytes] = dict.fromkeys((plain, lister, sender), b"")
    lag = 300
    for number in range(4_000):
        data = frame(number, 20 + number % 7)
        match number % 5:
            case 0 | 3:
                log.append(data, sender)
                readers = [plain, lister]
            case 1:
                log.append(data, None, AUDIENCE_LIST)
                readers = [lister]
            case 2:
                log.append(data, None, AUDIENCE_COUNT)
                readers = [plain, sender]
            case _:
                log.append(data)
                readers = [plain, lister, sender]
        for member in readers:
            expected[member] += data
        for member in expected:
            ready = max(len(expected[member]) - lag, 0)
            assert take(member, ready) == expected[member][:ready]
            expected[member] = expected[member][ready:]
        assert log.backlog_bytes < 2_000
    assert [read_all(member) for member in expected] == list(expected.values())
    assert_holds_nothing(log)


def test_backlog_is_that_of_the_slowest() -> None:
    log = Log()
    fast, slow = join(log, "u1"), join(log, "u2")
    for number in range(10):
        log.append(frame(number))
    assert log.backlog_bytes == slow.backlog_bytes == fast.backlog_bytes == 10 * len(frame(0))
    read_all(fast)
    assert fast.backlog_bytes == 0
    assert log.backlog_bytes == slow.backlog_bytes == 10 * len(frame(0))
    take(slow, 3)
    assert slow.backlog_bytes == 10 * len(frame(0)) - 3
    assert log.backlog_bytes <= 10 * len(frame(0))


def test_missed_counts_whole_entries_not_begun() -> None:
    log = Log()
    member, size = join(log), len(frame(0))
    for number in range(5):
        log.append(frame(number))
    for taken, missed in [
        (0, 5),
        (1, 4),
        (size - 2, 4),
        (1, 4),
        (1, 3),
        (2 * size, 1),
        (size, 0),
    ]:
        take(member, taken)
        assert log.missed(member) == missed


def test_missed_leaves_out_what_is_not_meant_for_the_member() -> None:
    log = Log()
    member = join(log)
    log.append(frame(1), member)
    log.append(frame(2), None, AUDIENCE_LIST)
    log.append(frame(3))
    member.enqueue(frame(4))
    assert log.missed(member) == 1


# Closing


def test_close_members_closes_each_once() -> None:
    owner = Owner()
    log = Log(owner)
    members = [join(log, f"u{i}") for i in range(10)]
    log.append(frame(1))
    log.close_members(1001, "over")
    assert sorted(m.uid for m in owner.members_left) == sorted(m.uid for m in members)
    assert (log.member_count, log.members) == (0, [])
    assert_holds_nothing(log)
    for member in members:
        assert member.log is None
        assert waiting(member) == b"\x88\x06\x03\xe9over"
    log.close_members(1001, "over")
    assert len(owner.left) == 10


class ChattyOwner(Owner):
    """Tells those who remain that one has left, as a channel does."""

    log: Log

    def on_leave(self, member: Member, is_lingering: bool) -> None:
        super().on_leave(member, is_lingering)
        self.log.append(frame(len(self.left)))


class RuthlessOwner(Owner):
    """Closes everybody as soon as anybody leaves."""

    log: Log

    def on_leave(self, member: Member, is_lingering: bool) -> None:
        super().on_leave(member, is_lingering)
        self.log.close_members(1001)


@pytest.mark.parametrize("kind", [ChattyOwner, RuthlessOwner])
def test_the_owner_may_use_the_log_while_it_is_told(
    kind: type[ChattyOwner | RuthlessOwner],
) -> None:
    owner = kind()
    owner.log = log = Log(owner)
    members = [join(log, f"u{i}") for i in range(10)]
    log.close_members(1012)
    assert sorted(m.uid for m in owner.members_left) == sorted(m.uid for m in members)
    assert [waiting(member) for member in members] == [
        b"\x88\x02\x03\xf4"
    ] * 10 or kind is RuthlessOwner
    assert all(waiting(member)[:2] == b"\x88\x02" for member in members)
    assert_holds_nothing(log)
