"""SIGHUP: new settings hold for what comes next, bad ones are refused, and nobody is disconnected."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from threading import Thread

import pytest
from support.arrivals import SWITCHING, Client, ask
from support.fixtures import StartRelay, VisitAt
from support.floods import kicked
from support.member import Bystanders, Member
from support.reload import REFUSED, TAKEN, SettingsFile, reload
from support.websocket import CONTINUATION, PING, TEXT, encode_frame, upgrade_head

KEY = "k7w-join"
NEVER = "0.001"


@pytest.fixture
def file(tmp_path: Path) -> SettingsFile:
    return SettingsFile(tmp_path / "relay.toml")


# --- what changes --------------------------------------------------------------------------------------------------------------


def test_the_size_of_messages(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, file: SettingsFile
) -> None:
    server = start_relay(*file.flags)
    visitors = visit_at(server)
    member, watcher = visitors.join(channel), visitors.join(channel)
    member.receive_total(2)
    member.send(encode_frame(TEXT, b'"' + b"x" * 50, fin=False))
    watcher.send_text("1")
    assert member.receive_message() == 1
    file.change(server, "max_message = 10")
    member.send(encode_frame(CONTINUATION, b'x"'))  # what was begun goes by what held then
    assert len(watcher.receive_message()) == 51
    member.send_text('"' + "x" * 8 + '"')
    assert watcher.receive_message() == "x" * 8
    member.send_text('"' + "x" * 9 + '"')
    member.expect_close(1009)
    file.change(server, "")
    watcher.receive_total(1)
    watcher.send_text('"' + "x" * 1000 + '"')
    assert watcher.settle() == []


def test_the_time_for_a_head(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, file: SettingsFile
) -> None:
    """Whoever began by the old time must not keep those who come later waiting for it."""
    file.path.write_text("handshake_timeout = '1h'")
    server = start_relay(*file.flags)
    visitors = visit_at(server)
    old, witness = visitors.call(upgrade_head(f"/c/{channel}")[:20]), visitors.join(channel)
    witness.settle()
    file.change(server, "handshake_timeout = '300ms'")
    new = visitors.call(upgrade_head(f"/c/{channel}")[:20])
    assert new.receive_response().status == 408
    assert old.receive_response().status == 408


def test_the_rate_of_messages(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, file: SettingsFile
) -> None:
    server = start_relay(*file.flags)
    member = visit_at(server).join(channel)
    member.send_text(*["1"] * 10)
    assert member.settle_by_ping() == []
    file.change(server, f"message_rate = {NEVER}\nmessage_burst = 3\nkick_after = 1")
    member.send_text(*["1"] * 3)
    assert member.settle_by_ping() == []
    member.send_text("1")
    assert member.receive_error().startswith("rate limit exceeded")
    file.change(server, "message_rate = 0")
    member.send_text(*["1"] * 2000)
    assert member.settle_by_ping() == []


def test_limits_per_address(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, file: SettingsFile
) -> None:
    server = start_relay(*file.flags, "--trusted-proxies", "127.0.0.1")
    client = Client(visit_at(server), "192.0.2.1")
    members = [client.enter(f"/c/{channel}") for _ in range(3)]
    file.change(server, "max_connections_per_ip = 3")
    assert client.ask(f"/c/{channel}").status == 429
    file.change(server, "max_connections_per_ip = 4")
    members.append(client.enter(f"/c/{channel}"))
    assert client.ask(f"/c/{channel}").status == 429
    file.change(server, f"connection_rate = {NEVER}\nconnection_burst = 1")
    client.enter(f"/c/{channel}")
    assert client.ask(f"/c/{channel}").status == 429
    file.change(server, "connection_rate = 0")
    client.enter(f"/c/{channel}")
    members[0].receive_total(6)
    assert members[0].settle() == []


@pytest.mark.parametrize("text", ['limits = "off"', "block_time = 0"])
def test_who_was_blocked_is_let_in_when_there_are_no_blocks(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, file: SettingsFile, text: str
) -> None:
    strict = f"message_rate = {NEVER}\nmessage_burst = 1\nkick_after = 1"
    file.path.write_text(strict)
    server = start_relay(*file.flags, "--trusted-proxies", "127.0.0.1")
    client = Client(visit_at(server), "192.0.2.1")
    assert kicked(client.enter(f"/c/{channel}"))[1] == 1008
    assert client.ask(f"/c/{channel}").status == 429
    file.change(server, text)
    client.enter(f"/c/{channel}")
    file.change(server, strict)
    assert client.ask(f"/c/{channel}").status == 429  # it was never lifted


def test_trusted_proxies(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, file: SettingsFile
) -> None:
    server = start_relay(*file.flags, "--max-connections-per-ip", "1", "--limit-loopback")
    visitors = visit_at(server)
    first, second = Client(visitors, "192.0.2.1"), Client(visitors, "192.0.2.2")
    first.enter(f"/c/{channel}")
    assert second.ask(f"/c/{channel}").status == 429
    file.change(server, 'trusted_proxies = ["127.0.0.1"]')
    second.enter(f"/c/{channel}")
    assert second.ask(f"/c/{channel}").status == 429


def test_keys(start_relay: StartRelay, visit_at: VisitAt, channel: str, file: SettingsFile) -> None:
    server = start_relay(*file.flags)
    visitors = visit_at(server)
    before = visitors.join(channel)
    file.change(server, f'[namespaces."{channel}"]\njoin_keys = ["{KEY}"]\nsend_keys = ["{KEY}"]')
    assert ask(visitors, f"/c/{channel}").status == 403
    listener = visitors.enter(f"/c/{channel}?joinKey={KEY}")
    before.receive_total(2)
    before.send_text("1")  # who was let in stays, and may send
    assert listener.receive_message() == 1
    listener.send_text("1")
    assert listener.receive_error().startswith("this connection may listen only")
    file.change(server, "")
    assert visitors.join(channel).joined["total"] == 3
    assert KEY not in server.output + server.errors


def test_origins(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, file: SettingsFile
) -> None:
    server = start_relay(*file.flags)
    visitors = visit_at(server)
    page = {"Origin": "https://example.org"}
    assert ask(visitors, f"/c/{channel}", page).status == SWITCHING
    file.change(server, 'origins = ["https://example.com"]')
    assert ask(visitors, f"/c/{channel}", page).status == 403
    file.change(server, 'origins = ["https://*.org", "https://example.org"]')
    assert ask(visitors, f"/c/{channel}", page).status == SWITCHING


def test_presence(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, file: SettingsFile
) -> None:
    server = start_relay(*file.flags)
    visitors = visit_at(server)
    member = visitors.join(channel)
    file.change(server, 'presence = "off"')
    visitors.join(channel)
    assert member.settle() == []
    file.change(server, "")
    visitors.join(channel)
    assert member.receive_event()["total"] == 3


@pytest.mark.parametrize("before", ["0", "1h"])
def test_a_shorter_ping_interval_drops_nobody_who_answers(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, file: SettingsFile, before: str
) -> None:
    """Who has been silent until now was not asked for a sign of life before."""
    file.path.write_text(f'ping_interval = "{before}"')
    server = start_relay(*file.flags, "--message-rate", "0", "--byte-rate", "0")
    visitors = visit_at(server)
    members = [visitors.join(f"{channel}-{index}") for index in range(20)]
    clock = visitors.join(channel)
    while clock_date(clock) < members[-1].joined["date"] + 1000:
        pass
    file.change(server, 'ping_interval = "400ms"')
    for member in members:
        assert member.receive_frame().opcode == PING  # and not the end of the connection


def clock_date(member: Member) -> int:
    """The server's date."""
    member.send_text(f'@@{member.uid}@@"now"')
    date = member.receive_event()["date"]
    assert isinstance(date, int)
    return date


def test_what_changed_is_named_and_no_value(start_relay: StartRelay, file: SettingsFile) -> None:
    server = start_relay(*file.flags, "--kick-after", "4")
    file.change(
        server,
        f'port = 1\nmessage_rate = 5\nkick_after = 9\n[namespaces."a"]\njoin_keys = ["{KEY}"]',
    )
    assert f"{TAKEN}; changed: message_rate, namespaces\n" in server.errors
    reload(server)
    assert f"{TAKEN}; changed: none\n" in server.errors
    assert KEY not in server.errors


def test_a_contradiction_is_logged_at_the_start_and_at_a_reload(
    start_relay: StartRelay, file: SettingsFile
) -> None:
    server = start_relay(*file.flags, "--trusted-proxies", "0.0.0.0/0")
    warning = "trusted_proxies (0.0.0.0/0) trusts every address"
    server.wait_for_error(warning)
    reload(server)
    server.wait_for_error(warning, 2)


# --- what does not ---------------------------------------------------------------------------------------------------------


def test_settings_that_need_a_restart_are_named(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, file: SettingsFile
) -> None:
    server = start_relay(*file.flags)
    visitors = visit_at(server)
    pair = Bystanders(visitors)
    file.change(server, "max_connections = 1\nmessage_burst = 7\nmessage_rate = 0.001")
    assert "these settings change at the next start only: max_connections\n" in server.errors
    member = visitors.join(channel)
    member.send_text(*["1"] * 8)
    assert len(member.settle_by_ping()) in (0, 1)  # its bucket is new: 7 and no more
    pair.exchange()


def test_proxy_protocol_stays_on(
    start_relay: StartRelay, visit_at: VisitAt, file: SettingsFile
) -> None:
    """Without proxies to believe it cannot be served by, so a file that leaves out both is refused until the restart."""
    file.path.write_text('proxy_protocol = true\ntrusted_proxies = ["127.0.0.1"]')
    server = start_relay(*file.flags)
    told = file.spoil(server, "")
    assert told.startswith("proxy_protocol: expected trusted_proxies beside it")
    caller = visit_at(server).call(b"PROXY UNKNOWN\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert caller.receive_response().status == 200


BAD = {
    "value": ('message_rate = "fast"', "relay.toml line 1: message_rate: expected"),
    "name": ("\nmesage_rate = 1", 'relay.toml line 2: unknown setting "mesage_rate"; did you mean'),
    "syntax": ("message_rate = = 1", "relay.toml line 1, column 16: expected TOML"),
    "key": ('[namespaces."x"]\njoin_keys = [""]', "relay.toml line 2: namespaces: namespace 1"),
    "not text": ("\udcff", "relay.toml line 1: expected text in UTF-8"),
    "origin": ('origins = ["https://a/"]', "relay.toml line 1: origins"),
}


@pytest.mark.parametrize(("text", "told"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_as_a_whole(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, tmp_path: Path, text: str, told: str
) -> None:
    file = SettingsFile(tmp_path / "relay.toml", "message_burst = 3\nmessage_rate = 0.001")
    server = start_relay(*file.flags)
    visitors = visit_at(server)
    member = visitors.join(channel)
    file.path.write_bytes(f"{text}".encode("utf-8", "surrogateescape"))
    reload(server, REFUSED)
    assert f"{REFUSED}{file.path.parent}/{told}" in server.errors
    member.send_text(*["1"] * 4)
    assert len(member.settle_by_ping()) == 1
    assert server.errors.count(REFUSED) == 1


def test_a_file_that_is_gone(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, file: SettingsFile
) -> None:
    server = start_relay(*file.flags)
    pair = Bystanders(visit_at(server))
    file.path.unlink()
    reload(server, REFUSED)
    pair.exchange()
    file.change(server, "max_message = 2")
    pair.first.send_text("123")
    pair.first.expect_close(1009)


def test_a_pipe_serves_one_start_and_no_reload(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, tmp_path: Path
) -> None:
    """As of a process substitution: what was in it is read, and must not be taken for an empty file afterwards."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    Thread(target=path.write_text, args=("max_message = 2",), daemon=True).start()
    server = start_relay("--config", str(path))
    member = visit_at(server).join(channel)
    reload(server, REFUSED)
    assert (
        f"{REFUSED}{path}: expected a regular file: nothing else is read again\n" in server.errors
    )
    member.send_text("12")
    assert member.settle_by_ping() == []
    member.send_text("123")
    member.expect_close(1009)


def test_flags_still_win(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, file: SettingsFile
) -> None:
    server = start_relay(*file.flags, "--max-message", "100")
    member = visit_at(server).join(channel)
    file.change(server, "max_message = 2")
    member.send_text('"' + "x" * 98 + '"')
    assert member.settle_by_ping() == []


# --- under load ----------------------------------------------------------------------------------------------------------------


def test_no_message_is_lost_while_settings_are_loaded(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, file: SettingsFile
) -> None:
    server = start_relay(*file.flags, "--message-rate", "0", "--byte-rate", "0")
    visitors = visit_at(server)
    sender, *watchers = (visitors.join(channel) for _ in range(5))
    sent = 0
    for _ in range(20):
        server.send_signal(signal.SIGHUP)
        for _ in range(10):
            sender.send_text(*(str(number) for number in range(sent, sent + 50)))
            sent += 50
    for watcher in watchers:
        events = watcher.receive_through(lambda event: event.get("message") == sent - 1)
        numbers = [event["message"] for event in events if "message" in event]
        assert numbers == list(range(sent))
    server.wait_for_error(TAKEN)
    assert visitors.join(channel).joined["total"] == 6
