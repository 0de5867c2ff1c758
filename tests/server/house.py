"""A reactor with one channel, or one party room, in the test's own process, and the peers' ends of its connections."""

from __future__ import annotations

import socket
from typing import Any

from support.websocket import TEXT, encode_frame

from relay._core import Log, Member, Reactor

HEAD = b"GET / HTTP/1.1\r\n\r\n"


class House:
    """A reactor with one channel, or one party room, and its peers' ends."""

    def __init__(self, **settings: Any) -> None:
        self.newcomer: Member | None = None
        self.reactor = Reactor(
            lambda *_: self.newcomer,
            boot=b"bootboot",
            on_http=lambda *_: None,
            on_crash=self.on_crash,
            **{"byte_rate": 0.0, "message_rate": 0.0, **settings},
        )
        self.log: Log = self.reactor.open_log(self)
        self.peers: list[socket.socket] = []

    def on_crash(self, owner: object, exc: BaseException) -> None:
        raise exc

    def on_leave(self, member: Member, is_lingering: bool) -> None:
        pass

    def on_error(self, member: Member, kind: str, detail: object) -> None:
        pass

    def on_gap(self, member: Member, missed: int) -> None:
        pass

    def enter(self, uid: str = "u", **options: bool) -> Member:
        """A member, or with `stream` a reader of the event stream; its peer is the last of `peers`."""
        member = Member(b'"uid":"%s","date":' % uid.encode(), **options)
        if member.stream:
            if self.log.streams is None:
                self.log.streams = self.reactor.open_log(self)
            self.log.streams.attach(member)
        else:
            self.log.attach(member)
        self.newcomer = member
        peer, other = socket.socketpair()
        other.setblocking(False)
        peer.settimeout(10)
        self.peers.append(peer)
        self.reactor.adopt(other.detach(), HEAD)
        self.turn()
        return member

    def turn(self) -> None:
        while self.reactor.turn():
            pass

    def say(self, number: int, payload: bytes, opcode: int = TEXT) -> None:
        """Have the peer with this number send a message, and the reactor take it."""
        self.peers[number].sendall(encode_frame(opcode, payload))
        self.turn()

    def counted(self, *names: str) -> tuple[int, ...]:
        counts = self.reactor.stats()
        return tuple(counts[name] for name in names)

    def closed(self) -> dict[str, int]:
        """The ends by close code, less what is 0."""
        counts = self.reactor.stats()
        return {name[7:]: n for name, n in counts.items() if name.startswith("closed_") and n}

    def fanout(self) -> dict[float, int]:
        """How many messages went to how many members, by the upper bound of the count, less what is 0."""
        found = self.reactor.histograms()["fanout_members"]
        bounds = [*found["bounds"], float("inf")]
        return {bound: n for bound, n in zip(bounds, found["counts"], strict=True) if n}

    def close(self) -> None:
        self.reactor.close()
        for peer in self.peers:
            peer.close()
