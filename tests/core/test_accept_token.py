"""Sec-WebSocket-Accept, held against the example of RFC 6455 and against hashlib."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay._core import accept_token

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
NONCE = b"dGhlIHNhbXBsZSBub25jZQ=="


def test_the_example_of_the_rfc() -> None:
    assert accept_token(NONCE) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@given(st.binary(min_size=16, max_size=16))
def test_any_nonce(nonce: bytes) -> None:
    encoded = base64.b64encode(nonce)
    assert accept_token(encoded) == base64.b64encode(hashlib.sha1(encoded + GUID).digest())


def test_the_bits_behind_the_sixteenth_byte_are_as_they_came() -> None:
    odd = NONCE.replace(b"Q==", b"R==")
    assert accept_token(odd) == base64.b64encode(hashlib.sha1(odd + GUID).digest())


@pytest.mark.parametrize(
    "nonce",
    [
        b"",
        NONCE[:-1],
        NONCE + b"=",
        NONCE.rstrip(b"="),
        NONCE[:-2] + b"A=",
        NONCE[:-1] + b"A",
        NONCE[:-3] + b"===",
        b" " + NONCE[1:],
        b"-" + NONCE[1:],
        b"_" + NONCE[1:],
        b"\xff" + NONCE[1:],
        NONCE[:10] + b"\x00" + NONCE[11:],
        base64.b64encode(bytes(15)),
        base64.b64encode(bytes(17)),
    ],
)
def test_what_is_no_nonce(nonce: bytes) -> None:
    with pytest.raises(ValueError, match="nonce: expected 16 bytes in base 64, got"):
        accept_token(nonce)


def test_a_long_one_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ValueError, match="nonce") as caught:
        accept_token(b"A" * 10_000)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("nonce", [None, NONCE.decode(), bytearray(NONCE)])
def test_a_nonce_is_bytes(nonce: object) -> None:
    with pytest.raises(TypeError):
        accept_token(nonce)  # type: ignore[arg-type]
