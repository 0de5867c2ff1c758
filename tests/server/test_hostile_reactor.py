"""The reactor by itself under everything at once: rude peers, tiny buffers, turns without time, callbacks that raise and meddle.

One process drives the reactor and all its peers, so a seed decides nearly all (not how the kernel cuts streams). Two
witnesses in each room, with `list` and without, read all the time and are never meddled with: what they saw is what everyone
else must have seen, from its own join on, to the end if it is still there, to some frame otherwise.
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import struct
import time
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import pytest
from support.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, encode_frame

from relay._core import (
    AUDIENCE_ALL,
    AUDIENCE_COUNT,
    AUDIENCE_LIST,
    Log,
    Member,
    Reactor,
)
from relay._core import encode_frame as server_frame

STEPS = 600
SETTLED_SECONDS = 0.5  # tiny TCP windows open by probes of the kernel, a fifth of a second apart
BUDGETS = (0.0, 0.0, 1e-6, 1e-4, 4e-3)
MAX_MESSAGE = 20_000
MALFORMED = (
    encode_frame(0x3),
    encode_frame(TEXT, b"\xff"),
    encode_frame(TEXT, b"1", rsv=4),
    encode_frame(TEXT, b"1", mask=None),
    encode_frame(CONTINUATION, b"x"),
    encode_frame(PING, b"x" * 126),
    encode_frame(CLOSE, b"x"),
    encode_frame(CLOSE, b"\x03\xec"),
    encode_frame(TEXT, b"x" * (MAX_MESSAGE + 1)),
    b"\x81\xff" + b"\xff" * 20,
)
REFUSED = (b"undefined", b'{"a":', b"@@x", b"1}", b"", b"@@nobody@@1", b"[" * 900)
HEADS = (
    b"GET /boom HTTP/1.1\r\n\r\n",
    b"GET /http HTTP/1.1\r\n\r\nrest",
    b"GET /refuse HTTP/1.1\r\n\r\n" + b"z" * 70_000,
    b"\x16\x03\x01",
    b"G" * 17_000,
)


class Mischief(Exception):  # noqa: N818 - what a callback does, not what went wrong
    """Raised by callbacks on purpose."""


class Room:
    """An owner whose callbacks raise, close and abort others and the leaver itself, and append."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.log: Log = world.reactor.open_log(self)
        self.serial = 0

    def tell(self, kind: str, uid: str) -> None:
        """A numbered event, worded differently for members with `list`."""
        self.serial += 1
        event = {"event": kind, "serial": self.serial, "uid": uid, "pad": "p" * (self.serial % 300)}
        lists, total = self.log.list_count, self.log.member_count
        audiences = [AUDIENCE_ALL] if lists in (0, total) else [AUDIENCE_COUNT, AUDIENCE_LIST]
        for audience in audiences:
            text = json.dumps(event | {"for": audience}).encode()
            self.log.append(server_frame(TEXT, text), None, audience)

    def join(self, member: Member) -> None:
        if self.log.member_count:
            self.tell("join", member.uid)
        self.serial += 1
        self.log.attach(member)
        own = json.dumps({"event": "self", "serial": self.serial}).encode()
        member.enqueue(b"HTTP/1.1 101 \r\n\r\n" + server_frame(TEXT, own))

    def on_leave(self, member: Member, is_lingering: bool) -> None:
        assert member.log is None
        if is_lingering:
            self.world.lingering.append(member)
        if self.log.member_count:
            self.tell("leave", member.uid)
        self.meddle(member)

    def on_error(self, member: Member, kind: str, detail: Any) -> bytes | None:
        if self.world.random.random() < 0.3:
            self.meddle(member)
        return server_frame(TEXT, b'{"event":"error"}') if kind != "binary" else None

    def meddle(self, member: Member) -> None:
        dice = self.world.random.random()
        others = [each for each in self.log.members if each.uid[0] != "w"]
        if self.world.is_over or self.world.depth > 3:
            return
        self.world.depth += 1
        try:
            if dice < 0.08:
                raise Mischief
            if dice < 0.16 and others:
                self.world.random.choice(others).close(4001, "mischief")
            elif dice < 0.24 and others:
                self.world.random.choice(others).abort()
            elif dice < 0.30 and member.uid[0] != "w":
                member.abort()
            elif dice < 0.40 and self.log.member_count:
                self.tell("extra", "")
            elif dice < 0.42:
                self.world.reactor.turn()  # refused, by an exception that is contained
        finally:
            self.world.depth -= 1


class Peer:
    """A client's end, never blocking."""

    def __init__(self, sock: socket.socket, uid: str, room: int, lists: bool, echo: bool) -> None:
        self.socket, self.uid, self.room, self.lists, self.echo = sock, uid, room, lists, echo
        sock.setblocking(False)
        self.to_send = bytearray()
        self.received = bytearray()
        self.frames: list[tuple[int, bytes]] = []
        self.sent = 0
        self.last_ping = b""
        self.is_reading = self.is_open = True
        self.is_polite = True  # until it sends what must end it

    def send(self, limit: int) -> int:
        with contextlib.suppress(BlockingIOError):
            try:
                count = self.socket.send(self.to_send[:limit])
            except (BrokenPipeError, ConnectionResetError):
                count = len(self.to_send)
            del self.to_send[:count]
            return count
        return 0

    def receive(self, limit: int = 1 << 20) -> int:
        data = None
        with contextlib.suppress(BlockingIOError):
            try:
                data = self.socket.recv(limit)
            except ConnectionResetError:
                data = b""
        if data == b"":
            self.leave()
        self.received += data or b""
        if not self.frames and self.received.startswith(b"HTTP/1.1 101"):
            _, end, rest = self.received.partition(b"\r\n\r\n")
            if end:
                self.received[:] = rest
                self.frames.append((-1, b""))  # the head
        if self.frames:
            for frame in take_frames(self.received):
                assert self.frames[-1][0] != CLOSE, f"{self.uid} got {frame} behind a close frame"
                self.frames.append(frame)
        return len(data or b"")

    def leave(self) -> None:
        self.is_open = False
        self.socket.close()

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.leave()

    def ping(self, payload: bytes) -> None:
        self.last_ping = payload
        self.to_send += encode_frame(PING, payload)

    def say(self, to: Peer | None, size: int, cut: int | None) -> None:
        """A numbered message, direct or to the room, in one frame or in two with a ping between them."""
        message = {"from": self.uid, "number": self.sent, "to": to.uid if to else None}
        text = json.dumps(message | {"pad": "." * size}).encode()
        text = b"@@%s@@%s" % (to.uid.encode(), text) if to else text
        self.sent += 1
        if cut is None:
            self.to_send += encode_frame(TEXT, text)
        else:
            self.to_send += encode_frame(TEXT, text[:cut], fin=False)
            self.ping(b"between")
            self.to_send += encode_frame(CONTINUATION, text[cut:])

    # these two are asked for only when all is over

    @cached_property
    def texts(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for opcode, payload in self.frames if opcode == TEXT]

    @cached_property
    def shared(self) -> list[tuple[Any, ...]]:
        """What it saw of what the whole room was told, in order."""
        seen: list[tuple[Any, ...]] = []
        for text in self.texts:
            message = text.get("message")
            if text.get("event") in ("join", "leave", "extra"):
                assert text["for"] in (AUDIENCE_ALL, (AUDIENCE_COUNT, AUDIENCE_LIST)[self.lists])
                seen.append((text["serial"], text["event"], text["uid"]))
            elif isinstance(message, dict) and message["to"] is None:
                assert message["from"] == text["uid"]
                seen.append((text["id"], message["from"], message["number"]))
        return seen


def take_frames(data: bytearray) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 2:
        first, length = data[0], data[1]
        assert first & 0x70 == 0, f"reserved bits in {bytes(data[:40])!r}"
        assert first & 0x80, f"a fragment {bytes(data[:40])!r}"
        assert first & 15 in (TEXT, CLOSE, PING, PONG), f"opcode in {bytes(data[:40])!r}"
        extended = {126: 2, 127: 8}.get(length, 0)
        size = 2 + extended
        length = int.from_bytes(data[2:size], "big") if extended else length
        if len(data) < size + length:
            return
        payload = bytes(data[size : size + length])
        del data[: size + length]
        yield first & 15, payload


class World:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lingering: list[Member] = []
        self.unexpected: list[BaseException] = []
        self.depth = 0
        self.is_over = False
        self.by_uid: dict[str, Member] = {}
        self.reactor = Reactor(
            self.admit,
            boot=b"bootboot",
            on_http=lambda fileno, *_: socket.socket(fileno=fileno).close(),
            on_crash=self.on_crash,
            message_rate=0.0,
            max_message_bytes=MAX_MESSAGE,
            backlog_limit_bytes=self.random.choice((20_000, 100_000, 1 << 20)),
            handshake_timeout_seconds=self.random.choice((0.02, 5.0)),
        )
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
        self.listener.setblocking(False)
        self.reactor.add_listener(self.listener.fileno())
        self.rooms = [Room(self) for _ in range(2)]
        self.peers: list[Peer] = []
        for number in range(4):
            peer = self.visit(f"w{number}", number % 2, lists=number > 1, echo=True, is_small=False)
            while not peer.frames:
                peer.send(1 << 20)
                self.reactor.turn()
                peer.receive()

    # --- called by the reactor

    def admit(self, head: bytes, peer: bytes, source: bytes) -> Member | bytes | None:
        name, _, query = head.split(b" ")[1][1:].decode().partition("?")
        if name == "http":
            return None
        if name == "boom":
            raise Mischief
        if name == "refuse":
            return b"HTTP/1.1 400 \r\n\r\n"
        options = json.loads(bytes.fromhex(query))
        member = Member(
            b'"uid":"%s","date":' % name.encode(), echo=options["echo"], lists=options["lists"]
        )
        self.by_uid[name] = member
        self.rooms[options["room"]].join(member)
        return member

    def on_crash(self, owner: Any, exc: BaseException) -> None:
        if not isinstance(exc, Mischief) and "callbacks must not" not in str(exc):
            self.unexpected.append(exc)

    # --- what peers do

    def visit(self, uid: str, room: int, *, lists: bool, echo: bool, is_small: bool) -> Peer:
        options = {"room": room, "lists": lists, "echo": echo}
        head = b"GET /%s?%s HTTP/1.1\r\n\r\n" % (
            uid.encode(),
            json.dumps(options).encode().hex().encode(),
        )
        if is_small:
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.connect(self.listener.getsockname())
            cut = 0
        else:
            sock, other = socket.socketpair()
            if uid[0] != "w":
                other.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
                cut = self.random.randrange(len(head) + 1)
            else:
                cut = 0
            other.setblocking(False)
            self.reactor.adopt(other.detach(), head[:cut])
        peer = Peer(sock, uid, room, lists, echo)
        peer.to_send += head[cut:]
        if is_small and self.random.random() < 0.1:
            peer.to_send[:] = self.random.choice(HEADS)
            peer.is_polite = False
        self.peers.append(peer)
        return peer

    def act(self, peer: Peer) -> None:
        dice, choice, count = self.random.random(), self.random.choice, self.random.randrange
        if dice < 0.4:
            self.talk(peer, None)
        elif dice < 0.6:
            self.talk(peer, choice([each for each in self.peers if each.room == peer.room]))
        elif dice < 0.65:
            for _ in range(choice((1, 100))):
                peer.ping(b"p" * choice((0, 1, 125)))
        elif dice < 0.70:
            peer.to_send += choice((encode_frame(TEXT, choice(REFUSED)), encode_frame(BINARY)))
        elif peer.uid[0] == "w":
            return
        elif dice < 0.80:
            peer.is_reading = not peer.is_reading
        elif dice < 0.83:
            peer.to_send += choice(MALFORMED) + b"\xa5" * count(1000)
            peer.is_polite = False
        elif dice < 0.85:
            peer.to_send += encode_frame(CLOSE, b"\x03\xe8") + encode_frame(TEXT, b"1")
            peer.is_polite = False
        elif dice < 0.87:
            choice((peer.leave, peer.reset))()
        elif dice < 0.89 and peer.uid in self.by_uid:
            member = self.by_uid[peer.uid]
            choice((member.abort, lambda: member.close(1008, "an operator's kick")))()

    def talk(self, peer: Peer, to: Peer | None) -> None:
        for _ in range(self.random.choice((1, 1, 20))):
            size = self.random.choice((0, 1, 60, 500, 3000))
            cut = self.random.randrange(60) if self.random.random() < 0.3 else None
            peer.say(to, size, cut)

    def step(self, number: int) -> None:
        living = [peer for peer in self.peers if peer.is_open]
        if len(living) < 40:
            self.visit(
                f"p{number}",
                self.random.randrange(2),
                lists=self.random.random() < 0.3,
                echo=self.random.random() < 0.3,
                is_small=self.random.random() < 0.5,
            )
        for peer in self.random.sample(living, 4):
            self.act(peer)
        for peer in living:
            if peer.is_open:
                peer.send(1 << 20 if peer.uid[0] == "w" else self.random.choice((1, 7, 5000)))
        self.reactor.turn(self.random.choice(BUDGETS))
        for peer in living:
            if peer.is_open and (peer.uid[0] == "w" or peer.is_reading):
                peer.receive(1 << 20 if peer.uid[0] == "w" else self.random.choice((1, 100, 9000)))
        if number % 50 == 0:
            for member in self.lingering:
                member.abort()
            self.lingering.clear()
        assert not self.unexpected, self.unexpected

    def settle(self) -> None:
        """Everyone reads until nothing moves any more."""
        self.is_over = True
        moved_at = time.monotonic()
        while time.monotonic() - moved_at < SETTLED_SECONDS:
            has_more = self.reactor.turn()
            moved = [peer.send(1 << 20) + peer.receive() for peer in self.peers if peer.is_open]
            if any(moved) or has_more:
                moved_at = time.monotonic()
        assert not self.unexpected, self.unexpected

    def close(self) -> None:
        self.reactor.close()
        self.listener.close()
        for peer in self.peers:
            peer.socket.close()


def check_shared(world: World, peer: Peer, is_here: bool) -> None:
    """Everything the room was told since it joined, less its own, in the order of its room's witness."""
    witness = world.peers[peer.room + 2 * peer.lists]
    whole = witness.shared
    joined = peer.texts[0]
    assert joined["event"] == "self", joined
    mark = (joined["serial"] - 1, "join", peer.uid)
    expected = [each for each in whole[whole.index(mark) + 1 :] if peer.echo or each[1] != peer.uid]
    seen = peer.shared
    assert seen == (expected if is_here else expected[: len(seen)]), f"{peer.uid} missed something"


def check_own(peer: Peer, is_here: bool) -> None:
    """What each sender sent arrived in its order, direct messages and the room's; the last ping was answered."""
    numbers: dict[str, int] = {}
    for text in peer.texts:
        message = text.get("message")
        if isinstance(message, dict):
            assert message["to"] in (None, peer.uid), message
            assert numbers.get(message["from"], -1) < message["number"], message
            numbers[message["from"]] = message["number"]
    if is_here and peer.is_polite and peer.last_ping:
        assert [data for opcode, data in peer.frames if opcode == PONG][-1] == peer.last_ping


@pytest.mark.parametrize("seed", range(4))
def test_everyone_sees_what_the_witnesses_see(seed: int) -> None:
    world = World(seed)
    try:
        for number in range(STEPS):
            world.step(number)
        world.settle()
        here = {member.uid for room in world.rooms for member in room.log.members}
        witnesses = world.peers[:4]
        assert all(witness.uid in here for witness in witnesses), "a witness was cut"
        arrived = [peer for peer in world.peers if len(peer.frames) > 1]
        assert len(arrived) > 10
        for peer in arrived:
            is_here = peer.is_open and peer.uid in here
            check_own(peer, is_here)
            if peer not in witnesses:
                check_shared(world, peer, is_here)
    finally:
        world.close()
