"""Whether a message may be published without joining: by its address, its origin, and its keys."""

from __future__ import annotations

import msgspec
import pytest

from relay.admission import Admission, Post
from relay.keys import Keys, Lock
from relay.limits import AddressLimits
from relay.requests import Refusal, parse_head
from relay.settings.config import Settings

PEER = bytes((203, 0, 113, 7))
OTHER = bytes((203, 0, 113, 8))
LOOPBACK = bytes((127, 0, 0, 1))
ROOM = (b"main", b"room")
RIGHT, WRONG, NONE = b"x-send-key: right\r\n", b"x-send-key: wrong\r\n", b""


class Channel(msgspec.Struct):
    lock: Lock | None


LOCKED = {ROOM: Channel(Lock.from_first_member(Keys(None, b"right")))}
OPEN: dict[object, Channel] = {ROOM: Channel(None)}


class Door:
    """Decides by some settings; `post` returns the status that the request is refused with, or None."""

    def __init__(self, **settings: object) -> None:
        self.settings = msgspec.convert(settings, Settings)
        self.limits = AddressLimits(self.settings)
        self.admission = Admission(self.settings, self.limits)

    def accept(
        self,
        now: float = 0.0,
        *,
        headers: bytes = NONE,
        peer: bytes = PEER,
        channels: dict[object, Channel] = OPEN,
    ) -> Post:
        head = b"POST /party/room HTTP/1.1\r\nHost: x\r\n%s\r\n" % headers
        return self.admission.accept_post(parse_head(head), peer, b"", channels, now)  # type: ignore[arg-type]

    def post(self, now: float = 0.0, **request: object) -> int | None:
        try:
            self.accept(now, **request)  # type: ignore[arg-type]
        except Refusal as refusal:
            return refusal.status
        return None

    def wait_told(self, now: float, **request: object) -> int:
        with pytest.raises(Refusal) as caught:
            self.accept(now, **request)  # type: ignore[arg-type]
        assert caught.value.status == 429
        (header,) = caught.value.headers
        return int(header.removeprefix(b"Retry-After: "))


def test_the_rate_of_an_address() -> None:
    door = Door(message_rate=2.0, message_burst=3.0)
    assert [door.post() for _ in range(4)] == [None, None, None, 429]
    assert door.post(peer=OTHER) is None
    assert door.post(0.4) == 429
    assert door.post(0.5) is None
    assert door.wait_told(0.5) == 1


def test_the_byte_rate_of_an_address() -> None:
    door = Door(byte_rate=10, byte_burst=100)
    address = door.accept().address
    door.limits.check_published_bytes(address, 60, 0.0)
    door.limits.check_published_bytes(address, 40, 0.0)
    with pytest.raises(Refusal) as caught:
        door.limits.check_published_bytes(address, 30, 0.0)
    assert (caught.value.status, caught.value.headers) == (429, (b"Retry-After: 3",))
    door.limits.check_published_bytes(address, 30, 3.0)


@pytest.mark.parametrize(("size", "status"), [(99, None), (100, None), (101, 413)])
def test_more_bytes_than_the_burst_never_pass(size: int, status: int | None) -> None:
    door = Door(byte_rate=10, byte_burst=100)
    address = door.accept().address
    if status is None:
        door.limits.check_published_bytes(address, size, 0.0)
        return
    with pytest.raises(Refusal) as caught:
        door.limits.check_published_bytes(address, size, 0.0)
    assert (caught.value.status, caught.value.headers) == (status, ())


def test_an_exempt_address_has_no_rate() -> None:
    door = Door(message_rate=1.0, message_burst=1.0, byte_rate=1, byte_burst=1)
    post = door.accept(peer=LOOPBACK)
    assert post.address == 0
    assert [door.post(peer=LOOPBACK) for _ in range(5)] == [None] * 5
    door.limits.check_published_bytes(0, 1_000_000, 0.0)


def test_blocks() -> None:
    door = Door(block_time=60.0)
    door.limits.block(door.accept().address, 0.0)
    assert door.wait_told(59.5) == 1
    assert door.post(60.0) is None


@pytest.mark.parametrize(("limits", "spared"), [("dry-run", 4), ("off", 0)])
def test_limits_that_do_not_hold(limits: str, spared: int) -> None:
    door = Door(limits=limits, message_rate=1.0, message_burst=1.0)
    assert [door.post() for _ in range(5)] == [None] * 5
    assert door.limits.spared["published_rate"] == spared


def test_a_change_of_settings_holds_at_once() -> None:
    door = Door(message_rate=0.0)
    assert [door.post() for _ in range(5)] == [None] * 5
    door.limits.configure(msgspec.structs.replace(door.settings, message_rate=1.0, message_burst=1))
    assert [door.post() for _ in range(2)] == [None, 429]


@pytest.mark.parametrize(
    ("headers", "status"), [(RIGHT, None), (WRONG, 403), (NONE, 401), (b"x-send-key:\r\n", 401)]
)
def test_the_send_key(headers: bytes, status: int | None) -> None:
    assert Door().post(headers=headers, channels=LOCKED) == status


def test_ephemeral_keys_can_be_off() -> None:
    assert Door(ephemeral_keys=False).post(headers=NONE, channels=LOCKED) is None


def test_keys_are_guessed_no_faster_than_by_connecting() -> None:
    door = Door(connection_rate=1.0, connection_burst=3.0)
    wrong = [door.post(headers=WRONG, channels=LOCKED) for _ in range(4)]
    assert wrong == [403, 403, 403, 429]
    assert door.post(headers=RIGHT, channels=LOCKED) == 429, "a right guess must not stand out"
    assert door.post(channels=OPEN) is None
    assert door.post(headers=RIGHT, channels=LOCKED, peer=OTHER) is None
    assert door.post(1.0, headers=RIGHT, channels=LOCKED) is None


def test_right_keys_and_missing_ones_are_no_guesses() -> None:
    door = Door(connection_rate=1.0, connection_burst=1.0)
    assert [door.post(headers=RIGHT, channels=LOCKED) for _ in range(5)] == [None] * 5
    assert [door.post(headers=NONE, channels=LOCKED) for _ in range(5)] == [401] * 5


def test_a_proxy_that_is_not_trusted_speaks_for_nobody() -> None:
    head = parse_head(b"POST /party/room HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises(Refusal) as caught:
        Door().admission.accept_post(head, PEER, OTHER, {}, 0.0)
    assert caught.value.status == 403


def test_the_address_behind_a_trusted_proxy_counts() -> None:
    door = Door(message_rate=1.0, message_burst=1.0, trusted_proxies=["203.0.113.7"])
    assert door.post(headers=b"x-forwarded-for: 198.51.100.1\r\n") is None
    assert door.post(headers=b"x-forwarded-for: 198.51.100.2\r\n") is None
    assert door.post(headers=b"x-forwarded-for: 198.51.100.1\r\n") == 429
