"""The client of the studies: server frames out of a stream however it was cut, a refusal, silence and an end."""

from __future__ import annotations

import pytest

from benchmarks.client import Client, masked_text, take_frames

from .fake_server import PING, TEXT, FakeServer, close_frame, frame

PAYLOADS = [b"", b"x" * 125, b"x" * 126, b"x" * 65_535, b"x" * 65_536]
SHORT = [(TEXT, b'{"a":1}'), (PING, b""), (TEXT, b"y" * 130)]
SILENCE_SECONDS = 0.05


@pytest.mark.parametrize("payload", PAYLOADS, ids=len)
def test_every_length_form(payload: bytes) -> None:
    data = bytearray(frame(TEXT, payload) + frame(PING, b"z"))
    assert take_frames(data) == [(TEXT, payload), (PING, b"z")]
    assert not data


def test_split_at_every_offset() -> None:
    whole = b"".join(frame(opcode, payload) for opcode, payload in SHORT)
    for cut in range(len(whole) + 1):
        data = bytearray(whole[:cut])
        frames = take_frames(data)
        data += whole[cut:]
        assert frames + take_frames(data) == SHORT
        assert not data


def test_byte_by_byte() -> None:
    data, frames = bytearray(), []
    for byte in b"".join(frame(opcode, payload) for opcode, payload in SHORT):
        data.append(byte)
        frames += take_frames(data)
    assert frames == SHORT


def test_what_one_sends_the_other_reads() -> None:
    with (
        FakeServer(wrap=lambda payload: frame(TEXT, payload)) as server,
        Client(server.port, "/c/x") as sender,
        Client(server.port, "/c/x") as reader,
    ):
        data = masked_text(b'{"a":1}')
        assert sender.send(data) == len(data)
        assert reader.read(10) == [(TEXT, b'{"a":1}')]
        assert reader.read() == []
        assert not reader.has_ended
    assert server.requests[0].startswith(b"GET /c/x HTTP/1.1\r\n")


def test_the_greeting_is_left_to_the_first_read() -> None:
    greeting = frame(TEXT, b"hello")
    with FakeServer(greeting=greeting) as server, Client(server.port, "/c/x") as client:
        assert client.read_until_silent(SILENCE_SECONDS) == [(TEXT, b"hello")]


def test_a_small_receive_buffer_is_had_from_the_start() -> None:
    with FakeServer() as server, Client(server.port, "/c/x", receive_buffer_bytes=4096) as client:
        small = client.receive_buffer()
        client.set_receive_buffer(65_536)
        assert small <= 2 * 4096 < client.receive_buffer()


def test_a_close_frame_is_the_end() -> None:
    with FakeServer(greeting=close_frame(1013)) as server, Client(server.port, "/c/x") as client:
        assert client.read_until_silent(10) == [(8, b"\x03\xf5")]
        assert client.has_ended


@pytest.mark.parametrize(
    ("answer", "text"),
    [(b"HTTP/1.1 429 Too Many Requests\r\n\r\n", "429"), (b"", "closed during")],
)
def test_a_refusal_is_told(answer: bytes, text: str) -> None:
    with FakeServer(answer=answer) as server, pytest.raises(ConnectionError, match=text):
        Client(server.port, "/c/x")


def test_a_frame_in_pieces_is_waited_for() -> None:
    greeting = frame(TEXT, b"x" * 300)
    with (
        FakeServer(greeting=greeting, piece_bytes=100) as server,
        Client(server.port, "/c/x") as client,
    ):
        assert client.read_some(10) == [(TEXT, b"x" * 300)]
        assert client.read_some(SILENCE_SECONDS) == []
