"""What is not one JSON value in valid UTF-8: refused with one error (or the close code RFC 6455 asks for), and never relayed."""

from __future__ import annotations

import pytest
from support.member import Bystanders, Member, Visitors
from support.process import RelayProcess
from support.websocket import BINARY, CONTINUATION, TEXT, encode_frame

BAD_JSON = [
    # what real clients send by mistake
    "undefined", "", " ", "\n", "hello", "[object Object]", "NaN", "Infinity", "-Infinity", "{'a':1}", "{a:1}",
    # two values, trailing data, and attempts to leave the place in the envelope
    '1},"uid":"admin', '1,"uid":"admin"', '"x"},{"type":"join"', "1}", "1}{", "1 2", "1\n2", '{"a":1}{"b":2}', "[] []",
    "1,", "1;", "1//comment", "/**/1", "1\x00", "\x001", "\x0c1", "\x0b1", "\u00a01", "\u20281", "1\u2029",
    # cut short, or not quite the grammar
    "{", "}", "[", "]", '"', '"abc', '{"a"', '{"a":', '{"a":1', '{"a":1,}', "{,}", '{"a" 1}', '{"a":1 "b":2}', "{1:2}",
    "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", '{"a":1]', "tru", "True", "truex", "nul", "fals", "nulll",
    "01", "-", "-01", "+1", ".5", "1.", "1e", "1e+", "1.e1", "0x10", "1_000", "--1", "1e1.5", "٣",
    # strings
    '"\\x41"', '"\\u12"', '"\\u12g4"', '"\\"', '"\\', "'a'", '"a\nb"', '"a\tb"', '"\x00"', '"\x1f"', '{"a\nb":1}',
    # a byte order mark is no whitespace
    "\ufeff1", "\ufeff", "1\ufeff",
]  # fmt: skip

# Unicode forbids them, the grammar of JSON does not (RFC 8259 section 8.2), and no receiver's text is broken by the escape.
LONE_SURROGATES = [
    '"\\ud800"',
    '"\\udc00"',
    '"\\ud800x"',
    '"\\udc00\\ud800"',
    '"\\uD83E\\u0041"',
    '{"\\udfff":1}',
]

NOT_UTF8 = [
    b'"\x80"', b'"\xff"', b'"\xc3"', b'"\xc3("', b'"\xc0\xaf"', b'"\xe0\x80\xaf"', b'"\xed\xa0\x80"', b'"\xf0\x80\x80\xaf"',
    b'"\xf4\x90\x80\x80"', b'"\xf8\x88\x80\x80\x80"', b"\xff\xfe1\x00", b"1\xc3", b"\xe6\x97", b"@@\xff@@1", b"\x1f\xff\x1f1",
]  # fmt: skip


@pytest.fixture
def pair(visit: Visitors, channel: str) -> tuple[Member, Member]:
    """One who sends and one who must not hear of it."""
    witness, sender = visit.join(channel), visit.join(channel)
    witness.receive_event()
    return witness, sender


def assert_still_connected(witness: Member, sender: Member) -> None:
    assert sender.settle() == []
    sender.send_text('"still here"')
    assert witness.receive_message() == "still here"


@pytest.mark.parametrize("text", BAD_JSON, ids=ascii)
def test_bad_json_is_one_error(pair: tuple[Member, Member], text: str) -> None:
    witness, sender = pair
    sender.send_text(text)
    sender.receive_error()
    assert_still_connected(witness, sender)


@pytest.mark.parametrize("text", LONE_SURROGATES, ids=ascii)
def test_lone_surrogate_escapes_are_relayed(pair: tuple[Member, Member], text: str) -> None:
    witness, sender = pair
    sender.send_text(text)
    assert witness.receive_text().endswith(b',"message":' + text.encode() + b"}")
    assert_still_connected(witness, sender)


@pytest.mark.parametrize(
    "text",
    ['"\\ud800', '["\\ud800",NaN]', '"\\ud800"}', '"\\udc00" 1', '{"\\ud800":01}', '["\\ud800",٣]'],
)
def test_bad_json_around_a_lone_surrogate_is_one_error(
    pair: tuple[Member, Member], text: str
) -> None:
    witness, sender = pair
    sender.send_text(text)
    sender.receive_error()
    assert_still_connected(witness, sender)


def test_each_bad_message_gets_its_own_error(pair: tuple[Member, Member]) -> None:
    witness, sender = pair
    sender.send_text("undefined", "1", "undefined", "2")
    sender.receive_error()
    sender.receive_error()
    assert [witness.receive_message() for _ in range(2)] == [1, 2]
    assert_still_connected(witness, sender)


@pytest.mark.parametrize("payload", [b"", b"1", b"\x00\xff", b'{"a":1}', b"x" * 70_000])
def test_a_binary_frame_is_one_error(pair: tuple[Member, Member], payload: bytes) -> None:
    witness, sender = pair
    sender.send_frame(BINARY, payload)
    sender.receive_error()
    assert_still_connected(witness, sender)


def test_a_fragmented_binary_message_is_one_error(pair: tuple[Member, Member]) -> None:
    witness, sender = pair
    for fin, opcode in ((False, BINARY), (False, CONTINUATION), (True, CONTINUATION)):
        sender.send_frame(opcode, b"1", fin=fin)
    sender.receive_error()
    assert_still_connected(witness, sender)


@pytest.mark.parametrize("text", NOT_UTF8, ids=ascii)
def test_invalid_utf8_closes_with_1007(pair: tuple[Member, Member], text: bytes) -> None:
    witness, sender = pair
    sender.send_text(text)
    sender.expect_close(1007)
    assert witness.receive_event()["type"] == "leave"


@pytest.mark.parametrize("text", NOT_UTF8, ids=ascii)
def test_invalid_utf8_in_fragments_closes_with_1007(
    pair: tuple[Member, Member], text: bytes
) -> None:
    witness, sender = pair
    frames = [encode_frame(TEXT, text[:1], fin=False)]
    frames += [
        encode_frame(CONTINUATION, text[at : at + 1], fin=False) for at in range(1, len(text))
    ]
    sender.send(b"".join(frames) + encode_frame(CONTINUATION))
    sender.expect_close(1007)
    assert witness.receive_event()["type"] == "leave"


def test_utf8_split_inside_a_character_is_valid(pair: tuple[Member, Member]) -> None:
    witness, sender = pair
    text = '"é日🦆"'.encode()
    for at in range(1, len(text)):
        sender.send_frame(TEXT, text[:at], fin=False)
        sender.send_frame(CONTINUATION, text[at:])
        assert witness.receive_message() == "é日🦆"


NESTED = {
    "arrays, open": "[" * 100_000,
    "arrays, closed": "[" * 100_000 + "]" * 100_000,
    "objects, open": '{"a":' * 100_000,
    "objects, closed": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "behind a lone surrogate": '["\\ud800",' + "[" * 100_000 + "]" * 100_001,
    "mixed": '[{"a":' * 50_000 + "1" + "}]" * 50_000,
}


@pytest.fixture(scope="module")
def roomy() -> object:
    """A relay that takes messages of a megabyte."""
    with RelayProcess("--max-message", str(1 << 20)) as server:
        yield server


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_deep_nesting_is_one_error(roomy: RelayProcess, channel: str, text: str) -> None:
    with Visitors(roomy.address) as visitors:
        witness, sender = visitors.join(channel), visitors.join(channel)
        witness.receive_event()
        sender.send_text(text)
        sender.receive_error()
        assert_still_connected(witness, sender)


def test_deep_nesting_within_the_default_size(
    pair: tuple[Member, Member], bystanders: Bystanders
) -> None:
    witness, sender = pair
    sender.send_text("[" * 51_200 + "]" * 51_200)
    sender.receive_error()
    assert_still_connected(witness, sender)
