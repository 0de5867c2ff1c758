"""Many members and many readers of the event stream in one channel, to which members send and others post, all at once."""

from __future__ import annotations

import json

from support.connection import Connection
from support.member import Member, Visitors
from support.stream import StreamReader

CROWD = 60
ROUNDS = 10
POSTERS = 8


def posted(number: int, target: str) -> bytes:
    body = b'{"posted":%d}' % number
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def messages(reader: Member | StreamReader, count: int) -> list[str]:
    """The texts of the next so many messages, ids and dates included; events in between are passed over."""
    found: list[str] = []
    while len(found) < count:
        event = (
            reader.receive_json() if isinstance(reader, StreamReader) else reader.receive_event()
        )
        if "message" in event:
            found.append(json.dumps(event))
    return found


def last_total(reader: Member | StreamReader, total: int) -> None:
    while True:
        event = (
            reader.receive_json() if isinstance(reader, StreamReader) else reader.receive_event()
        )
        if event["total"] == total:
            return


def test_all_see_one_order(visit: Visitors, channel: str) -> None:
    target = f"/c/{channel}"
    members = [visit.join(channel, echo="1") for _ in range(CROWD)]
    readers = [visit.stream(target) for _ in range(CROWD)]
    posters: list[Connection] = [visit.connect() for _ in range(POSTERS)]
    for number in range(ROUNDS):
        for poster in posters:
            poster.send(posted(number, target))
        members[number].send_text(f'{{"sent":{number}}}')
    for poster in posters:
        for _ in range(ROUNDS):
            assert poster.receive_response().body == b'{"delivered":%d}' % (2 * CROWD)
    everyone: list[Member | StreamReader] = [*members, *readers]
    seen = {tuple(messages(each, ROUNDS * (POSTERS + 1))) for each in everyone}
    assert len(seen) == 1
    for gone in [*members[1:], *readers[1:]]:
        gone.close()
    for left in (members[0], readers[0]):
        last_total(left, 2)
    readers[0].close()
    last_total(members[0], 1)
