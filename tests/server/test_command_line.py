"""What `relay serve` says when it starts, and when it cannot."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from typing import IO

import pytest
from support.fixtures import StartRelay, VisitAt
from support.process import (
    COMMAND,
    LIMIT_SECONDS,
    RelayProcess,
    environment,
    flags_if_known,
    run_relay,
)

QUIET = ("--admin", "off")


def test_the_first_lines(start_relay: StartRelay) -> None:
    server = start_relay()
    host, port = server.address
    assert (host, port > 0) == ("127.0.0.1", True)
    assert f"listening on http://127.0.0.1:{port}\n" in server.output
    assert server.stop() == 0
    assert re.search(r"\d+\.\d+", server.output.replace("127.0.0.1", "")), "the version is missing"


def test_two_servers_side_by_side(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    first, second = start_relay(), start_relay()
    assert first.address != second.address
    assert [visit_at(server).join(channel).joined["total"] for server in (first, second)] == [1, 1]


def assert_one_clear_line(errors: str, *needles: str) -> None:
    lines = [line for line in errors.splitlines() if line.strip()]
    assert len(lines) == 1, errors
    assert all(needle in lines[0] for needle in needles), errors


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        result = run_relay("serve", "--host", "127.0.0.1", "--port", port, *flags_if_known(QUIET))
    assert result.returncode not in (0, 2)
    assert_one_clear_line(result.stderr, port)
    assert "listening on" not in result.stdout


def test_a_port_another_relay_uses(relay: RelayProcess) -> None:
    port = str(relay.address[1])
    result = run_relay("serve", "--host", "127.0.0.1", "--port", port, *flags_if_known(QUIET))
    assert result.returncode not in (0, 2)
    assert_one_clear_line(result.stderr, port)


def test_a_port_is_free_again_at_once(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    """In spite of connections in TIME_WAIT, which the server's own closes leave behind."""
    server = start_relay()
    visitors = visit_at(server)
    for _ in range(3):
        member = visitors.join(channel)
        member.send_frame(0x3)
        member.expect_close(1002)
        member.close()
    port = str(server.address[1])
    assert server.stop() == 0
    assert start_relay("--port", port).address[1] == int(port)


def test_an_address_that_is_not_here() -> None:
    result = run_relay("serve", "--host", "192.0.2.1", "--port", "0", *flags_if_known(QUIET))
    assert result.returncode != 0
    assert_one_clear_line(result.stderr, "192.0.2.1")


BAD_FLAGS = [
    ("--port", "x"),
    ("--port", "65536"),
    ("--port", "-1"),
    ("--port", ""),
    ("--message-rate", "x"),
    ("--message-rate", "-1"),
    ("--message-rate", "nan"),
    ("--message-burst", "x"),
    ("--message-burst", "-1"),
    ("--kick-after", "x"),
    ("--kick-after", "-1"),
    ("--max-message", "x"),
    ("--max-message", "-1"),
    ("--max-message", "10 apples"),
    ("--backlog-limit", "x"),
    ("--backlog-limit", "-1"),
    ("--presence", "x"),
    ("--presence", ""),
    ("--presence-limit", "x"),
    ("--presence-limit", "-1"),
    ("--handshake-timeout", "x"),
    ("--handshake-timeout", "-1"),
    ("--handshake-timeout", "nan"),
    ("--no-such-flag", "1"),
    ("--messagerate", "1"),
]


@pytest.mark.parametrize(("flag", "value"), BAD_FLAGS)
def test_a_bad_flag_is_named(flag: str, value: str) -> None:
    result = run_relay("serve", "--host", "127.0.0.1", "--port", "0", flag, value)
    assert result.returncode == 2, result
    assert flag in result.stderr
    assert "Traceback" not in result.stderr
    assert "listening on" not in result.stdout


@pytest.mark.parametrize(
    "flag",
    [
        "--host", "--port", "--message-rate", "--message-burst", "--kick-after", "--max-message", "--backlog-limit",
        "--presence", "--presence-limit", "--handshake-timeout",
    ],
)  # fmt: skip
def test_help_names_the_flag(flag: str) -> None:
    result = run_relay("serve", "--help")
    assert result.returncode == 0
    assert re.search(rf"{flag}\b", result.stdout)


def write_to(output: IO[str], *arguments: str) -> tuple[int, str]:
    """The exit code of a command that writes there, and what it says of that."""
    result = subprocess.run(
        [*COMMAND, *arguments],
        env=environment(),
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        timeout=3 * LIMIT_SECONDS,
        check=False,
    )
    return result.returncode, result.stderr


@pytest.mark.parametrize(
    "arguments", [("serve", "--print-config"), ("check-config",), ("serve", "--help")]
)
def test_output_that_cannot_be_written(arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        told = write_to(full, *arguments)
    assert told == (1, "relay: cannot write: No space left on device\n")


def test_output_that_nobody_reads() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe:
        assert write_to(pipe, "serve", "--print-config") == (1, "")


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--max-message", "64KiB"),
        ("--max-message", "65536"),
        ("--backlog-limit", "1MiB"),
        ("--handshake-timeout", "5s"),
        ("--handshake-timeout", "0.5"),
        ("--message-rate", "0"),
        ("--presence", "auto"),
        ("--presence-limit", "10"),
    ],
)
def test_values_with_and_without_units(start_relay: StartRelay, flag: str, value: str) -> None:
    assert start_relay(flag, value).address


def test_the_server_is_the_first_command() -> None:
    commands = run_relay("--help").stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in commands[:2]] == ["serve", "check-config"]
