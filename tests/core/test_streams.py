"""Event streams in the core: what a log's text frames become for those who read them over HTTP."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay._core import (
    AUDIENCE_COUNT,
    AUDIENCE_LIST,
    Log,
    Member,
    Stamper,
    encode_event,
    is_json_text,
)

from .channel import Owner, join, prefix_of, read_all, waiting
from .wire import BINARY, TEXT, server_frame

BOOT = b"bootboot"


def data_of(event: bytes) -> bytes:
    """What a reader makes of one event (the HTML standard, section 9.2.6)."""
    assert event.endswith(b"\n\n")
    lines = event[:-2].split(b"\n")
    assert all(line.startswith(b"data: ") for line in lines)
    return b"\n".join(line[6:] for line in lines)


def stream(log: Log, uid: str = "s1", **options: bool) -> Member:
    """A reader of the log's event stream."""
    if log.streams is None:
        log.streams = Log(log.owner)
    reader = Member(prefix_of(uid), stream=True, **options)
    log.streams.attach(reader)
    return reader


@pytest.mark.parametrize(
    ("text", "event"),
    [
        (b"", b"data: \n\n"),
        (b"{}", b"data: {}\n\n"),
        (b"a\nb", b"data: a\ndata: b\n\n"),
        (b"a\rb", b"data: a\ndata: b\n\n"),
        (b"a\r\nb", b"data: a\ndata: \ndata: b\n\n"),
        (b"\n", b"data: \ndata: \n\n"),
        (b"data: x\n\nevent: y", b"data: data: x\ndata: \ndata: event: y\n\n"),
        (":é\u2028\x0b\x85".encode(), b"data: :\xc3\xa9\xe2\x80\xa8\x0b\xc2\x85\n\n"),
    ],
)
def test_an_event(text: bytes, event: bytes) -> None:
    assert encode_event(text) == event


@given(st.binary(max_size=200))
def test_nothing_in_a_text_ends_its_event(text: bytes) -> None:
    event = encode_event(text)
    assert event.index(b"\n\n") == len(event) - 2
    assert b"\r" not in event
    assert data_of(event).split(b"\n") == text.replace(b"\r", b"\n").split(b"\n")


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_json_stays_what_it_is(value: object) -> None:
    assert json.loads(data_of(encode_event(json.dumps(value, indent=1).encode()))) == value


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_frames_of_every_length_form(size: int) -> None:
    log = Log()
    member, reader = join(log), stream(log)
    text = b"x" * size
    log.append(server_frame(TEXT, text))
    assert read_all(member) == server_frame(TEXT, text)
    assert read_all(reader) == b"data: " + text + b"\n\n"


def test_messages_are_read_in_order_by_all_readers() -> None:
    log = Log()
    sender, stamper = join(log, "a"), Stamper(BOOT)
    readers = [stream(log, f"s{i}") for i in range(3)]
    for number in range(50):
        log.publish(b"%d" % number, sender, stamper, 7)
    for reader in readers:
        events = read_all(reader).split(b"\n\n")[:-1]
        assert [json.loads(event[6:])["message"] for event in events] == list(range(50))
    assert log.streams is not None
    assert log.streams.is_empty


def test_a_channel_of_readers_alone() -> None:
    log = Log()
    reader = stream(log)
    log.append(server_frame(TEXT, b"x"))
    assert log.is_empty
    assert read_all(reader) == b"data: x\n\n"


def test_other_than_text_is_not_for_them() -> None:
    log = Log()
    join(log)
    reader = stream(log)
    log.append(server_frame(BINARY, b"x"))
    assert waiting(reader) == b""


def test_audiences() -> None:
    log = Log()
    lists, counts = stream(log, "l", lists=True), stream(log, "c")
    log.append(server_frame(TEXT, b"list"), None, AUDIENCE_LIST)
    log.append(server_frame(TEXT, b"count"), None, AUDIENCE_COUNT)
    log.append(server_frame(TEXT, b"all"))
    assert read_all(lists) == b"data: list\n\ndata: all\n\n"
    assert read_all(counts) == b"data: count\n\ndata: all\n\n"


def test_what_readers_miss_is_counted_in_messages() -> None:
    log = Log()
    reader = stream(log)
    for number in range(10):
        log.append(server_frame(TEXT, b"%d" % number * 100), is_message=number % 2 == 0)
    assert reader.skip(reader.backlog_bytes) == 0
    assert reader.skip(reader.backlog_bytes - 1) > 0


def test_readers_are_found_by_uid() -> None:
    log = Log()
    member, reader = join(log, "member"), stream(log, "reader")
    assert log.find(b"member") is member
    assert log.find(b"reader") is reader
    assert log.find(b"nobody") is None
    reader.abort()
    assert log.find(b"reader") is None


def test_without_members_readers_are_found_too() -> None:
    log = Log()
    assert log.find(b"reader") is None
    assert log.find(stream(log, "reader").uid.encode()) is not None


def test_a_reader_that_leaves_is_told_of_once() -> None:
    owner = Owner()
    log = Log(owner)
    reader = stream(log)
    reader.close(1008, 'said "no"\n')
    assert owner.members_left == [reader]
    assert waiting(reader) == b'event: close\ndata: {"code":1008,"reason":"said \\"no\\"\\n"}\n\n'


def test_a_log_is_no_stream_of_itself() -> None:
    log = Log()
    with pytest.raises(ValueError, match="streams: expected another log"):
        log.streams = log


def test_without_streams_nothing_is_appended_any_more() -> None:
    log = Log()
    reader = stream(log)
    log.streams = None
    log.append(server_frame(TEXT, b"x"))
    assert waiting(reader) == b""


def test_posting_needs_a_reactor() -> None:
    with pytest.raises(ValueError, match="no reactor"):
        Log().post(b'"date":', b"1")


@pytest.mark.parametrize(
    ("text", "is_json"),
    [
        (b"1", True),
        (b' {"a": [1, 2]}\n', True),
        (b'"\\ud83d"', True),
        ('"日"'.encode(), True),
        (b"", False),
        (b" ", False),
        (b"1 2", False),
        (b'1},"uid":"admin"', False),
        (b'"\xff"', False),
        (b'"\xed\xa0\x80"', False),
        (b"undefined", False),
        (b"NaN", False),
        (b"[" * 100_000, False),
    ],
)
def test_what_may_be_spliced_into_an_envelope(text: bytes, is_json: bool) -> None:
    assert is_json_text(text) is is_json
