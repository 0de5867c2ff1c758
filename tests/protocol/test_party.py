"""Party rooms on the wire: relayed verbatim, with nothing added."""

from __future__ import annotations

import pytest
from support.member import Visitors
from support.websocket import BINARY, CONTINUATION, TEXT, WebSocket


def room(channel: str, key: str, suffix: str = "") -> str:
    return f"/parties/main/{channel}{suffix}?_pk={key}"


def expect_nothing_before(sender: WebSocket, *receivers: WebSocket) -> None:
    """A marker from `sender` is the next thing each of the others receives."""
    sender.send_text("marker")
    for receiver in receivers:
        assert receiver.receive() == (TEXT, b"marker")


@pytest.mark.parametrize(
    "payload", [b"", b"plain text", b"undefined", b"@@x@@1", b"\x1f\x1f1", b"{", "日🦆".encode()]
)
def test_text_stays_text(visit: Visitors, channel: str, payload: bytes) -> None:
    sender, receiver = visit.open(room(channel, "a")), visit.open(room(channel, "b"))
    sender.send_frame(TEXT, payload)
    assert receiver.receive() == (TEXT, payload)


@pytest.mark.parametrize("payload", [b"", b"\x00\xff", bytes(range(256)) * 300])
def test_binary_stays_binary(visit: Visitors, channel: str, payload: bytes) -> None:
    sender, receiver = visit.open(room(channel, "a")), visit.open(room(channel, "b"))
    sender.send_frame(BINARY, payload)
    assert receiver.receive() == (BINARY, payload)


def test_no_events_no_errors_no_echo(visit: Visitors, channel: str) -> None:
    first, second = visit.open(room(channel, "a")), visit.open(room(channel, "b"))
    third = visit.open(room(channel, "c"))
    third.send_close()
    third.expect_close(1000)
    second.send_text("undefined")
    expect_nothing_before(first, second)
    assert first.receive() == (TEXT, b"undefined")
    expect_nothing_before(second, first)


def test_echo(visit: Visitors, channel: str) -> None:
    loud, other = visit.open(room(channel, "a") + "&echo=true"), visit.open(room(channel, "b"))
    loud.send_text("hello")
    assert loud.receive() == other.receive() == (TEXT, b"hello")


def test_two_sockets_may_share_a_key(visit: Visitors, channel: str) -> None:
    first, second, other = (visit.open(room(channel, key)) for key in "aab")
    other.send_text("to both")
    assert first.receive() == second.receive() == (TEXT, b"to both")
    first.send_text("from one")
    assert second.receive() == other.receive() == (TEXT, b"from one")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("/parties/main/{}?_pk=a", "/party/{}?_pk=b", True),
        ("/parties/main/{}?_pk=a", "/parties/main/{}/sub/path?_pk=b", True),
        ("/parties/main/{}?_pk=a", "/parties/other/{}?_pk=b", False),
        ("/parties/any-thing/{}%3A1?_pk=a", "/parties/any-thing/{}:1?_pk=b", True),
        ("/parties/main/{}?_pk=a", "/parties/main/{}", True),
        ("/parties/main/{}x?_pk=a", "/parties/main/{}X?_pk=b", False),
    ],
)
def test_which_room(visit: Visitors, channel: str, one: str, other: str, same: bool) -> None:
    first, second, peer = (visit.open(target.format(channel)) for target in (one, other, one))
    second.send_text("from second")
    if same:
        assert first.receive() == (TEXT, b"from second")
        assert peer.receive() == (TEXT, b"from second")
    expect_nothing_before(peer, first)


def test_rooms_and_itty_channels_are_separate(visit: Visitors, channel: str) -> None:
    member = visit.join(channel)
    visit.open(room(channel, "a")).send_text("1")
    visit.open(f"/parties/c/{channel}?_pk=a").send_text("1")
    assert member.settle() == []


@pytest.mark.parametrize(
    ("size", "fits"), [((1 << 20) - 1, True), (1 << 20, True), ((1 << 20) + 1, False)]
)
def test_a_message_may_have_one_mebibyte(
    visit: Visitors, channel: str, size: int, fits: bool
) -> None:
    sender, receiver = visit.open(room(channel, "a")), visit.open(room(channel, "b"))
    sender.send_frame(BINARY, b"x" * (size - 9), fin=False)
    sender.send_frame(CONTINUATION, b"123456789")
    if fits:
        kind, payload = receiver.receive()
        assert (kind, len(payload)) == (BINARY, size)
    else:
        sender.expect_close(1009)


def test_invalid_utf8_closes_with_1007(visit: Visitors, channel: str) -> None:
    sender = visit.open(room(channel, "a"))
    sender.send_text(b"\xff")
    sender.expect_close(1007)
