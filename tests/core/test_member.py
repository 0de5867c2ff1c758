"""A member: what it is, what waits for it alone, and how it leaves. None of these has a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from relay._core import Log, Member

from .channel import Owner, frame, join, new_member, prefix_of, read_all, take, waiting
from .wire import refused

if TYPE_CHECKING:
    from collections.abc import Callable

CLOSE_1000 = b"\x88\x02\x03\xe8"


# What it is


def test_what_a_member_is_made_of() -> None:
    prefix = b'"uid":"abc-_9","alias":"Ada \\"x\\"","date":'
    member = Member(prefix, echo=True, announce=True, lists=True, verbatim=True)
    assert (member.uid, member.prefix) == ("abc-_9", prefix)
    assert (member.echo, member.announce, member.lists, member.verbatim) == (True,) * 4


def test_what_a_member_is_unless_told() -> None:
    member = new_member("u1")
    assert (member.echo, member.announce, member.lists, member.verbatim) == (False,) * 4
    assert member.log is None
    assert member.fileno == -1
    assert not member.is_behind
    assert member.backlog_bytes == 0
    assert member.gather() == []


@pytest.mark.parametrize("flag", ["echo", "announce", "lists", "verbatim"])
def test_each_flag_is_its_own(flag: str) -> None:
    member = Member(prefix_of("u1"), **{flag: True})
    flags = {name: getattr(member, name) for name in ("echo", "announce", "lists", "verbatim")}
    assert flags == {name: name == flag for name in flags}


@pytest.mark.parametrize("uid", ["", "a", "abcdef", "A-_9" * 10, "u" * 255, "日本"])
def test_the_uid_is_read_from_the_prefix(uid: str) -> None:
    assert Member(prefix_of(uid)).uid == uid


def test_a_verbatim_member_needs_no_prefix() -> None:
    assert Member(b"", verbatim=True).uid == ""


@pytest.mark.parametrize(
    "prefix", [b"uid", b'"uid"', b'"uid":', b'"uid":"', b'"uid":"abc', b'"alias":"a","uid":"b"']
)
def test_a_prefix_without_a_uid(prefix: bytes) -> None:
    with refused():
        Member(prefix)


def test_only_verbatim_members_go_without_a_prefix() -> None:
    with refused():
        Member(b"")


@pytest.mark.parametrize("value", ["text", 5, None])
def test_only_bytes(value: object) -> None:
    with pytest.raises(TypeError):
        Member(value)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        new_member().enqueue(value)  # type: ignore[arg-type]


# What waits for it


def test_private_frames_keep_their_place() -> None:
    log = Log()
    member, other = join(log, "u1"), join(log, "u2")
    member.enqueue(frame(1))
    log.append(frame(2))
    member.enqueue(frame(3))
    member.enqueue(frame(4))
    log.append(frame(5))
    log.append(frame(6))
    member.enqueue(frame(7))
    assert read_all(member) == b"".join(frame(number) for number in range(1, 8))
    assert read_all(other) == frame(2) + frame(5) + frame(6)


def test_a_private_frame_behind_what_is_not_meant_for_the_member() -> None:
    log = Log()
    member, other = join(log, "u1"), join(log, "u2")
    log.append(frame(1), member)
    member.enqueue(frame(2))
    log.append(frame(3), member)
    log.append(frame(4), other)
    assert read_all(member) == frame(2) + frame(4)


def test_a_frame_queued_before_joining_comes_first() -> None:
    log = Log()
    join(log, "other")
    log.append(frame(1))
    member = new_member("u1")
    member.enqueue(frame(2))
    assert member.backlog_bytes == len(frame(2))
    log.attach(member)
    log.append(frame(3))
    assert read_all(member) == frame(2) + frame(3)


def test_a_private_queue_alone_makes_a_member_behind() -> None:
    log = Log()
    member = join(log)
    member.enqueue(frame(1))
    assert member.is_behind
    assert member.backlog_bytes == len(frame(1))
    assert log.backlog_bytes == 0
    assert log.is_empty
    assert read_all(member) == frame(1)
    assert not member.is_behind


def test_an_empty_private_frame_is_nothing() -> None:
    log = Log()
    member = join(log)
    member.enqueue(b"")
    assert not member.is_behind
    assert waiting(member) == b""


def test_gathering_takes_nothing() -> None:
    log = Log()
    member = join(log)
    log.append(frame(1))
    member.enqueue(frame(2))
    assert waiting(member) == waiting(member) == frame(1) + frame(2)
    assert member.backlog_bytes == len(frame(1) + frame(2))


def test_gather_shows_no_empty_piece() -> None:
    log = Log()
    member, other = join(log, "u1"), join(log, "u2")
    for number in range(20):
        log.append(frame(number), member if number % 2 else other)
        member.enqueue(frame(100 + number))
    assert all(member.gather())


@pytest.mark.parametrize("step", [1, 2, 3, 7, 11, 12, 13, 1_000])
def test_advance_by_any_step(step: int) -> None:
    log = Log()
    member, expected = join(log, "u1"), b""
    other = join(log, "u2")
    for number in range(10):
        log.append(frame(number))
        log.append(frame(number + 500), member)
        member.enqueue(frame(number + 100))
        log.append(frame(number + 200), other)
        expected += frame(number) + frame(number + 100) + frame(number + 200)
    for start in range(0, len(expected), step):
        piece = expected[start : start + step]
        assert member.backlog_bytes >= len(expected) - start
        assert take(member, len(piece)) == piece
    assert not member.is_behind
    assert member.gather() == []


def test_advance_by_nothing() -> None:
    log = Log()
    member = join(log)
    member.advance(0)
    member.enqueue(frame(1))
    member.advance(0)
    assert waiting(member) == frame(1)


def test_advance_by_more_than_waits() -> None:
    log = Log()
    member = join(log)
    with refused():
        member.advance(1)
    log.append(frame(1))
    member.enqueue(frame(2))
    with refused():
        member.advance(len(frame(1) + frame(2)) + 1)
    assert read_all(member) == frame(1) + frame(2)


def test_advance_by_less_than_nothing() -> None:
    log = Log()
    member = join(log)
    member.enqueue(frame(1))
    with pytest.raises((ValueError, OverflowError)):
        member.advance(-1)
    assert waiting(member) == frame(1)


def test_many_pieces() -> None:
    # More than one sendmsg takes (IOV_MAX is 1024 on Linux), log and private frames in turn.
    log = Log()
    member, expected = join(log), []
    for number in range(3_000):
        log.append(frame(number))
        member.enqueue(frame(number + 10_000))
        expected += [frame(number), frame(number + 10_000)]
    assert read_all(member) == b"".join(expected)
    assert log.is_empty


def test_long_runs_are_one_piece() -> None:
    # What the design rests on: a hundred messages are one iovec, not a hundred.
    log = Log()
    member = join(log)
    for number in range(100):
        log.append(frame(number))
    assert len(member.gather()) <= 10


# How it leaves


def test_detached_with_frames_waiting() -> None:
    owner = Owner()
    log = Log(owner)
    member = join(log)
    log.append(frame(1))
    log.detach(member)
    assert member.log is None
    assert owner.left == []
    assert log.is_empty


def test_close_leaves_and_shows_a_close_frame() -> None:
    owner = Owner()
    log = Log(owner)
    member, other = join(log, "u1"), join(log, "u2")
    member.close(1008, "rate limit")
    assert owner.members_left == [member]
    assert member.log is None
    assert log.members == [other]
    assert read_all(member) == b"\x88\x0c\x03\xf0rate limit"
    assert not member.is_behind


def test_close_skips_what_was_not_begun() -> None:
    log = Log(Owner())
    member = join(log)
    member.enqueue(frame(1))
    log.append(frame(2))
    member.enqueue(frame(3))
    member.close(1000)
    assert waiting(member) == CLOSE_1000
    assert member.backlog_bytes == len(CLOSE_1000)
    assert log.is_empty
    assert log.allocated_bytes == 0


def _log_first(log: Log, member: Member) -> None:
    log.append(frame(1, 300))
    member.enqueue(frame(2))
    log.append(frame(3))


def _private_first(log: Log, member: Member) -> None:
    member.enqueue(frame(1, 300))
    log.append(frame(2))
    member.enqueue(frame(3))


@pytest.mark.parametrize("fill", [_log_first, _private_first])
@pytest.mark.parametrize("sent", [1, 2, 3, 5, 150, 302, 303])
def test_close_finishes_a_frame_half_sent(fill: Callable[[Log, Member], None], sent: int) -> None:
    # A close frame in the middle of another would be read as its payload.
    log = Log(Owner())
    member = join(log)
    fill(log, member)
    assert take(member, sent) == frame(1, 300)[:sent]
    member.close(1000)
    assert member.backlog_bytes == len(frame(1, 300)) - sent + len(CLOSE_1000)
    assert read_all(member) == frame(1, 300)[sent:] + CLOSE_1000
    assert member.backlog_bytes == 0
    assert log.is_empty
    assert log.allocated_bytes == 0


@pytest.mark.parametrize("fill", [_log_first, _private_first])
def test_close_between_frames(fill: Callable[[Log, Member], None]) -> None:
    log = Log(Owner())
    member = join(log)
    fill(log, member)
    take(member, len(frame(1, 300)))
    member.close(1000)
    assert read_all(member) == CLOSE_1000


def test_close_finishes_the_half_sent_frame_of_many() -> None:
    size = len(frame(0))
    for sent in range(5 * size):
        log = Log(Owner())
        member = join(log)
        for number in range(5):
            log.append(frame(number))
        take(member, sent)
        member.close(1000)
        rest = frame(sent // size)[sent % size :] if sent % size else b""
        assert read_all(member) == rest + CLOSE_1000, sent


def test_the_half_sent_frame_of_one_that_left_outlives_the_log() -> None:
    log = Log(Owner())
    member, other = join(log, "u1"), join(log, "u2")
    log.append(frame(1, 300))
    take(member, 100)
    member.close(1000)
    read_all(other)
    for number in range(50):
        log.append(frame(number + 2, 300))
    read_all(other)
    assert read_all(member) == frame(1, 300)[100:] + CLOSE_1000


def test_the_second_close_does_nothing() -> None:
    owner = Owner()
    log = Log(owner)
    member = join(log)
    member.close(1000)
    member.close(1008, "again")
    assert len(owner.left) == 1
    assert read_all(member) == CLOSE_1000
    member.close(1008, "and again")
    assert read_all(member) == b""
    assert len(owner.left) == 1


def test_nothing_follows_a_close_frame() -> None:
    # RFC 6455 section 5.5.1: "MUST NOT send any more data frames after sending a Close frame".
    log = Log(Owner())
    member = join(log)
    member.close(1000)
    member.enqueue(frame(1))
    log.append(frame(2))
    assert read_all(member) == CLOSE_1000
    member.enqueue(frame(3))
    assert read_all(member) == b""


def test_a_long_reason_is_cut() -> None:
    log = Log(Owner())
    member = join(log)
    member.close(1011, "é" * 100)
    assert read_all(member) == b"\x88\x7c\x03\xf3" + "é".encode() * 61


def test_a_member_that_closes_is_not_attached_again() -> None:
    log = Log(Owner())
    member = join(log)
    member.close(1000)
    assert log.find(b"u1") is None
    with refused():
        log.detach(member)


def test_close_without_an_owner() -> None:
    log = Log()
    member = join(log)
    member.close(1000)
    assert log.member_count == 0
    assert read_all(member) == CLOSE_1000


def test_close_before_joining() -> None:
    member = new_member()
    member.close(1000)
    assert read_all(member) == CLOSE_1000


def test_abort_leaves_and_forgets() -> None:
    owner = Owner()
    log = Log(owner)
    member = join(log)
    log.append(frame(1))
    member.enqueue(frame(2))
    take(member, 1)
    member.abort()
    assert owner.left == [(member, False)]
    assert member.log is None
    assert member.gather() == []
    assert not member.is_behind
    assert member.backlog_bytes == 0
    assert log.is_empty
    member.abort()
    assert len(owner.left) == 1


def test_abort_after_close_tells_nobody_again() -> None:
    owner = Owner()
    log = Log(owner)
    member = join(log)
    member.close(1000)
    member.abort()
    assert len(owner.left) == 1
    assert member.gather() == []


def test_close_after_abort_does_nothing() -> None:
    owner = Owner()
    log = Log(owner)
    member = join(log)
    member.abort()
    member.close(1000)
    assert len(owner.left) == 1
    assert member.gather() == []


def test_abort_before_joining() -> None:
    member = new_member()
    member.enqueue(frame(1))
    member.abort()
    assert member.gather() == []


class CurtOwner(Owner):
    """Aborts a member while it is told that the member leaves."""

    def on_leave(self, member: Member, is_lingering: bool) -> None:
        super().on_leave(member, is_lingering)
        member.close(1011)
        member.abort()


def test_the_owner_may_abort_the_member_it_is_told_of() -> None:
    owner = CurtOwner()
    log = Log(owner)
    member = join(log)
    member.close(1000)
    assert len(owner.left) == 1
    assert member.gather() == []
