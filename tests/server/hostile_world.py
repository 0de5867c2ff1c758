"""The reactor by itself under everything at once: rude peers, tiny buffers, turns without time, callbacks that raise and meddle.

One process drives the reactor and all its peers, so a seed decides nearly all (not how the kernel cuts streams).
"""

from __future__ import annotations

import json
import random
import socket
import time
from typing import Any

from support.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    encode_frame,
)

from relay._core import (
    AUDIENCE_ALL,
    AUDIENCE_COUNT,
    AUDIENCE_LIST,
    Log,
    Member,
    Reactor,
    encode_event,
)
from relay._core import encode_frame as server_frame

from .hostile_peers import Peer, StreamPeer, numbered_message

SETTLED_SECONDS = 0.3
STUCK_SECONDS = 20.0  # tiny TCP windows open by probes of the kernel, and the time between these doubles each time
BUDGETS = (0.0, 0.0, 1e-6, 1e-4, 4e-3)
SIZES = (0, 1, 60, 500, 3000)
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
    """An owner whose callbacks raise, close and abort others and the leaver itself, append and post."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.log: Log = world.reactor.open_log(self)
        self.log.streams = self.streams = world.reactor.open_log(self)
        self.serial = 0
        self.posted = 0

    @property
    def members(self) -> list[Member]:
        return self.log.members + self.streams.members

    def tell(self, kind: str, uid: str) -> None:
        """A numbered event, worded differently for members with `list`."""
        self.serial += 1
        event = {"event": kind, "serial": self.serial, "uid": uid, "pad": "p" * (self.serial % 300)}
        lists = self.log.list_count + self.streams.list_count
        total = self.log.member_count + self.streams.member_count
        audiences = [AUDIENCE_ALL] if lists in (0, total) else [AUDIENCE_COUNT, AUDIENCE_LIST]
        for audience in audiences:
            text = json.dumps(event | {"for": audience}).encode()
            self.log.append(server_frame(TEXT, text), None, audience)

    def post(self) -> None:
        """A message that no member sent."""
        dice = self.world.random
        self.log.post(
            b'"date":', numbered_message("post", self.posted, None, dice.choice(SIZES), dice)
        )
        self.posted += 1

    def join(self, member: Member) -> None:
        if self.log.member_count:
            self.tell("join", member.uid)
        self.serial += 1
        own = json.dumps({"event": "self", "serial": self.serial}).encode()
        if member.stream:
            self.streams.attach(member)
            member.enqueue(b"HTTP/1.1 200 \r\n\r\nid: x\n\n" + encode_event(own))
        else:
            self.log.attach(member)
            member.enqueue(b"HTTP/1.1 101 \r\n\r\n" + server_frame(TEXT, own))

    def on_leave(self, member: Member, is_lingering: bool) -> None:
        assert member.log is None
        if is_lingering:
            self.world.lingering.append(member)
        if self.log.member_count:
            self.tell("leave", member.uid)
        self.meddle(member)

    def on_error(self, member: Member, kind: str, detail: Any) -> bytes | None:
        assert not member.stream
        if self.world.random.random() < 0.3:
            self.meddle(member)
        return server_frame(TEXT, b'{"event":"error"}') if kind != "binary" else None

    def on_gap(self, member: Member, missed: int) -> bytes | None:
        text = b'{"event":"gap","missed":%d}' % missed
        self.meddle(member, may_raise=False)  # it would not be told then
        return encode_event(text) if member.stream else server_frame(TEXT, text)

    def meddle(self, member: Member, *, may_raise: bool = True) -> None:
        dice = self.world.random.random()
        others = [each for each in self.members if each.uid[0] != "w"]
        if self.world.is_over or self.world.depth > 3:
            return
        self.world.depth += 1
        try:
            if dice < 0.08 and may_raise:
                raise Mischief
            if dice < 0.16 and others:
                self.world.random.choice(others).close(4001, "mischief")
            elif dice < 0.24 and others:
                self.world.random.choice(others).abort()
            elif dice < 0.30 and member.uid[0] != "w":
                member.abort()
            elif dice < 0.36 and self.log.member_count:
                self.tell("extra", "")
            elif dice < 0.40:
                self.post()
            elif dice < 0.42 and may_raise:
                self.world.reactor.turn()  # refused, by an exception that is contained
        finally:
            self.world.depth -= 1


class World:
    """Two rooms and their peers. With `skips` slow consumers miss messages, and are otherwise closed; then only witnesses are
    sent direct messages, so that what others miss can be counted."""

    def __init__(self, seed: int, *, skips: bool) -> None:
        self.random = random.Random(seed)
        self.skips = skips
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
            skip_for_slow=skips,
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
            b'"uid":"%s","date":' % name.encode(),
            echo=options["echo"],
            lists=options["lists"],
            stream=options["stream"],
        )
        self.by_uid[name] = member
        self.rooms[options["room"]].join(member)
        return member

    def on_crash(self, owner: Any, exc: BaseException) -> None:
        if not isinstance(exc, Mischief) and "callbacks must not" not in str(exc):
            self.unexpected.append(exc)

    # --- what peers do

    def visit(
        self, uid: str, room: int, *, lists: bool, echo: bool, is_small: bool, stream: bool = False
    ) -> Peer:
        options = {"room": room, "lists": lists, "echo": echo, "stream": stream}
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
        kind = StreamPeer if stream else Peer
        peer = kind(sock, uid, room, lists, echo or stream)
        peer.to_send += head[cut:]
        if is_small and self.random.random() < 0.1:
            peer.to_send[:] = self.random.choice(HEADS)
            peer.is_polite = False
        self.peers.append(peer)
        return peer

    def act(self, peer: Peer) -> None:
        dice, choice = self.random.random(), self.random.choice
        if peer.is_stream and dice < 0.70:
            peer.to_send += b"\x00\r\n\r\n" * choice((0, 1, 1000))
        elif dice < 0.4:
            self.talk(peer, None)
        elif dice < 0.6:
            near = [each for each in self.peers if each.room == peer.room]
            self.talk(peer, choice([each for each in near if not self.skips or each.uid[0] == "w"]))
        elif dice < 0.65:
            for _ in range(choice((1, 100))):
                peer.ping(b"p" * choice((0, 1, 125)))
        elif dice < 0.70:
            peer.to_send += choice((encode_frame(TEXT, choice(REFUSED)), encode_frame(BINARY)))
        elif peer.uid[0] != "w":
            self.misbehave(peer, dice)

    def misbehave(self, peer: Peer, dice: float) -> None:
        choice = self.random.choice
        if dice < 0.80:
            peer.is_reading = not peer.is_reading
        elif dice < 0.83:
            peer.to_send += choice(MALFORMED) + b"\xa5" * self.random.randrange(1000)
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
            peer.say(to, self.random.choice(SIZES), self.random)

    def step(self, number: int) -> None:
        living = [peer for peer in self.peers if peer.is_open]
        if len(living) < 40:
            stream = self.random.random() < 0.4
            self.visit(
                f"p{number}",
                self.random.randrange(2),
                lists=self.random.random() < 0.3,
                echo=self.random.random() < 0.3,
                is_small=self.random.random() < 0.5,
                stream=stream,
            )
        for peer in self.random.sample(living, 4):
            self.act(peer)
        if self.random.random() < 0.2:
            self.random.choice(self.rooms).post()
        for peer in living:
            if peer.is_open:
                peer.send(1 << 20 if peer.uid[0] == "w" else self.random.choice((1, 7, 5000)))
        self.reactor.turn(self.random.choice(BUDGETS))
        for peer in living:
            if peer.is_open and (peer.uid[0] == "w" or peer.is_reading):
                peer.receive(1 << 20 if peer.uid[0] == "w" else self.random.choice((1, 100, 9000)))
        if number % 50 == 0:
            self.cut_lingering()
        assert not self.unexpected, self.unexpected

    def cut_lingering(self) -> None:
        for member in self.lingering:
            member.abort()
        self.lingering.clear()

    def settle(self) -> None:
        """Everyone reads until nothing moves any more, and nobody waits for more."""
        self.is_over = True
        moved_at = time.monotonic()
        while time.monotonic() - moved_at < (
            STUCK_SECONDS if self.is_anyone_behind else SETTLED_SECONDS
        ):
            has_more = self.reactor.turn()
            moved = [peer.send(1 << 20) + peer.receive() for peer in self.peers if peer.is_open]
            if any(moved) or has_more:
                moved_at = time.monotonic()
        assert not self.unexpected, self.unexpected

    @property
    def is_anyone_behind(self) -> bool:
        return any(member.is_behind for room in self.rooms for member in room.members)

    def close(self) -> None:
        self.reactor.close()
        self.listener.close()
        for peer in self.peers:
            peer.socket.close()
