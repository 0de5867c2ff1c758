"""A slow consumer that is spared its oldest messages: what it is told it missed, and what it is sent, are all there was."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from relay._core import AUDIENCE_COUNT, AUDIENCE_LIST, Log, Member, Stamper

from .channel import frame, join, read_all, take, waiting
from .wire import TEXT, frames_in, server_frame

BOOT = b"bootboot"
LIMIT = 4000


def gap(missed: int) -> bytes:
    return server_frame(TEXT, b"gap %d" % missed)


def skip(member: Member, limit: int = LIMIT) -> int:
    """As the reactor does it: whatever is missed is told of."""
    missed = member.skip(limit)
    if missed:
        member.tell_gap(gap(missed), missed)
    return missed


@pytest.fixture
def log() -> Log:
    return Log()


def fill(log: Log, sender: Member, count: int, first: int = 0) -> list[bytes]:
    """So many messages of about 100 bytes; the payloads that tell them apart."""
    stamper = Stamper(BOOT)
    payloads = [b'"%05d%s"' % (first + i, b"x" * 40) for i in range(count)]
    for payload in payloads:
        log.publish(payload, sender, stamper, 0)
    return payloads


def numbers_of(data: bytes) -> list[str]:
    """Message numbers and gaps in the order in which they came, in whole frames."""
    found = []
    for _, payload in frames_in(data):
        if payload.startswith(b"gap "):
            found.append(payload.decode())
        elif b'"message":"' in payload:
            found.append(str(int(payload.partition(b'"message":"')[2][:5])))
        else:
            found.append("event")
    return found


@pytest.mark.parametrize(("is_message", "missed"), [(False, 0), (True, 40)])
def test_what_is_appended_counts_when_it_is_a_message(
    log: Log, is_message: bool, missed: int
) -> None:
    join(log, "a")
    slow = join(log, "b")
    for number in range(60):
        log.append(frame(number, 98), is_message=is_message)
    assert skip(slow) == missed


def test_nothing_is_skipped_at_the_limit(log: Log) -> None:
    sender, slow = join(log, "a"), join(log, "b")
    fill(log, sender, 20)
    assert skip(slow, slow.backlog_bytes) == 0
    assert numbers_of(read_all(slow)) == [str(i) for i in range(20)]


def test_above_the_limit_the_oldest_go_until_half_is_left(log: Log) -> None:
    sender, slow = join(log, "a"), join(log, "b")
    fill(log, sender, 20)
    limit = slow.backlog_bytes - 1
    missed = skip(slow, limit)
    assert 10 <= missed < 13
    assert slow.backlog_bytes <= limit // 2 + len(gap(missed))
    assert numbers_of(read_all(slow)) == [f"gap {missed}", *(str(i) for i in range(missed, 20))]


def test_the_frame_under_way_is_finished_first(log: Log) -> None:
    sender, slow = join(log, "a"), join(log, "b")
    fill(log, sender, 60)
    begun = take(slow, 150)
    missed = skip(slow)
    numbers = numbers_of(begun + read_all(slow))
    assert numbers[:3] == ["0", "1", f"gap {missed}"]
    assert numbers[3:] == [str(i) for i in range(2 + missed, 60)]


def test_a_second_gap_before_the_first_was_told_is_one_gap(log: Log) -> None:
    sender, slow = join(log, "a"), join(log, "b")
    fill(log, sender, 60)
    first = skip(slow)
    fill(log, sender, 60, first=60)
    both = skip(slow)
    assert both > first
    assert numbers_of(read_all(slow)) == [f"gap {both}", *(str(i) for i in range(both, 120))]


def test_a_gap_that_is_being_told_is_told_whole_before_the_next(log: Log) -> None:
    sender, slow = join(log, "a"), join(log, "b")
    fill(log, sender, 60)
    first = skip(slow)
    begun = take(slow, 3)
    fill(log, sender, 60, first=60)
    second = skip(slow)
    numbers = numbers_of(begun + read_all(slow))
    assert numbers[:2] == [f"gap {first}", f"gap {second}"]
    assert numbers[2:] == [str(i) for i in range(first + second, 120)]


def test_joins_and_leaves_are_not_counted(log: Log) -> None:
    sender, slow = join(log, "a"), join(log, "b")
    for i in range(60):
        fill(log, sender, 1, first=i)
        log.append(frame(i, 60), None)
    missed = skip(slow)
    numbers = [n for n in numbers_of(read_all(slow)) if n != "event"]
    assert numbers == [f"gap {missed}", *(str(i) for i in range(missed, 60))]


def test_its_own_messages_are_not_counted(log: Log) -> None:
    sender, slow = join(log, "a"), join(log, "b")
    for i in range(0, 100, 2):
        fill(log, sender, 1, first=i)
        fill(log, slow, 1, first=i + 1)
    missed = skip(slow)
    assert numbers_of(read_all(slow)) == [
        f"gap {missed}",
        *(str(i) for i in range(missed * 2, 100, 2)),
    ]
    assert log.is_empty is False
    read_all(sender)
    assert log.is_empty


def test_direct_messages_go_and_are_counted_when_they_are_the_flood(log: Log) -> None:
    slow = join(log, "b")
    for i in range(100):
        slow.enqueue(server_frame(TEXT, b'{"message":"%05d"}' % i), is_message=True)
    missed = skip(slow)
    assert 0 < missed < 100
    assert numbers_of(read_all(slow)) == [f"gap {missed}", *(str(i) for i in range(missed, 100))]


def test_the_oldest_go_first_direct_or_not(log: Log) -> None:
    """What is kept is newer than all that is gone, however direct messages and broadcasts are mixed."""
    sender, slow = join(log, "a"), join(log, "b")
    for i in range(0, 200, 2):
        fill(log, sender, 1, first=i)
        slow.enqueue(
            server_frame(TEXT, b'{"message":"%05d%s"}' % (i + 1, b"z" * 40)), is_message=True
        )
    missed = skip(slow)
    assert slow.backlog_bytes <= LIMIT
    assert numbers_of(read_all(slow)) == [f"gap {missed}", *(str(i) for i in range(missed, 200))]


def test_a_gap_is_told_behind_what_comes_before_all_messages(log: Log) -> None:
    """The 101 and the self join must go first, also when their socket has taken nothing of them."""
    sender, slow = join(log, "a"), join(log, "b")
    slow.enqueue(server_frame(TEXT, b"own join"))
    fill(log, sender, 60)
    missed = skip(slow)
    assert numbers_of(read_all(slow))[:3] == ["event", f"gap {missed}", str(missed)]


def test_what_is_no_message_is_never_skipped(log: Log) -> None:
    """The 101, the self join, errors: who lets these alone exceed the limit has to be closed."""
    slow = join(log, "b")
    for i in range(100):
        slow.enqueue(frame(i, 60))
    before = waiting(slow)
    assert skip(slow) == 0
    assert slow.backlog_bytes > LIMIT
    assert read_all(slow) == before


def test_the_log_lets_go_of_what_was_skipped(log: Log) -> None:
    sender, slow = join(log, "a"), join(log, "b")
    fill(log, sender, 400)
    read_all(sender)
    held = log.backlog_bytes
    skip(slow)
    assert log.backlog_bytes <= LIMIT // 2 < held


@dataclass
class Reader:
    member: Member
    meant: list[str] = field(default_factory=list)
    data: bytes = b""


@pytest.mark.parametrize("seed", range(150))
def test_messages_and_gaps_add_up(seed: int) -> None:
    """Whatever is sent, by whom, for whom, read in pieces of any size and skipped at any time."""
    dice = random.Random(seed)
    log, stamper = Log(), Stamper(BOOT)
    readers = [Reader(join(log, f"u{i}", lists=dice.random() < 0.5)) for i in range(4)]
    for number in range(300):
        act = dice.randrange(10)
        if act < 5:
            sender = dice.choice(readers)
            payload = b'"%05d%s"' % (number, b"y" * dice.choice((0, 30, 200)))
            log.publish(payload, sender.member, stamper, 0)
            for reader in readers:
                if reader is not sender:
                    reader.meant.append(str(number))
        elif act < 6:
            log.append(frame(number, 40), None, dice.choice((AUDIENCE_LIST, AUDIENCE_COUNT)))
        elif act < 7:
            reader = dice.choice(readers)
            reader.member.enqueue(
                server_frame(TEXT, b'{"message":"%05d"}' % number), is_message=True
            )
            reader.meant.append(str(number))
        elif act < 9:
            reader = dice.choice(readers[1:])
            reader.data += take(
                reader.member, min(dice.randrange(400), len(waiting(reader.member)))
            )
        else:
            skip(dice.choice(readers).member, dice.choice((1500, LIMIT)))
    for reader in readers:
        numbers = [n for n in numbers_of(reader.data + read_all(reader.member)) if n != "event"]
        told = [int(n[4:]) for n in numbers if n.startswith("gap ")]
        came = [n for n in numbers if not n.startswith("gap ")]
        assert came == sorted(came, key=int)
        assert set(came) <= set(reader.meant)
        assert len(came) + sum(told) == len(reader.meant)
    assert log.is_empty
