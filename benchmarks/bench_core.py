"""The core without a socket: what one frame, one byte, one envelope costs.

Where a function takes a run of frames or bytes it gets 64 KiB, what the reactor reads at once, so that the price of
the call from Python vanishes. The rest is called once per unit from Python, and says so: some 40 ns are the call's.
Each names the yardstick by which it is compared with the stored ratios.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeAlias

import pytest

from benchmarks.yardsticks import CALL, CALLS, PIECE, TRANSLATE, Yardstick
from relay._core import (
    FrameParser,
    Log,
    Member,
    Stamper,
    TokenBucket,
    Utf8Validator,
    apply_mask,
    contains_id,
    encode_frame,
    is_utf8,
    split_address,
)

PerUnit: TypeAlias = Callable[[int, Callable[[], object], Yardstick], object]

READ_BYTES = 64 * 1024
TEXT = 1
KEY = b"\x37\xfa\x21\x3d"
DATE = 1_700_000_000_000
PREFIX = b'"uid":"V1StGXR8_Z","date":'
PAYLOADS = {"64 B": b'{"x":"%b"}' % (b"y" * 56), "16 KiB": b'{"x":"%b"}' % (b"y" * 16_376)}
TEXTS = {
    "ascii": b"the quick brown fox jumps over the lazy dog ",
    "mixed": "naïve café, 日本語 text, plain ".encode(),
    "cjk": "日本語".encode(),
}


def calls(call: Callable[[], object]) -> Callable[[], None]:
    """The call, so often that the benchmark's own overhead vanishes."""

    def repeat() -> None:
        for _ in range(CALLS):
            call()

    return repeat


def run_of(text: bytes) -> bytes:
    """About as much of it as one read brings, cut at a character."""
    return text * (READ_BYTES // len(text))


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def bench_parse_frame(per_unit: PerUnit, payload: bytes) -> None:
    """Header, unmasking, UTF-8, and a Python object per message that the reactor does not make."""
    frame = encode_frame(TEXT, payload, mask=KEY)
    frames = max(1, READ_BYTES // len(frame))
    data, parser = frame * frames, FrameParser()
    messages = per_unit(frames, lambda: parser.feed(data), PIECE if frames > 100 else CALL)
    assert messages == [(TEXT, payload)] * frames


def bench_parse_frame_in_pieces(per_unit: PerUnit) -> None:
    """The same frames, each cut in two by the end of a read."""
    frame = encode_frame(TEXT, PAYLOADS["64 B"], mask=KEY)
    first, second, parser = frame[:30], frame[30:], FrameParser()

    def feed() -> None:
        parser.feed(first)
        parser.feed(second)

    per_unit(CALLS, calls(feed), CALL)
    assert parser.is_idle


def bench_unmask_kib(per_unit: PerUnit) -> None:
    data = os.urandom(READ_BYTES)
    per_unit(READ_BYTES // 1024, lambda: apply_mask(data, KEY), CALL)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def bench_validate_utf8_kib(per_unit: PerUnit, text: bytes) -> None:
    data = run_of(text)
    assert per_unit(len(data) // 1024, lambda: is_utf8(data), CALL if data.isascii() else TRANSLATE)


def bench_validate_utf8_in_pieces(per_unit: PerUnit) -> None:
    """A fragmented message: 64 bytes a call."""
    pieces = [run_of(TEXTS["mixed"])[i : i + 64] for i in range(0, CALLS * 64, 64)]

    def feed() -> bool:
        validator = Utf8Validator()
        return all(map(validator.feed, pieces))

    assert per_unit(len(pieces), feed, CALL)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def bench_stamp_call(per_unit: PerUnit, payload: bytes) -> None:
    stamper = Stamper(b"abcdefgh")
    per_unit(CALLS, calls(lambda: stamper.stamp(PREFIX, payload, DATE)), CALL)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def bench_find_id_call(per_unit: PerUnit, payload: bytes) -> None:
    per_unit(CALLS, calls(lambda: contains_id(payload)), CALL)


def bench_split_address_call(per_unit: PerUnit) -> None:
    text = b"@@V1StGXR8_Z@@" + PAYLOADS["64 B"]
    per_unit(CALLS, calls(lambda: split_address(text)), CALL)


def bench_token_bucket_call(per_unit: PerUnit) -> None:
    bucket = TokenBucket(1e6, 1e9)
    per_unit(CALLS, calls(lambda: bucket.try_consume(1.0)), CALL)


@pytest.mark.parametrize("members", [2, 100])
def bench_publish_into_log_call(per_unit: PerUnit, members: int) -> None:
    """Stamp into the log, and let every member catch up: what a turn does, but for the sockets."""
    log, stamper = Log(), Stamper(b"abcdefgh")
    attached = [Member(b'"uid":"member-%d","date":' % i) for i in range(members)]
    for member in attached:
        log.attach(member)
    payload, sender = PAYLOADS["64 B"], attached[0]

    def turn() -> None:
        for _ in range(64):
            log.publish(payload, sender, stamper, DATE)
        for member in attached:
            if member.is_behind:
                member.advance(sum(map(len, member.gather())))

    per_unit(64, turn, CALL)
    assert log.is_empty
