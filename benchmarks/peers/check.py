"""Is it right before it is fast? Members of two channels send and receive, and every message must arrive once, in its envelope.

A member is known to have joined when a probe has reached it. Then each sends a run of messages of sizes around every length a
frame's header can have, and a fence; what a receiver has when all fences are there is compared with what was sent. What one
connection sends must arrive in that order; between connections any order will do.
"""

from __future__ import annotations

import json
import select
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.client import Client, masked_text
from benchmarks.wire import Wire
from relay._core import OP_TEXT

MEMBERS = {"check-a": 5, "check-b": 2}
SIZES = (0, 40, 125, 126, 127, 1000, 65_535, 65_536, 65_537)
ROUNDS = 3
DEADLINE_SECONDS = 20.0
PROBE_SECONDS = 0.1
AN_HOUR_MS = 3_600_000


class DeliveryError(Exception):
    """What the server did wrong."""


@dataclass(eq=False)
class Member:
    """One connection; `got` has, by sender's number, the envelopes of what it was sent, in the order of their arrival."""

    number: int
    channel: str
    client: Client
    wire: Wire
    probes: set[int] = field(default_factory=set)
    fences: set[int] = field(default_factory=set)
    got: dict[int, list[dict[str, object]]] = field(default_factory=dict)

    def send(self, kind: str, number: int, text: str = "") -> None:
        message = {"from": self.number, "kind": kind, "n": number, "text": text}
        body = f"{self.wire.prefix}{json.dumps(message, ensure_ascii=False)}{self.wire.suffix}"
        self.client.socket.settimeout(DEADLINE_SECONDS)
        self.client.socket.sendall(masked_text(body.encode()))

    def read(self, timeout_seconds: float) -> None:
        for opcode, body in self.client.read(timeout_seconds):
            if opcode == OP_TEXT and (envelope := envelope_in(body, self.wire)) is not None:
                self.take(envelope)
        if self.client.has_ended:
            raise DeliveryError(f"member {self.number} was disconnected")

    def take(self, envelope: dict[str, object]) -> None:
        message = envelope["message"]
        if not isinstance(message, dict) or message.get("kind") not in ("probe", "data", "fence"):
            raise DeliveryError(f"member {self.number} got what nobody sent: {message!r}"[:200])
        sender = message["from"]
        if message["kind"] == "probe":
            self.probes.add(sender)
        elif message["kind"] == "fence":
            self.fences.add(sender)
        else:
            self.got.setdefault(sender, []).append(envelope)


def envelope_in(body: bytes, wire: Wire) -> dict[str, object] | None:
    """The envelope of a message; None when the frame is something else that the server says."""
    try:
        text = body.decode()
        if not text.startswith(wire.prefix):
            return None
        content = json.loads(text.removeprefix(wire.prefix).removesuffix(wire.suffix))
    except ValueError:
        raise DeliveryError(f"what came is no message: {body[:200]!r}") from None
    if not wire.has_envelope:
        return {"message": content}
    return content if "message" in content and "type" not in content else None


def check(port: int, wire: Wire, *, is_stamped: bool = True) -> None:
    """Raises DeliveryError when a message is lost, doubled, altered, out of order, in the wrong channel or badly stamped.

    `is_stamped` is whether ids and dates are more than place-holders.
    """
    with ExitStack() as stack:
        members = [stack.enter_context(opened) for opened in connections(port, wire)]
        joined = [
            Member(i, channel, client, wire) for i, (channel, client) in enumerate(placed(members))
        ]
        try:
            converse(joined)
        except TimeoutError:
            raise DeliveryError(f"not everything came within {DEADLINE_SECONDS:g} s") from None
        for member in joined:
            require_all(member, joined)
        if is_stamped and wire.has_envelope:
            require_stamps(joined)


def channels() -> Iterator[str]:
    for channel, count in MEMBERS.items():
        yield from [channel] * count


def connections(port: int, wire: Wire) -> Iterator[Client]:
    for channel in channels():
        client = Client(port, wire.path.replace("{channel}", channel))
        if wire.greeting:
            greet(client, wire.greeting.encode())
        yield client


def greet(client: Client, greeting: bytes) -> None:
    """Send it and wait for its answer, which begins as it does; before that there is nothing to send to."""
    client.send(masked_text(greeting))
    while frames := client.read_some(DEADLINE_SECONDS):
        if any(body.startswith(greeting) for _, body in frames):
            return
    raise DeliveryError("the greeting was not answered")


def placed(clients: Sequence[Client]) -> Iterator[tuple[str, Client]]:
    return zip(channels(), clients, strict=True)


def peers_of(member: Member, joined: Sequence[Member]) -> set[int]:
    """Whose messages it should get."""
    return {
        each.number
        for each in joined
        if each.channel == member.channel and (each is not member or member.wire.has_echo)
    }


def converse(joined: Sequence[Member]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while any(peers_of(member, joined) - member.probes for member in joined):
        for member in joined:
            member.send("probe", 0)
        read_for(joined, PROBE_SECONDS, deadline)
    for number in range(ROUNDS * len(SIZES)):
        for member in joined:
            member.send("data", number, filling(number))
        # taken as it comes: who does not read for a megabyte is a slow reader, and cut
        read_for(joined, PROBE_SECONDS, deadline)
    for member in joined:
        member.send("fence", 0)
    while any(peers_of(member, joined) - member.fences for member in joined):
        read_for(joined, PROBE_SECONDS, deadline)


def read_for(joined: Sequence[Member], seconds: float, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError
    readable, _, _ = select.select([member.client for member in joined], [], [], seconds)
    for member in joined:
        if member.client in readable:
            member.read(0)


def filling(number: int) -> str:
    return "é" * (SIZES[number % len(SIZES)] // 2)


def require_all(member: Member, joined: Sequence[Member]) -> None:
    expected = [(number, filling(number)) for number in range(ROUNDS * len(SIZES))]
    if strangers := member.got.keys() - peers_of(member, joined):
        raise DeliveryError(f"member {member.number} got messages of {sorted(strangers)}")
    for sender in peers_of(member, joined):
        envelopes = member.got.get(sender, [])
        messages = [envelope["message"] for envelope in envelopes]
        if [(each["n"], each["text"]) for each in messages] != expected:  # type: ignore[index]
            numbers = [each["n"] for each in messages]  # type: ignore[index]
            raise DeliveryError(f"member {member.number} got of {sender}: {numbers}")


def require_stamps(joined: Sequence[Member]) -> None:
    """One id per message, the same for all who got it; one uid per sender; a date in epoch milliseconds."""
    ids: dict[object, tuple[int, int]] = {}
    uids: dict[int, object] = {}
    now_ms = time.time() * 1000
    for member in joined:
        for sender, envelopes in member.got.items():
            for number, envelope in enumerate(envelopes):
                require_fields(envelope, now_ms)
                if ids.setdefault(envelope["id"], (sender, number)) != (sender, number):
                    raise DeliveryError(f"two messages have the id {envelope['id']!r}")
                if uids.setdefault(sender, envelope["uid"]) != envelope["uid"]:
                    raise DeliveryError(
                        f"member {sender} has the uids {uids[sender]!r}, {envelope['uid']!r}"
                    )
    if len(ids) != ROUNDS * len(SIZES) * len(uids):
        raise DeliveryError(f"{len(ids)} ids for {ROUNDS * len(SIZES) * len(uids)} messages")
    if len(set(uids.values())) != len(uids):
        raise DeliveryError(f"two members share a uid: {sorted(map(str, uids.values()))}")


def require_fields(envelope: dict[str, object], now_ms: float) -> None:
    if envelope.keys() - {"alias"} != {"id", "uid", "date", "message"}:
        raise DeliveryError(f"an envelope has {sorted(envelope)}")
    if not all(isinstance(envelope[name], str) and envelope[name] for name in ("id", "uid")):
        raise DeliveryError(f"id and uid are {envelope['id']!r} and {envelope['uid']!r}")
    date = envelope["date"]
    if not isinstance(date, int) or abs(date - now_ms) > AN_HOUR_MS:
        raise DeliveryError(f"the date is {date!r}, and it is {now_ms:.0f}")
