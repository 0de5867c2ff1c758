"""`relay listen` and `relay send` in processes of their own: what they write, and the exit codes a script goes by."""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.connection import LIMIT_SECONDS
from support.fixtures import StartRelay
from support.member import Visitors
from support.process import COMMAND, RelayProcess, environment

from .heard import url_of

Start = Callable[..., subprocess.Popen[str]]


def environment_of(base_url: str, **variables: str) -> dict[str, str]:
    return {**environment(), "RELAY_URL": base_url, "TZ": "UTC", **variables}


@pytest.fixture
def start(base_url: str) -> Iterator[Start]:
    """Starts a command; what still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def start_command(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=environment_of(base_url, **variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start_command
    for process in running:
        process.kill()
        process.communicate()


def run(
    base_url: str, *arguments: str, stdin: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment_of(base_url, **variables),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=3 * LIMIT_SECONDS,
    )


def read_event(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    event = json.loads(process.stdout.readline())
    assert isinstance(event, dict)
    return event


def outcome(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code, and what it wrote on stderr."""
    _, errors = process.communicate(timeout=3 * LIMIT_SECONDS)
    return process.returncode, errors


def one_line(errors: str) -> str:
    [line] = errors.splitlines()
    assert line.startswith("relay: ")
    return line


def test_send_and_listen(start: Start, base_url: str, channel: str) -> None:
    listener = start("listen", channel, "--as", "Bob", "--announce", "--count", "2")
    join = read_event(listener)
    assert (join["type"], join["self"], join["alias"]) == ("join", True, "Bob")
    sent = run(base_url, "send", channel, '{"a": 1.50}', "--as", "Ann")
    assert (sent.returncode, sent.stdout, sent.stderr) == (0, "", "")
    assert read_event(listener)["total"] == 2
    assert listener.stdout is not None
    line = listener.stdout.readline()
    assert json.loads(line)["alias"] == "Ann"
    assert '"message":{"a": 1.50}}' in line
    assert read_event(listener)["type"] == "leave"
    assert run(base_url, "send", channel, "2", "--to", join["uid"]).returncode == 0
    assert outcome(listener) == (0, "")


def test_lines_of_stdin_are_sent_as_they_come(start: Start, visit: Visitors, channel: str) -> None:
    member = visit.join(channel)
    sender = start("send", channel, "-")
    assert sender.stdin is not None
    member.receive_total(2)
    for i in range(3):
        sender.stdin.write(f"{i}\n\n")
        sender.stdin.flush()
        assert member.receive_message() == i
    sender.stdin.write('"no line feed"')
    assert outcome(sender) == (0, "")
    assert member.receive_message() == "no line feed"
    assert member.receive_event()["type"] == "leave"


def test_a_message_over_several_lines_is_one_line(
    start: Start, visit: Visitors, channel: str
) -> None:
    lines, raw = start("listen", channel, "--count", "1"), start("listen", channel, "--raw")
    read_event(lines), read_event(raw)
    member = visit.join(channel)
    member.send_text('{\n"a": 1.50}')
    assert outcome(lines)[0] == 0
    assert raw.stdout is not None
    while '"message":{\n' not in raw.stdout.readline():
        pass
    assert raw.stdout.readline() == '"a": 1.50}}\n'


@pytest.mark.parametrize(("sent", "count"), [(2, 3), (3, 3), (4, 3)])
def test_count(start: Start, visit: Visitors, channel: str, sent: int, count: int) -> None:
    listener = start("listen", channel, "--count", str(count))
    read_event(listener)
    member = visit.join(channel)
    for i in range(sent):
        member.send_text(str(i))
    if sent < count:
        for _ in range(1 + sent):
            read_event(listener)
        assert listener.poll() is None
        listener.send_signal(signal.SIGINT)
    output, _ = listener.communicate(timeout=3 * LIMIT_SECONDS)
    messages = [line for line in output.splitlines() if '"message"' in line]
    assert len(messages) == (0 if sent < count else count)
    assert listener.returncode == (130 if sent < count else 0)


def test_a_terminal(visit: Visitors, base_url: str, channel: str) -> None:
    """Who and what, and nothing that a sender could make the terminal obey."""
    screen, terminal = pty.openpty()
    variables = environment_of(base_url, TERM="xterm-256color")
    process = subprocess.Popen(
        [*COMMAND, "listen", channel, "--count", "2"], env=variables, stdout=terminal, text=True
    )
    os.close(terminal)
    shown = read_until(screen, b"you joined")
    member = visit.join(channel, as_="Ann", announce="1")
    member.send_text('"a \\u001b[31m b \x9b31m \u202e"')
    member.send_text('{"x":3}')
    shown += read_until(screen, b"x")
    while chunk := read_some(screen):
        shown += chunk
    assert process.wait(3 * LIMIT_SECONDS) == 0
    text = shown.decode()
    assert f"Ann {member.uid} joined" in text
    assert "(2 here)" in text
    assert '{"x":3}' in text
    assert "\\u001b[31m b \\u009b31m \\u202e" in text
    assert "\x1b[1;36m" in text, "no colours"
    assert not {"\x9b", "\u202e"} & {*text}
    os.close(screen)


def read_some(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says EIO when the other side has been closed
        return b""


def read_until(descriptor: int, mark: bytes) -> bytes:
    data = b""
    while mark not in data:
        chunk = read_some(descriptor)
        assert chunk, data
        data += chunk
    return data


def test_a_party_room(start: Start, base_url: str, relay: RelayProcess, visit: Visitors) -> None:
    listener = start("listen", "--party", "game/zq7", "--count", "2")
    player = visit.open("/parties/game/zq7")
    echoing = visit.open("/parties/game/zq7?echo=true")
    echoing.send_text("probe")
    sent = run(base_url, "send", "--party", "game/zq7", "any text")
    assert (sent.returncode, sent.stderr) == (0, "")
    while player.receive_text() != b"any text":
        pass
    while listener.poll() is None:  # a room tells nobody when the listener has joined it
        assert run(base_url, "send", "--party", "game/zq7", "last").returncode == 0
    output, _ = listener.communicate(timeout=3 * LIMIT_SECONDS)
    assert listener.returncode == 0
    assert len(output.splitlines()) == 2


def test_keys_come_from_the_environment(start_relay: StartRelay, namespace_file: str) -> None:
    base_url = url_of(start_relay("--config", namespace_file))
    refused = run(base_url, "send", "zq7:room", "1", RELAY_JOIN_KEY="s3cret")
    assert refused.returncode == 1
    assert "403" in one_line(refused.stderr)
    assert "s3cret" not in refused.stderr
    mute = run(base_url, "send", "zq7:room", "1", RELAY_JOIN_KEY="come in")
    assert mute.returncode == 3
    assert "send key" in one_line(mute.stderr)
    keys = {"RELAY_JOIN_KEY": "come in", "RELAY_SEND_KEY": "speak"}
    assert run(base_url, "send", "zq7:room", "1", **keys).returncode == 0


def test_nobody_listens_there() -> None:
    for command in (("listen", "room"), ("send", "room", "1"), ("send", "room", "-")):
        result = run("ws://127.0.0.1:1", *command)
        assert result.returncode == 1
        assert "refused" in one_line(result.stderr)


def test_the_relay_ends(start_relay: StartRelay, start: Start, channel: str) -> None:
    server = start_relay("--drain-time", "0")
    listener = start("listen", channel, "--url", url_of(server))
    read_event(listener)
    server.stop()
    code, errors = outcome(listener)
    assert code == 1
    assert "closed with 1001" in one_line(errors)


@pytest.mark.parametrize("arguments", [("-5",), ("--as", "Ann", "-1.5e3"), ("--", "-7")])
def test_a_number_below_zero(
    base_url: str, visit: Visitors, channel: str, arguments: tuple[str, ...]
) -> None:
    member = visit.join(channel)
    result = run(base_url, "send", channel, *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    member.receive_total(2)
    assert member.receive_message() == json.loads(arguments[-1])


def test_a_recipient_that_looks_like_a_number(base_url: str, channel: str) -> None:
    assert "-5" in one_line(run(base_url, "send", channel, "1", "--to", "-5").stderr)


def test_an_unknown_recipient(base_url: str, channel: str) -> None:
    result = run(base_url, "send", channel, "1", "--to", "nobody")
    assert result.returncode == 3
    assert "nobody" in one_line(result.stderr)


def test_too_fast(start_relay: StartRelay, channel: str) -> None:
    base_url = url_of(start_relay("--message-burst", "10", "--message-rate", "1"))
    below = run(base_url, "send", channel, "-", stdin="1\n" * 8)
    at = run(base_url, "send", channel, "-", stdin="1\n" * 9)
    above = run(base_url, "send", channel, "-", stdin="1\n" * 10)
    assert [below.returncode, at.returncode, above.returncode] == [0, 0, 3]
    assert "rate limit exceeded" in one_line(above.stderr)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("send", "room", "hello"), "JSON: expected one JSON value"),
        (("send", "room", ""), "JSON: expected one JSON value"),
        (("send", "room"), "JSON"),
        (("send", "room", "1", "--to", "a@@b"), "--to: expected"),
        (("send", "room", "1", "--to", ""), "--to: expected the uid"),
        (("send", "room", "1", "--party", "--to", ""), "--to: expected the uid"),
        (("send", "room", "1", "--to", "\udcff"), "--to: expected text in Unicode"),
        (("send", "room", '"\udcff"'), "JSON: expected text in Unicode"),
        (("send", "room", "\udcff", "--party"), "JSON: expected text in Unicode"),
        (("send", "room", "1", "--as", "\udcff"), "--as: expected text in Unicode"),
        (("send", "ro\udcffom", "1"), "CHANNEL: expected text in Unicode"),
        (("send", "ws:///room", "1"), "CHANNEL: expected a host name"),
        (("send", "ws://:99999/x", "1"), "CHANNEL: expected a ws:// or wss:// URL"),
        (("listen", "ws://h:80 80/x"), "CHANNEL: expected a ws:// or wss:// URL"),
        (("listen", "ws://me:s3cret@h/x"), "CHANNEL: expected no user name"),
        (("listen", "ws://h/x#y"), "CHANNEL: expected no fragment"),
        (("listen", "ws:///room", "--party"), "CHANNEL: expected a host name"),
        (("listen", "room", "--url", "http://"), "--url: expected a host name"),
        (
            ("listen", "http://h/c/room"),
            "CHANNEL: expected a name, or a URL that begins with ws://",
        ),
        (("send", "HTTPS://h/c/room", "1"), "CHANNEL: expected a name, or a URL that begins with"),
        (("listen", "room", "--url", ""), "--url: expected"),
        (("send", "room", "1", "--party", "--to", "u"), "--to: party rooms"),
        (("send", "room", "1", "--party", "--as", "Ann"), "--as: party rooms"),
        (("send", "room", "1", "--url", "nowhere"), "--url: expected"),
        (("listen",), "CHANNEL"),
        (("listen", "room", "--count", "0"), "--count"),
        (("listen", "room", "--count", "x"), "--count"),
        (("listen", "room", "--url", "nowhere"), "--url: expected"),
        (("listen", "room", "--party", "--announce"), "--announce: party rooms"),
        (("listen", "room", "--join-key", "x"), "--join-key"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    base_url: str, arguments: tuple[str, ...], what: str
) -> None:
    result = run(base_url, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert what in one_line(result.stderr)


def test_an_empty_recipient_tells_nobody(visit: Visitors, base_url: str, channel: str) -> None:
    member = visit.join(channel)
    assert run(base_url, "send", channel, '"for one"', "--to", "").returncode == 2
    assert run(base_url, "send", channel, '"for all"').returncode == 0
    member.receive_total(2)
    assert member.receive_message() == "for all"


def test_an_output_that_is_full(start: Start, base_url: str, channel: str) -> None:
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [*COMMAND, "listen", channel],
            env=environment_of(base_url),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=3 * LIMIT_SECONDS,
        )
    assert result.returncode == 1
    assert "No space left" in one_line(result.stderr)


@pytest.mark.parametrize(
    ("command", "code", "what"),
    [("send {0} - <&-", 2, "stdin is closed"), ("listen {0} >&-", 1, "stdout is closed")],
)
def test_without_stdin_or_stdout(
    base_url: str, channel: str, command: str, code: int, what: str
) -> None:
    result = subprocess.run(
        ["/bin/sh", "-c", f"{shlex.join(COMMAND)} {command.format(channel)}"],
        env=environment_of(base_url),
        stderr=subprocess.PIPE,
        text=True,
        timeout=3 * LIMIT_SECONDS,
    )
    assert (result.returncode, what in one_line(result.stderr)) == (code, True)


def test_a_server_that_tells_no_uid(base_url: str, channel: str) -> None:
    """Nothing would say whether it has taken the message: that is an error, and not an endless wait."""
    result = run(base_url, "send", f"{base_url}/r/{channel}", "1")
    assert result.returncode == 1
    assert "its uid" in one_line(result.stderr)
    announced = run(base_url, "send", f"{base_url}/r/{channel}?announce=true", "1")
    assert (announced.returncode, announced.stderr) == (0, "")


@pytest.mark.parametrize("stdin", ["1\nhello\n", "1\n2 3"])
def test_a_line_that_is_not_json(base_url: str, channel: str, stdin: str) -> None:
    result = run(base_url, "send", channel, "-", stdin=stdin)
    assert result.returncode == 2
    assert "line 2: expected one JSON value" in one_line(result.stderr)


def test_a_bad_variable(channel: str) -> None:
    assert "RELAY_URL: expected" in one_line(run("nowhere", "listen", channel).stderr)
    result = run("ws://127.0.0.1:1", "listen", channel, RELAY_JOIN_KEY="s3crét")
    assert "RELAY_JOIN_KEY: expected" in one_line(result.stderr)
    assert "s3cr" not in result.stderr


@pytest.mark.parametrize("arguments", [("listen",), ("send", "-")])
def test_ctrl_c(start: Start, visit: Visitors, channel: str, arguments: tuple[str, ...]) -> None:
    member = visit.join(channel)
    process = start(arguments[0], channel, *arguments[1:])
    member.receive_total(2)
    process.send_signal(signal.SIGINT)
    assert process.wait(3 * LIMIT_SECONDS) == 130
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert member.receive_event()["type"] == "leave"


def test_a_reader_that_has_gone_is_no_error(start: Start, visit: Visitors, channel: str) -> None:
    process = start("listen", channel)
    read_event(process)
    assert process.stdout is not None
    process.stdout.close()
    visit.join(channel)
    assert process.wait(3 * LIMIT_SECONDS) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_the_server_does_not_load_the_clients() -> None:
    program = (
        "import sys, relay.cli; print(sorted(m for m in sys.modules if m.startswith('relay.c')))"
    )
    result = subprocess.run([COMMAND[0], "-c", program], capture_output=True, text=True, timeout=30)
    assert "relay.client" not in result.stdout
    assert "relay.commands" not in result.stdout
