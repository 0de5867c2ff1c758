"""The line in which the relay reports what its limits did: how many, never who or where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from support.arrivals import Client, ask
from support.fixtures import StartRelay, VisitAt
from support.floods import kicked
from support.member import Member, Visitors
from support.process import RelayProcess
from support.reports import counts_at_the_end
from support.websocket import upgrade_head

from relay.report import LimitsReport

KEY_MARK = "k7w"
ALIAS = "zoe-q7"
NETWORK = "192.0.2."
NEVER = "0.001"
BEHIND_PROXY = ("--trusted-proxies", "127.0.0.1")
STRICT = (
    *("--message-rate", NEVER, "--message-burst", "2", "--kick-after", "1"),
    *("--connection-rate", NEVER, "--connection-burst", "3", "--max-connections-per-ip", "2"),
    *("--origins", "https://example.com"),
)


def assert_private(server: RelayProcess, *members: Member) -> None:
    """Nobody is named; channels' names are looked for when the relay's output is, at the end of each test."""
    said = server.output + server.errors
    for secret in (KEY_MARK, ALIAS, NETWORK, *(member.uid for member in members)):
        assert secret not in said, said


def be_refused(visitors: Visitors, channel: str) -> None:
    """Once for the origin, twice for the join key."""
    assert ask(visitors, "/c/x", {"Origin": f"https://{ALIAS}.example"}).status == 403
    for _ in range(2):
        assert ask(visitors, f"/c/{channel}?joinKey={KEY_MARK}-wrong").status == 403


def connect_too_often(client: Client, target: str) -> None:
    """Twice refused for having two connections, and then once for asking so often."""
    for expected in (101, 101, 429, 429):
        assert client.ask(target).status == expected


def test_everything_is_counted(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, tmp_path: Path
) -> None:
    path = tmp_path / "relay.toml"
    path.write_text(
        f'[namespaces."{channel}"]\njoin_keys = ["{KEY_MARK}"]\nsend_keys = ["{KEY_MARK}s"]'
    )
    server = start_relay("--config", str(path), *BEHIND_PROXY, *STRICT)
    visitors = visit_at(server)
    offender = Client(visitors, f"{NETWORK}1")
    sender = offender.enter(f"/c/{channel}-2?as={ALIAS}")
    assert kicked(sender)[1] == 1008
    for _ in range(2):
        assert offender.ask(f"/c/{channel}-2").status == 429
    connect_too_often(Client(visitors, f"{NETWORK}2"), f"/c/{channel}-2")
    be_refused(visitors, channel)
    listener = visitors.enter(f"/c/{channel}?joinKey={KEY_MARK}&as={ALIAS}")
    listener.send_text("1", "2")
    assert len(listener.settle_by_ping()) == 2
    told, _ = counts_at_the_end(server, visitors)
    assert told.pop("messages over their rate") >= 2
    assert told == {
        "messages without a send key": 2,
        "connections kicked": 1,
        "addresses blocked": 1,
        "requests refused: address blocked": 2,
        "requests refused: too often": 1,
        "requests refused: too many connections of one address": 1,
        "requests refused: origin": 1,
        "requests refused: join key": 2,
    }
    assert_private(server, sender, listener)


def test_two_kicks_of_one_address_are_one_block(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay(*BEHIND_PROXY, *STRICT)
    visitors = visit_at(server)
    client = Client(visitors, f"{NETWORK}3")
    senders = [client.enter(f"/c/{channel}-{index}") for index in range(2)]
    assert [kicked(sender)[1] for sender in senders] == [1008, 1008]
    told, _ = counts_at_the_end(server, visitors)
    assert told["connections kicked"] == 2
    assert told["addresses blocked"] == 1


def test_a_kick_of_a_local_tool_blocks_nobody(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay(*STRICT)
    visitors = visit_at(server)
    assert kicked(visitors.join(channel))[1] == 1008
    told, _ = counts_at_the_end(server, visitors)
    assert told["connections kicked"] == 1
    assert "addresses blocked" not in told


def test_no_room(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    server = start_relay("--max-connections", "1")
    visitors = visit_at(server)
    visitors.join(channel)
    for _ in range(3):
        assert visitors.connect().receive_response().status == 503
    assert counts_at_the_end(server, visitors) == ({"connections refused for want of room": 3}, {})


def test_a_header_of_who_is_no_proxy(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay("--proxy-protocol", "--trusted-proxies", "10.0.0.1")
    header = f"PROXY TCP4 {NETWORK}4 {NETWORK}5 1 2\r\n".encode()
    visitors = visit_at(server)
    caller = visitors.call(header + upgrade_head(f"/c/{channel}"))
    assert caller.receive_response().status == 403
    told, _ = counts_at_the_end(server, visitors)
    assert told == {"requests refused: PROXY header from who is no trusted proxy": 1}
    assert_private(server)


def test_no_header_where_one_is_expected(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay("--proxy-protocol", "--trusted-proxies", "127.0.0.1")
    visitors = visit_at(server)
    for head in (upgrade_head(f"/c/{channel}"), b"PROXY TCP9\r\n"):
        assert visitors.call(head).receive_response().status == 400
    told, _ = counts_at_the_end(server, visitors)
    assert told == {"connections refused: no PROXY header, or a malformed one": 2}
    assert_private(server)


def test_nothing_to_report(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    server = start_relay(*STRICT)
    visitors = visit_at(server)
    member = visitors.join(channel)
    member.send_text("1")
    member.ping()
    assert counts_at_the_end(server, visitors) == ({}, {})
    assert "limits" not in server.errors


class Counted(dict[str, int]):
    """Counters that all have reached the same number."""

    def __init__(self, number: int) -> None:
        self._number = number

    def get(self, name: str, default: Any = None) -> int:
        return self._number


def told_of(number: int) -> list[str]:
    """What a report says when all that can be counted has happened so many times."""
    lines = LimitsReport(lambda: Counted(number)).take(is_dry_run=True)
    return [part for line in lines for part in line.partition(": ")[2].split("; ")]


def test_one_is_told_as_one_and_several_as_several() -> None:
    one, several = told_of(1), told_of(2)
    assert {"1 connection kicked", "1 address blocked", "1 message over its rate"} <= {*one}
    assert {"2 connections kicked", "2 addresses blocked", "2 messages over their rate"} <= {
        *several
    }
    noun = r"(slow |unfinished |published )?(message|connection|address|request|consumer|handshake)"
    assert [part for part in one if not re.match(rf"1 {noun}\b", part)] == []
    assert [part for part in several if not re.match(rf"2 {noun}(s|es)\b", part)] == []
    assert not re.search(r"\btheir\b", " ".join(one))
    assert not re.search(r"\bits\b", " ".join(several))
