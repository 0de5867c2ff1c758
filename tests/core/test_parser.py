"""The frame parser against tables of bytes (RFC 6455 section 5). Every stream arrives whole, split and bytewise."""

from __future__ import annotations

import pytest

from relay._core import FrameParser

from .wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    KEY,
    PING,
    PONG,
    TEXT,
    client_frame,
    client_header,
    close_payload,
    mask,
    parse,
)

HELLO = client_frame(TEXT, b"Hello")
GOOD_CODES = [*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999]
BAD_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 10_000, 65_535]


def fragments(*payloads: bytes, opcode: int = TEXT) -> bytes:
    """One message, one frame for each payload."""
    last = len(payloads) - 1
    return b"".join(
        client_frame(CONTINUATION if i else opcode, payload, fin=i == last)
        for i, payload in enumerate(payloads)
    )


def expect(data: bytes, *messages: tuple[int, bytes], max_message_bytes: int = 102_400) -> None:
    """The stream is flawless, and ends between messages."""
    outcome = parse(data, max_message_bytes)
    assert outcome.fault is None
    assert outcome.messages == list(messages)
    assert outcome.is_idle


def expect_fault(
    data: bytes, code: int, *messages: tuple[int, bytes], max_message_bytes: int = 102_400
) -> None:
    """The stream breaks a rule: what came before is kept, what comes after is ignored."""
    for before, after in [(b"", b""), (HELLO, b""), (b"", HELLO)]:
        outcome = parse(before + data + after, max_message_bytes)
        kept = [(TEXT, b"Hello")] if before else []
        assert outcome.messages == kept + list(messages)
        assert outcome.code == code


# Whole messages


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        (b"", []),
        (HELLO, [(TEXT, b"Hello")]),
        (client_frame(TEXT), [(TEXT, b"")]),
        (client_frame(BINARY), [(BINARY, b"")]),
        (client_frame(BINARY, b"\x00\xff\x80"), [(BINARY, b"\x00\xff\x80")]),
        (client_frame(TEXT, "é日😀".encode()), [(TEXT, "é日😀".encode())]),
        (client_frame(PING), [(PING, b"")]),
        (client_frame(PING, b"\xff\x00"), [(PING, b"\xff\x00")]),
        (client_frame(PONG), [(PONG, b"")]),
        (client_frame(PONG, b"unasked"), [(PONG, b"unasked")]),
        (HELLO * 3, [(TEXT, b"Hello")] * 3),
        (
            client_frame(PING, b"1")
            + HELLO
            + client_frame(BINARY, b"2")
            + client_frame(PONG, b"3"),
            [(PING, b"1"), (TEXT, b"Hello"), (BINARY, b"2"), (PONG, b"3")],
        ),
    ],
)
def test_messages(data: bytes, messages: list[tuple[int, bytes]]) -> None:
    # Sections 5.6, 5.5.2 and 5.5.3; a pong nobody asked for is fine.
    expect(data, *messages)


def test_the_example_of_section_5_7() -> None:
    expect(bytes.fromhex("818537fa213d7f9f4d5158"), (TEXT, b"Hello"))


@pytest.mark.parametrize(
    "key", [bytes(4), b"\xff\xff\xff\xff", b"\x00\x00\x00\x01", b"\x81\x7e\x7f\x88"]
)
def test_any_masking_key(key: bytes) -> None:
    # Section 5.3: any 32 bits will do, and each frame brings its own.
    payload = b"some text, longer than one word"
    data = client_frame(TEXT, payload[:7], fin=False, key=key) + client_frame(
        CONTINUATION, payload[7:]
    )
    expect(data, (TEXT, payload))


@pytest.mark.parametrize("length", [*range(20), 31, 32, 33, 63, 64, 65, 124, 125])
def test_lengths_of_seven_bits(length: int) -> None:
    expect(client_frame(TEXT, b"a" * length) * 2, *[(TEXT, b"a" * length)] * 2)


@pytest.mark.parametrize("length", [126, 127, 128, 255, 256, 1_000, 65_535])
def test_lengths_of_sixteen_bits(length: int) -> None:
    payload = bytes(i % 251 for i in range(length))
    expect(client_frame(BINARY, payload) + HELLO, (BINARY, payload), (TEXT, b"Hello"))


@pytest.mark.parametrize("length", [65_536, 65_537, 70_000, 102_400])
def test_lengths_of_sixty_four_bits(length: int) -> None:
    payload = bytes(i % 251 for i in range(length))
    expect(client_frame(BINARY, payload) + HELLO, (BINARY, payload), (TEXT, b"Hello"))


# Headers that break a rule


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("payload", [b"", b"x"])
def test_reserved_opcodes(opcode: int, payload: bytes) -> None:
    # Section 5.2: an unknown opcode fails the connection.
    expect_fault(client_frame(opcode, payload), 1002)


@pytest.mark.parametrize("opcode", [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG])
@pytest.mark.parametrize("rsv", range(1, 8))
def test_reserved_bits(opcode: int, rsv: int) -> None:
    # Section 5.2: they must be 0 unless an extension was agreed on, and none was.
    expect_fault(client_frame(opcode, b"", rsv=rsv), 1002)
    expect_fault(client_frame(opcode, b"x", rsv=rsv), 1002)


@pytest.mark.parametrize("rsv", range(1, 8))
def test_reserved_bits_in_a_later_fragment(rsv: int) -> None:
    data = client_frame(TEXT, b"a", fin=False) + client_frame(CONTINUATION, b"b", rsv=rsv)
    expect_fault(data, 1002)


@pytest.mark.parametrize("opcode", [TEXT, BINARY, CLOSE, PING, PONG])
@pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"x" * 125])
def test_unmasked_frames(opcode: int, payload: bytes) -> None:
    # Section 5.1: a server must close the connection on a frame that is not masked.
    expect_fault(client_frame(opcode, payload, key=None), 1002)


@pytest.mark.parametrize("length", [126, 65_536])
def test_long_unmasked_frames(length: int) -> None:
    expect_fault(client_frame(BINARY, b"x" * length, key=None), 1002)


def test_an_unmasked_later_fragment() -> None:
    data = client_frame(TEXT, b"a", fin=False) + client_frame(CONTINUATION, b"b", key=None)
    expect_fault(data, 1002)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize(
    ("length", "form"),
    [(0, 16), (1, 16), (125, 16), (0, 64), (125, 64), (126, 64), (65_535, 64)],
)
def test_lengths_in_a_longer_form_than_needed(opcode: int, length: int, form: int) -> None:
    # Section 5.2: "the minimal number of bytes MUST be used to encode the length".
    expect_fault(client_frame(opcode, b"x" * length, form=form), 1002)


@pytest.mark.parametrize("length", [2**63, 2**63 + 1, 2**63 + 5, 2**64 - 1])
def test_the_top_bit_of_a_64_bit_length(length: int) -> None:
    # Section 5.2: "the most significant bit MUST be 0".
    expect_fault(client_header(BINARY, length, form=64), 1002)
    expect_fault(client_header(TEXT, length, form=64), 1002)


# Control frames


@pytest.mark.parametrize("opcode", [PING, PONG])
def test_control_frames_below_and_at_their_limit(opcode: int) -> None:
    for length in (124, 125):
        expect(client_frame(opcode, b"x" * length), (opcode, b"x" * length))


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
@pytest.mark.parametrize("length", [126, 127, 65_535, 65_536])
def test_control_frames_above_their_limit(opcode: int, length: int) -> None:
    # Section 5.5: a payload of 125 bytes or less.
    expect_fault(client_frame(opcode, b"x" * length), 1002)


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
@pytest.mark.parametrize("form", [16, 64])
def test_control_frames_with_a_long_form_of_a_short_length(opcode: int, form: int) -> None:
    expect_fault(client_frame(opcode, b"\x03\xe8", form=form), 1002)


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
@pytest.mark.parametrize("payload", [b"", b"\x03\xe8"])
def test_fragmented_control_frames(opcode: int, payload: bytes) -> None:
    # Section 5.5: "MUST NOT be fragmented".
    expect_fault(client_frame(opcode, payload, fin=False), 1002)


def test_the_message_limit_is_not_for_control_frames() -> None:
    data = client_frame(PING, b"x" * 125) + client_frame(TEXT, b"a" * 10)
    expect(data, (PING, b"x" * 125), (TEXT, b"a" * 10), max_message_bytes=10)


# Fragmentation


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize(
    "payloads",
    [
        [b"a", b"b"],
        [b"a", b"b", b"c", b"d", b"e"],
        [b"", b""],
        [b"", b"a"],
        [b"a", b""],
        [b"a", b"", b"b"],
        [b"", b"", b"", b"a", b"", b"", b""],
        [b"a" * 125, b"b" * 126, b"c" * 127],
    ],
)
def test_fragmented_messages(opcode: int, payloads: list[bytes]) -> None:
    # Section 5.4: the message is the concatenation, its type that of the first frame.
    expect(
        fragments(*payloads, opcode=opcode) + HELLO, (opcode, b"".join(payloads)), (TEXT, b"Hello")
    )


def test_fragments_in_every_length_form() -> None:
    payloads = [b"a" * 65_536, b"b" * 300, b"c" * 10, b"", b"d" * 36_554]
    expect(fragments(*payloads, opcode=BINARY), (BINARY, b"".join(payloads)))


@pytest.mark.parametrize("opcode", [PING, PONG])
def test_control_frames_between_fragments(opcode: int) -> None:
    # Section 5.4: they may be injected, and must not be fragments of the message.
    control = client_frame(opcode, b"now")
    data = (
        client_frame(TEXT, b"a", fin=False) + control + client_frame(CONTINUATION, b"b", fin=False)
    )
    data += control * 2 + client_frame(CONTINUATION, b"c")
    expect(data, *[(opcode, b"now")] * 3, (TEXT, b"abc"))


def test_a_close_between_fragments() -> None:
    data = client_frame(TEXT, b"a", fin=False) + client_frame(CLOSE, b"\x03\xe8")
    outcome = parse(data + client_frame(CONTINUATION, b"b"))
    assert outcome.messages == [(CLOSE, b"\x03\xe8")]
    assert outcome.fault is None


@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("payload", [b"", b"x"])
def test_a_continuation_of_nothing(fin: bool, payload: bytes) -> None:
    # Section 5.4.
    expect_fault(client_frame(CONTINUATION, payload, fin=fin), 1002)
    expect_fault(
        fragments(b"a", b"b") + client_frame(CONTINUATION, payload, fin=fin), 1002, (TEXT, b"ab")
    )


@pytest.mark.parametrize("first", [TEXT, BINARY])
@pytest.mark.parametrize("second", [TEXT, BINARY])
@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("payload", [b"", b"x"])
def test_a_new_message_inside_a_fragmented_one(
    first: int, second: int, fin: bool, payload: bytes
) -> None:
    # Section 5.4: fragments of different messages must not be interleaved.
    data = client_frame(first, b"a", fin=False) + client_frame(second, payload, fin=fin)
    expect_fault(data, 1002)
    ping = client_frame(PING)
    data = client_frame(first, b"", fin=False) + ping + client_frame(second, payload, fin=fin)
    expect_fault(data, 1002, (PING, b""))


# Limits


def test_a_message_below_and_at_the_limit() -> None:
    for limit in (1, 125, 126, 1_000):
        for length in (limit - 1, limit):
            expect(
                client_frame(TEXT, b"a" * length), (TEXT, b"a" * length), max_message_bytes=limit
            )


@pytest.mark.parametrize("limit", [1, 125, 126, 1_000, 65_535])
def test_a_message_above_the_limit(limit: int) -> None:
    assert parse(client_header(TEXT, limit + 1), limit).code == 1009
    assert parse(client_header(BINARY, limit + 1), limit).code == 1009
    assert parse(client_frame(TEXT, b"a" * (limit + 1)), limit).code == 1009


def test_the_limit_unless_told() -> None:
    for length, code in [(102_399, None), (102_400, None), (102_401, 1009)]:
        parser = FrameParser()
        messages = parser.feed(client_frame(BINARY, bytes(length)))
        assert len(messages) == (code is None)
        assert (parser.fault and parser.fault[0]) == code


@pytest.mark.parametrize(
    "payloads", [[5, 5], [1, 9], [9, 1], [0, 10], [10, 0], [3, 0, 3, 4], [1] * 10]
)
def test_fragments_at_the_limit(payloads: list[int]) -> None:
    message = [b"a" * length for length in payloads]
    expect(fragments(*message), (TEXT, b"a" * 10), max_message_bytes=10)
    expect(fragments(*message) * 2, *[(TEXT, b"a" * 10)] * 2, max_message_bytes=10)


@pytest.mark.parametrize("payloads", [[5, 6], [1, 10], [10, 1], [0, 11], [3, 0, 3, 5], [1] * 11])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_fragments_above_the_limit(payloads: list[int], opcode: int) -> None:
    *begun, last = payloads
    data = b"".join(
        client_frame(CONTINUATION if i else opcode, b"a" * length, fin=False)
        for i, length in enumerate(begun)
    )
    # The header of the fragment that goes too far is enough: none of its payload is waited for.
    expect_fault(data + client_header(CONTINUATION, last, fin=False), 1009, max_message_bytes=10)
    expect_fault(data + client_header(CONTINUATION, last), 1009, max_message_bytes=10)


@pytest.mark.parametrize("length", [102_401, 2**20, 2**31 - 1, 2**31, 2**32, 2**40, 2**63 - 1])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_huge_length_is_refused_from_its_header(length: int, opcode: int) -> None:
    header = client_header(opcode, length)
    parser = FrameParser()
    assert parser.feed(header) == []
    assert parser.fault
    assert parser.fault[0] == 1009
    assert parser.buffered_bytes == 0
    assert parse(header).code == 1009


@pytest.mark.parametrize("length", [2**63 - 1, 2**63 - 11, 2**62, 2**32, 2**32 - 5])
def test_a_huge_length_does_not_wrap_the_sum_of_fragments(length: int) -> None:
    start = client_frame(TEXT, b"a" * 10, fin=False)
    assert parse(start + client_header(CONTINUATION, length)).code == 1009


def test_a_length_under_a_huge_limit_allocates_nothing_by_itself() -> None:
    parser = FrameParser(2**30)
    assert parser.feed(client_header(BINARY, 2**30)) == []
    assert parser.fault is None
    assert parser.buffered_bytes <= 4_096
    parser.feed(b"x" * 10_000)
    assert 10_000 <= parser.buffered_bytes <= 65_536


# Text


BAD_TEXT = {
    "FF": b"\xff",
    "a lone continuation": b"ok \x80",
    "overlong": b"\xc0\xaf",
    "surrogate": b"\xed\xa0\x80",
    "beyond U+10FFFF": b"\xf4\x90\x80\x80",
    "cut after 1 of 2": b"ok \xc3",
    "cut after 1 of 3": b"ok \xe2",
    "cut after 2 of 3": b"ok \xe2\x82",
    "cut after 3 of 4": b"ok \xf0\x9f\x98",
    "broken in the middle": b"ok \xe2\x82( and on",
    "broken far in": b"a" * 100 + b"\xfe" + b"a" * 100,
}


@pytest.mark.parametrize("payload", BAD_TEXT.values(), ids=BAD_TEXT.keys())
def test_text_that_is_not_utf8(payload: bytes) -> None:
    # Section 8.1.
    expect_fault(client_frame(TEXT, payload), 1007)
    expect_fault(fragments(payload, b""), 1007)
    expect_fault(fragments(b"", payload), 1007)
    expect_fault(fragments(b"fine", payload), 1007)


@pytest.mark.parametrize("payload", BAD_TEXT.values(), ids=BAD_TEXT.keys())
def test_text_that_is_not_utf8_cut_anywhere(payload: bytes) -> None:
    for cut in range(len(payload) + 1):
        expect_fault(fragments(payload[:cut], payload[cut:]), 1007)


@pytest.mark.parametrize("payload", BAD_TEXT.values(), ids=BAD_TEXT.keys())
def test_binary_is_not_checked(payload: bytes) -> None:
    expect(client_frame(BINARY, payload), (BINARY, payload))
    expect(fragments(payload[:2], payload[2:], opcode=BINARY), (BINARY, payload))
    expect(client_frame(PING, payload[:125]), (PING, payload[:125]))


def test_code_points_split_across_fragments() -> None:
    # Section 5.6: a fragment need not be valid UTF-8, the whole message must be.
    payload = "κόσμε 日本 😀!".encode()
    for cut in range(len(payload) + 1):
        expect(fragments(payload[:cut], payload[cut:]), (TEXT, payload))
    expect(fragments(*(payload[i : i + 1] for i in range(len(payload)))), (TEXT, payload))


def test_code_points_split_around_a_control_frame() -> None:
    data = client_frame(TEXT, b"\xf0\x9f", fin=False) + client_frame(PING, b"\xff")
    data += client_frame(CONTINUATION, b"", fin=False) + client_frame(CONTINUATION, b"\x98\x80")
    expect(data, (PING, b"\xff"), (TEXT, "😀".encode()))


def test_one_message_does_not_complete_anothers_code_point() -> None:
    expect_fault(client_frame(TEXT, b"\xc3") + client_frame(TEXT, b"\xa9"), 1007)


def test_a_text_message_after_a_binary_one_is_checked() -> None:
    start = fragments(b"\xff", b"\xc3", opcode=BINARY)
    expect(start + client_frame(TEXT, b"a"), (BINARY, b"\xff\xc3"), (TEXT, b"a"))
    expect_fault(start + client_frame(TEXT, b"\xa9"), 1007, (BINARY, b"\xff\xc3"))


@pytest.mark.parametrize("payload", [b"\xff", b"ok\xc0", b"\xed\xa0", b"\xf4\x90", b"\xe2("])
def test_a_bad_fragment_is_refused_before_the_message_ends(payload: bytes) -> None:
    # Section 8.1: what no continuation can make valid fails at once, also where no later byte ever comes.
    assert parse(client_frame(TEXT, payload, fin=False)).code == 1007


@pytest.mark.parametrize("payload", [b"\xff", b"ok\xc0", b"\xed\xa0", b"\xf4\x90", b"\xe2("])
def test_a_bad_byte_is_refused_before_its_frame_ends(payload: bytes) -> None:
    assert parse(client_header(TEXT, 1_000) + mask(payload)).code == 1007


# The closing handshake


@pytest.mark.parametrize("payload", [b"", *(close_payload(code) for code in GOOD_CODES)])
def test_a_close_frame(payload: bytes) -> None:
    # Sections 5.5.1 and 7.4.
    outcome = parse(HELLO + client_frame(CLOSE, payload))
    assert outcome.messages == [(TEXT, b"Hello"), (CLOSE, payload)]
    assert outcome.fault is None


@pytest.mark.parametrize("code", GOOD_CODES)
@pytest.mark.parametrize("reason", [b"bye", "grüße 日本 😀".encode(), b"r" * 123])
def test_a_close_frame_with_a_reason(code: int, reason: bytes) -> None:
    outcome = parse(client_frame(CLOSE, close_payload(code, reason)))
    assert outcome.messages == [(CLOSE, close_payload(code, reason))]
    assert outcome.fault is None


@pytest.mark.parametrize("payload", [b"\x00", b"\x03", b"\xff"])
def test_a_close_frame_with_half_a_code(payload: bytes) -> None:
    # Section 5.5.1: a body begins with a 2-byte code.
    expect_fault(client_frame(CLOSE, payload), 1002)
    # Nor may what an earlier control frame left behind complete it.
    ping = client_frame(PING, b"\x03\xe8\x03\xe8")
    expect_fault(ping + client_frame(CLOSE, payload), 1002, (PING, b"\x03\xe8\x03\xe8"))


@pytest.mark.parametrize("code", BAD_CODES)
@pytest.mark.parametrize("reason", [b"", b"why"])
def test_a_close_frame_with_a_code_that_must_not_be_sent(code: int, reason: bytes) -> None:
    # Section 7.4.
    expect_fault(client_frame(CLOSE, close_payload(code, reason)), 1002)


@pytest.mark.parametrize(
    "reason", [b"\xff", b"ok \xc3", b"\xed\xa0\x80", b"\xc0\x80", b"r" * 122 + b"\xe2"]
)
def test_a_close_frame_with_a_reason_that_is_not_utf8(reason: bytes) -> None:
    # Sections 5.5.1 and 8.1.
    expect_fault(client_frame(CLOSE, close_payload(1000, reason)), 1007)


@pytest.mark.parametrize(
    "rest",
    [HELLO, client_frame(CLOSE, b"\x03\xe8"), client_frame(PING), b"\xff" * 40, bytes(40)],
    ids=["text", "close", "ping", "junk", "zeros"],
)
def test_what_follows_a_close_frame_is_ignored(rest: bytes) -> None:
    # Section 5.5.1: data received after it is discarded, broken or not.
    outcome = parse(HELLO + client_frame(CLOSE, b"\x03\xe8") + rest)
    assert outcome.messages == [(TEXT, b"Hello"), (CLOSE, b"\x03\xe8")]
    assert outcome.fault is None


# State between feeds


def test_the_first_fault_stays() -> None:
    parser = FrameParser()
    assert parser.feed(HELLO + client_frame(TEXT, b"\xff") + HELLO) == [(TEXT, b"Hello")]
    fault = parser.fault
    assert fault
    assert parser.feed(HELLO) == []
    assert parser.feed(client_frame(3)) == []
    assert parser.fault == fault
    assert parser.buffered_bytes == 0


def test_a_fault_has_a_reason_that_fits_a_close_frame() -> None:
    for data in [client_frame(3), client_frame(TEXT, b"\xff"), client_header(TEXT, 2**40)]:
        fault = parse(data).fault
        assert fault
        assert 0 < len(fault[1].encode()) <= 123


def test_idle_between_messages_only() -> None:
    parser = FrameParser()
    assert parser.is_idle
    data = fragments(b"abc", b"", b"de") + client_frame(PING, b"now")
    between = {len(data), len(data) - len(client_frame(PING, b"now"))}
    for i, byte in enumerate(data, 1):
        parser.feed(bytes([byte]))
        assert parser.is_idle is (i in between), i


def test_not_idle_inside_a_message_of_empty_fragments() -> None:
    parser = FrameParser()
    parser.feed(client_frame(TEXT, fin=False))
    assert not parser.is_idle
    parser.feed(client_frame(CONTINUATION, fin=False) + client_frame(PING))
    assert not parser.is_idle
    parser.feed(client_frame(CONTINUATION))
    assert parser.is_idle


@pytest.mark.parametrize("length", [1, 200, 70_000])
def test_buffered_bytes_grow_and_go_back(length: int) -> None:
    parser, payload = FrameParser(), b"a" * length
    frame = client_frame(TEXT, payload)
    for _ in range(3):
        assert parser.buffered_bytes == 0
        assert parser.feed(frame[:-1]) == []
        assert length - 1 <= parser.buffered_bytes <= 2 * length + 4_096
        assert parser.feed(frame[-1:]) == [(TEXT, payload)]
        assert parser.is_idle
    assert parser.buffered_bytes == 0


def test_buffered_bytes_go_back_after_fragments() -> None:
    parser = FrameParser()
    parser.feed(client_frame(TEXT, b"a" * 5_000, fin=False) + client_frame(PING))
    assert 5_000 <= parser.buffered_bytes <= 2 * 5_000 + 4_096
    parser.feed(client_frame(CONTINUATION, b"b"))
    assert parser.buffered_bytes == 0


def test_buffered_bytes_go_back_after_a_fault_and_after_a_close() -> None:
    for end in (client_frame(3), client_frame(CLOSE, b"\x03\xe8")):
        parser = FrameParser()
        parser.feed(client_frame(TEXT, b"a" * 5_000, fin=False))
        parser.feed(end)
        assert parser.buffered_bytes == 0


def test_a_message_that_arrives_whole_is_not_buffered() -> None:
    parser = FrameParser()
    assert len(parser.feed(HELLO * 1_000)) == 1_000
    assert parser.buffered_bytes == 0


@pytest.mark.parametrize("fragment_bytes", [0, 1])
def test_a_million_tiny_fragments(fragment_bytes: int) -> None:
    parser, count, step = FrameParser(2_000_000), 1_000_000, 10_000
    chunk = client_frame(CONTINUATION, b"a" * fragment_bytes, fin=False) * step
    assert parser.feed(client_frame(TEXT, fin=False)) == []
    for fed in range(step, count + 1, step):
        assert parser.feed(chunk) == []
        assert parser.buffered_bytes <= 2 * fed * fragment_bytes + 4_096
    assert parser.feed(client_frame(CONTINUATION)) == [(TEXT, b"a" * fragment_bytes * count)]
    assert parser.buffered_bytes == 0


@pytest.mark.parametrize(("count", "code"), [(102_400, None), (102_401, 1009)])
def test_tiny_fragments_at_and_above_the_limit(count: int, code: int | None) -> None:
    parser = FrameParser()
    parser.feed(client_frame(TEXT, fin=False))
    parser.feed(client_frame(CONTINUATION, b"a", fin=False) * count)
    assert (parser.fault and parser.fault[0]) == code


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_every_kind_of_buffer_is_left_alone(make: type) -> None:
    data = bytearray(HELLO + client_frame(TEXT, b"a" * 300) + client_frame(TEXT, b"b" * 300)[:-1])
    before, buffer = bytes(data), make(data)
    messages = FrameParser().feed(buffer)
    assert messages == [(TEXT, b"Hello"), (TEXT, b"a" * 300)]
    assert [type(payload) for _, payload in messages] == [bytes, bytes]
    assert bytes(buffer) == before


def test_the_callers_buffer_may_change_between_feeds() -> None:
    parser, frame = FrameParser(), client_frame(TEXT, b"a" * 100)
    buffer = bytearray(frame[:50])
    parser.feed(buffer)
    buffer[:] = bytes(50)
    assert parser.feed(frame[50:]) == [(TEXT, b"a" * 100)]


@pytest.mark.parametrize("value", ["text", 5, None, [b"x"]])
def test_only_bytes_are_fed(value: object) -> None:
    with pytest.raises(TypeError):
        FrameParser().feed(value)  # type: ignore[arg-type]


def test_the_masking_key_is_the_frames_own() -> None:
    one = client_frame(TEXT, b"first", fin=False, key=KEY)
    two = client_frame(CONTINUATION, b"second", key=b"\x01\x02\x03\x04")
    expect(one + two, (TEXT, b"firstsecond"))
