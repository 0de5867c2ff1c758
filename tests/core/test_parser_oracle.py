"""The frame parser against wsproto's, on streams made by hypothesis: flawless, broken on purpose, and mutated."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from .wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    KEY,
    PING,
    PONG,
    TEXT,
    Outcome,
    client_frame,
    client_header,
    close_payload,
    feed,
)

# wsproto has no limit; this one is only met by lengths that mutation made absurd.
NO_LIMIT = 2**40

# Zeros that complete any frame a stream may have left open, then form an unmasked continuation: both parsers must
# end in a fault, so neither can be merely waiting where the other has judged.
TAIL = bytes(70_000)


@dataclass
class Verdict:
    """What wsproto made of a stream."""

    messages: list[tuple[int, bytes]] = field(default_factory=list)
    code: int | None = None
    holds_half_a_surrogate: bool = False
    knows_not_the_close_code: bool = False


def consult(stream: bytes) -> Verdict:
    verdict = Verdict()
    parts: list[bytes] = []
    connection = Connection(ConnectionType.SERVER)
    connection.receive_data(stream)
    for event in connection.events():
        match event:
            case TextMessage(data=data) | BytesMessage(data=data):
                opcode = TEXT if isinstance(event, TextMessage) else BINARY
                parts.append(data.encode() if isinstance(data, str) else bytes(data))
                if event.message_finished:
                    verdict.messages.append((opcode, b"".join(parts)))
                    parts.clear()
            case Ping():
                verdict.messages.append((PING, bytes(event.payload)))
            case Pong():
                verdict.messages.append((PONG, bytes(event.payload)))
            case CloseConnection() if connection.state is ConnectionState.REMOTE_CLOSING:
                # 1005 stands for a close frame without a code.
                reason = (event.reason or "").encode()
                payload = b"" if event.code == 1005 else close_payload(event.code, reason)
                verdict.messages.append((CLOSE, payload))
            case CloseConnection():
                verdict.code = int(event.code)
                verdict.knows_not_the_close_code = "unknown reserved code" in (event.reason or "")
    decoder: Any = connection._proto._message_decoder.decoder
    pending = decoder.getstate()[0] if decoder else b""
    verdict.holds_half_a_surrogate = b"\xed\xa0" <= pending <= b"\xed\xbf"
    return verdict


def compare(data: bytes, outcome: Outcome) -> None:
    verdict = consult(data)
    if outcome.code == 1007 and verdict.holds_half_a_surrogate:
        # CPython's decoder, and so wsproto, waits for a third byte after ED A0..BF, which cannot make it valid.
        assert outcome.messages == verdict.messages[: len(outcome.messages)]
    elif outcome.code == 1009:
        # wsproto has no limit: it waits for the absurd length, and looks at the payload meanwhile.
        assert outcome.messages == verdict.messages
        assert verdict.code in (None, 1007)
    elif verdict.knows_not_the_close_code and outcome.code != 1002:
        # 1014 was registered after wsproto's list was written; so only we get to look at its reason.
        *messages, last = [*outcome.messages, None] if outcome.code else outcome.messages
        assert messages == verdict.messages
        assert outcome.code == 1007 if last is None else last[1][:2] == close_payload(1014)
    else:
        assert (outcome.messages, outcome.code) == (verdict.messages, verdict.code)


def cut(data: bytes, offsets: list[int]) -> list[bytes]:
    edges = [0, *sorted(offset % (len(data) + 1) for offset in offsets), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


keys = st.binary(min_size=4, max_size=4) | st.just(KEY)
offsets = st.lists(st.integers(0, 2**16), max_size=8)
texts = st.text(max_size=30).map(str.encode)
payloads = st.binary(max_size=40) | texts
sizes = st.sampled_from([0, 1, 124, 125, 126, 127, 128, 400])
codes = st.sampled_from([1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999])


@st.composite
def control_frames(draw: st.DrawFn) -> bytes:
    opcode = draw(st.sampled_from([PING, PONG]))
    return client_frame(opcode, draw(st.binary(max_size=125)), key=draw(keys))


@st.composite
def whole_messages(draw: st.DrawFn) -> bytes:
    """A message in one to five frames, cut without regard to characters, control frames between them."""
    opcode = draw(st.sampled_from([TEXT, BINARY]))
    payload = draw(texts if opcode == TEXT else payloads) + b"x" * draw(sizes)
    pieces = cut(payload, draw(st.lists(st.integers(0, 500), max_size=4)))
    frames = []
    for i, piece in enumerate(pieces):
        last = i == len(pieces) - 1
        frames.append(client_frame(CONTINUATION if i else opcode, piece, fin=last, key=draw(keys)))
        if not last:
            frames.extend(draw(st.lists(control_frames(), max_size=1)))
    return b"".join(frames)


@st.composite
def loose_frames(draw: st.DrawFn) -> bytes:
    """A frame with every field drawn for itself: seldom right."""
    opcode = draw(st.integers(0, 15) | st.sampled_from([0, 1, 2, 8, 9, 10]))
    payload = draw(payloads) + b"x" * draw(sizes)
    form = draw(st.sampled_from([None, None, None, 16, 64]))
    rsv = draw(st.sampled_from([0] * 8 + list(range(1, 8))))
    key = draw(st.none() | keys | keys | keys)
    return client_frame(opcode, payload, fin=draw(st.booleans()), rsv=rsv, form=form, key=key)


@st.composite
def loose_headers(draw: st.DrawFn) -> bytes:
    """A header that announces any length at all."""
    length = draw(
        st.integers(0, 2**64 - 1) | st.sampled_from([2**63 - 1, 2**63, 2**32, 2**40, 2**40 + 1])
    )
    return client_header(draw(st.integers(0, 10)), length, fin=draw(st.booleans()), form=64)


close_frames = st.builds(
    lambda code, reason: client_frame(CLOSE, close_payload(code, reason[:123])),
    codes | st.integers(0, 65_535) | st.integers(990, 1_020),
    texts | st.binary(max_size=20),
) | st.binary(max_size=3).map(lambda payload: client_frame(CLOSE, payload))

flawless_streams = st.lists(whole_messages() | control_frames(), max_size=6).map(b"".join)
broken_streams = st.lists(
    whole_messages() | control_frames() | loose_frames() | loose_headers() | close_frames,
    max_size=6,
).map(b"".join)


@st.composite
def mutated_streams(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(broken_streams))
    for _ in range(draw(st.integers(1, 3))):
        if data:
            at = draw(st.integers(0, len(data) - 1))
            match draw(st.sampled_from(["flip", "set", "insert", "delete"])):
                case "flip":
                    data[at] ^= 1 << draw(st.integers(0, 7))
                case "set":
                    data[at] = draw(st.integers(0, 255))
                case "insert":
                    data[at:at] = draw(st.binary(max_size=4))
                case "delete":
                    del data[at]
    return bytes(data)


@given(flawless_streams, st.lists(close_frames, max_size=1).map(b"".join), offsets)
def test_flawless_streams(stream: bytes, close: bytes, where: list[int]) -> None:
    outcome = feed(cut(stream, where), NO_LIMIT)
    assert outcome.fault is None
    assert outcome.is_idle
    compare(stream, outcome)
    compare(stream + close, feed(cut(stream + close, where), NO_LIMIT))


@given(flawless_streams, st.integers(0, 2**16), offsets)
def test_what_begins_flawless_is_not_refused(stream: bytes, end: int, where: list[int]) -> None:
    prefix = stream[: end % (len(stream) + 1)]
    outcome = feed(cut(prefix, where), NO_LIMIT)
    assert outcome.fault is None
    compare(prefix, outcome)


@given(broken_streams | mutated_streams() | st.binary(max_size=200), offsets)
@example(client_frame(TEXT, b"\xed\xa0", fin=False) + client_frame(PING, b"between"), [])
@example(client_frame(CLOSE, close_payload(1014)), [])
@example(client_frame(CLOSE, close_payload(1014, b"\xff")), [])
@example(client_header(BINARY, 2**62), [])
@example(client_header(TEXT, 2**62), [])
def test_broken_streams(stream: bytes, where: list[int]) -> None:
    data = stream + TAIL
    outcome = feed([*cut(stream, where), TAIL], NO_LIMIT)
    compare(data, outcome)
    assert outcome == feed([data], NO_LIMIT)
