"""Members and logs for tests: a member made in one line, an owner that writes down what it is told, a reader."""

from __future__ import annotations

from dataclasses import dataclass, field

from relay._core import Log, Member

from .wire import TEXT, server_frame


def prefix_of(uid: str) -> bytes:
    return b'"uid":"%s","date":' % uid.encode()


def new_member(uid: str = "u1", *, echo: bool = False, lists: bool = False) -> Member:
    return Member(prefix_of(uid), echo=echo, lists=lists)


def join(log: Log, uid: str = "u1", *, echo: bool = False, lists: bool = False) -> Member:
    member = new_member(uid, echo=echo, lists=lists)
    log.attach(member)
    return member


def frame(number: int, size: int = 10) -> bytes:
    """A frame like no other: nothing can be swapped, doubled or cut without being seen."""
    payload = b"<%d:" % number
    return server_frame(TEXT, payload + b"." * max(size - len(payload) - 1, 0) + b">")


def waiting(member: Member) -> bytes:
    """What one `gather` shows; it may show less than waits, as sendmsg takes no more than so many pieces."""
    return b"".join(member.gather())


def take(member: Member, sent: int) -> bytes:
    """Take the first `sent` bytes that wait, in as many calls as it needs."""
    taken = b""
    while len(taken) < sent:
        shown = waiting(member)[: sent - len(taken)]
        assert shown, "less waits than was asked for"
        member.advance(len(shown))
        taken += shown
    return taken


def read_all(member: Member) -> bytes:
    """Flush until nothing waits. As in the reactor, the last `advance` passes what is not meant for the member."""
    taken = []
    while True:
        taken.append(waiting(member))
        member.advance(len(taken[-1]))
        if not taken[-1]:
            return b"".join(taken)


@dataclass(eq=False)
class Owner:
    """A channel that only listens."""

    left: list[tuple[Member, bool]] = field(default_factory=list)

    def on_leave(self, member: Member, is_lingering: bool) -> None:
        self.left.append((member, is_lingering))

    def on_error(self, member: Member, kind: str, detail: object) -> None:
        raise AssertionError("nothing was read, nothing can be wrong")

    @property
    def members_left(self) -> list[Member]:
        return [member for member, _ in self.left]
