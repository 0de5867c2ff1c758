"""`limits = "dry-run"` does nothing to anybody and reports what it would have done; `limits = "off"` does not even count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.arrivals import Client, ask
from support.fixtures import StartRelay, VisitAt
from support.floods import kicked
from support.member import Event, Member, Visitors
from support.process import RelayProcess
from support.reload import SettingsFile
from support.reports import counts_at_the_end
from support.websocket import TEXT

BURST = 3
NEVER = "0.001"
MESSAGES = ("--message-rate", NEVER, "--message-burst", str(BURST), "--kick-after", "1")
BYTES = ("--byte-rate", "1", "--byte-burst", "10")
ADDRESSES = ("--connection-rate", NEVER, "--connection-burst", "1", "--max-connections-per-ip", "2")
BEHIND_PROXY = ("--trusted-proxies", "127.0.0.1")
Counts = dict[str, int]


def send_to_oneself(member: Member, number: int) -> Event:
    """A message that must not be dropped, and nothing may come with it."""
    member.send_text(f"@@{member.uid}@@{number}")
    event = member.receive_event()
    assert event["message"] == number, event
    return event


def send_for(member: Member, milliseconds: int) -> int:
    """Send without a pause for so long by the server's own date; how many there were."""
    first = send_to_oneself(member, 0)
    count = 1
    while send_to_oneself(member, count)["date"] - first["date"] < milliseconds:
        count += 1
    return count + 1


@pytest.fixture
def dry(start_relay: StartRelay) -> Callable[..., RelayProcess]:
    return lambda *flags: start_relay("--limits", "dry-run", *BEHIND_PROXY, *flags)


def test_nothing_is_dropped_and_nobody_kicked(
    dry: Callable[..., RelayProcess], visit_at: VisitAt, channel: str
) -> None:
    server = dry(*MESSAGES, "--byte-rate", "0")
    visitors = visit_at(server)
    client = Client(visitors, "192.0.2.1")
    sender = client.enter(f"/c/{channel}")
    count = send_for(sender, 1100)
    client.enter(f"/c/{channel}")  # its address is not blocked either
    done, told = counts_at_the_end(server, visitors)
    assert told.pop("messages over their rate") == count - BURST
    assert told.pop("connections kicked") >= 1
    assert (done, told) == ({}, {})


def test_bytes_over_the_rate_pass_too(
    dry: Callable[..., RelayProcess], visit_at: VisitAt, channel: str
) -> None:
    server = dry("--message-rate", "0", *BYTES)
    visitors = visit_at(server)
    sender, watcher = visitors.join(channel), visitors.join(channel)
    sender.receive_total(2)
    text = "x" * 1000
    sender.send_text(*[f'"{text}"'] * 5)
    assert [watcher.receive_message() for _ in range(5)] == [text] * 5
    assert sender.settle_by_ping() == []
    assert counts_at_the_end(server, visitors) == ({}, {"messages over their byte rate": 5})


def test_party_messages_pass_too(
    dry: Callable[..., RelayProcess], visit_at: VisitAt, channel: str
) -> None:
    server = dry(*MESSAGES)
    visitors = visit_at(server)
    watcher, sender = (visitors.open(f"/parties/main/{channel}") for _ in range(2))
    sender.send_text(*["1"] * (BURST + 2))
    assert [watcher.receive() for _ in range(BURST + 2)] == [(TEXT, b"1")] * (BURST + 2)
    assert counts_at_the_end(server, visitors) == ({}, {"messages over their rate": 2})


def test_nobody_is_refused(
    dry: Callable[..., RelayProcess], visit_at: VisitAt, channel: str
) -> None:
    server = dry(*ADDRESSES)
    visitors = visit_at(server)
    client = Client(visitors, "192.0.2.1")
    assert [client.enter(f"/c/{channel}").joined["total"] for _ in range(5)] == [1, 2, 3, 4, 5]
    assert counts_at_the_end(server, visitors) == (
        {},
        {
            "requests too often": 4,
            "requests beyond the connections of one address": 3,
        },
    )


def test_keys_and_origins_are_no_limits(
    dry: Callable[..., RelayProcess], visit_at: VisitAt, channel: str
) -> None:
    server = dry("--origins", "https://example.com", *MESSAGES)
    visitors = visit_at(server)
    sender = visitors.enter(f"/c/{channel}?joinKey=first")
    assert ask(visitors, f"/c/{channel}").status == 403
    assert ask(visitors, "/c/x", {"Origin": "https://example.org"}).status == 403
    for number in range(BURST + 1):
        send_to_oneself(sender, number)
    done, passed = counts_at_the_end(server, visitors)
    assert done == {"requests refused: origin": 1, "requests refused: join key": 1}
    assert passed == {"messages over their rate": 1}


def test_within_the_limits_there_is_nothing_to_report(
    dry: Callable[..., RelayProcess], visit_at: VisitAt, channel: str
) -> None:
    server = dry(*MESSAGES, *ADDRESSES)
    visitors = visit_at(server)
    sender = Client(visitors, "192.0.2.1").enter(f"/c/{channel}")
    for number in range(BURST):
        send_to_oneself(sender, number)
    assert counts_at_the_end(server, visitors) == ({}, {})


def flood(visitors: Visitors, channel: str) -> None:
    client = Client(visitors, "192.0.2.1")
    members = [client.enter(f"/c/{channel}") for _ in range(5)]
    members[0].receive_total(5)
    for number in range(100):
        send_to_oneself(members[0], number)


def test_without_limits_nothing_is_counted(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay("--limits", "off", *BEHIND_PROXY, *MESSAGES, *BYTES, *ADDRESSES)
    flood(visitors := visit_at(server), channel)
    assert counts_at_the_end(server, visitors) == ({}, {})


def test_who_was_blocked_before_is_let_in_and_counted(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, tmp_path: Path
) -> None:
    file = SettingsFile(tmp_path / "relay.toml")
    server = start_relay(*file.flags, *BEHIND_PROXY, *MESSAGES)
    visitors = visit_at(server)
    client = Client(visitors, "192.0.2.1")
    assert kicked(client.enter(f"/c/{channel}"))[1] == 1008
    file.change(server, 'limits = "dry-run"')
    client.enter(f"/c/{channel}")
    done, told = counts_at_the_end(server, visitors)
    assert told == {"requests while their address was blocked": 1}
    assert done.pop("messages over their rate") >= 2
    assert done == {"connections kicked": 1, "addresses blocked": 1}
