"""`relay top` in a process of its own: through a pipe, on a terminal, before a relay and before what stands in for one."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.admin_stand_in import AdminStandIn, Growing, serve_stand_in, snapshot
from support.connection import LIMIT_SECONDS
from support.fixtures import StartRelay, VisitAt
from support.process import COMMAND, RelayProcess, environment

Start = Callable[..., subprocess.Popen[bytes]]
HOSTILE = "\x1b[31mred\u202e"
TOKEN = "0123456789abcdef-s3cret"


def url_of(server: RelayProcess) -> str:
    host, port = server.admin_address
    return f"http://{host}:{port}"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "top", *arguments],
        env={**environment(), "TZ": "UTC", **variables},
        capture_output=True,
        text=True,
        timeout=3 * LIMIT_SECONDS,
    )


def one_line(errors: str) -> str:
    [line] = errors.splitlines()
    assert line.startswith("relay: ")
    return line


def row_of(output: str, label: str) -> list[str]:
    """The cells of a row of the table, behind its label."""
    [line] = [line for line in output.splitlines() if line.strip().startswith(f"{label}  ")]
    return line.strip().removeprefix(label).split()


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts it with its output into a pipe; what still runs at the end is killed."""
    running: list[subprocess.Popen[bytes]] = []

    def start_top(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        given = {
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "env": environment(),
            **options,
        }
        process = subprocess.Popen([*COMMAND, "top", *arguments], **given)
        running.append(process)
        return process

    yield start_top
    for process in running:
        process.kill()
        process.communicate()


def test_all_that_was_sent_is_in_the_rates(
    start_relay: StartRelay, visit_at: VisitAt, start: Start, channel: str
) -> None:
    server = start_relay("--admin", "127.0.0.1:0", "--message-burst", "2000")
    visit = visit_at(server)
    sender, *_ = [visit.join(channel) for _ in range(4)]
    process = start("--url", url_of(server), "--json", "--interval", "0.2")
    assert process.stdout is not None
    before = json.loads(process.stdout.readline())
    assert before["total"]["connections"] == 4
    for _ in range(1000):
        sender.send_text("1")
    sums = {"messages_per_second": 0.0, "deliveries_per_second": 0.0}
    while sums["deliveries_per_second"] < 2999.5:
        after = json.loads(process.stdout.readline())
        for name in sums:
            sums[name] += after["total"][name] * (after["date"] - before["date"]) / 1000
        before = after
    assert sums == pytest.approx({"messages_per_second": 1000, "deliveries_per_second": 3000})
    assert after["total"]["turn_p99_seconds"] > 0
    assert after["workers"][0]["connections"] == 4
    whole = (after["date"], after["total"]["connections"], after["total"]["resident_bytes"])
    assert {type(number) for number in whole} == {int}
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT_SECONDS) == 130


def test_once_is_a_table(stand_in: AdminStandIn) -> None:
    stand_in.answer = Growing(
        {
            "messages": 250,
            "published": 6,
            "busy_seconds": 0.25,
            "closed_1001": 2,
            "refused_join_key": 0,
        },
        worker={"gauges": {"connections": 1204, "resident_bytes": 2**26}, "backlogs": [2048, 9]},
    )
    result = run("--url", stand_in.url, "--once", "--interval", "0.1")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0].split()[:2] == ["relay", "1.2.3"]
    assert row_of(result.stdout, "connections")[:1] == ["1,204"]
    for label, cells in {
        "messages": ["256/s"],
        "loop utilisation": ["25", "%"],
        "memory": ["64.0", "MiB"],
        "worst backlog": ["2.0", "KiB"],
        "deliveries": ["-"],
        "1001": ["2/s"],
    }.items():
        assert row_of(result.stdout, label) == cells
    assert "join key" not in result.stdout


def test_several_workers(stand_in: AdminStandIn) -> None:
    stand_in.answer = Growing(
        {"messages": 5, "busy_seconds": 0.5}, {"messages": 20, "busy_seconds": 1}
    )
    table = run("--url", stand_in.url, "--once", "--interval", "0.1").stdout
    assert row_of(table, "messages") == ["25/s", "5/s", "20/s"]
    assert row_of(table, "loop utilisation") == ["75", "%", "50", "%", "100", "%"]
    told = json.loads(run("--url", stand_in.url, "--once", "--json", "--interval", "0.1").stdout)
    assert told["total"]["messages_per_second"] == 25
    assert [worker["messages_per_second"] for worker in told["workers"]] == [5, 20]


def test_what_ends_first(stand_in: AdminStandIn) -> None:
    """The smallest share on top, and with it by how much the load may grow."""
    left = {"processor": 0.75, "memory": 0.9, "connections": 0.5, "open_files": 1}
    stand_in.answer = Growing({}, worker={"headroom": left})
    table = run("--url", stand_in.url, "--once", "--interval", "0.1").stdout
    assert row_of(table, "headroom") == ["50", "%"]
    assert row_of(table, "load may grow to") == ["2.0", "x"]
    lines = [line.split() for line in table.splitlines()]
    first = lines.index(["headroom", "50", "%"]) + 1
    assert [" ".join(line[:-2]) for line in lines[first : first + 4]] == [
        "connections",
        "processor",
        "memory",
        "open files",
    ]
    told = json.loads(run("--url", stand_in.url, "--once", "--json", "--interval", "0.1").stdout)
    figures = told["total"]
    assert (figures["headroom"], figures["growth"], figures["ends_first"]) == (0.5, 2, "connections")  # fmt: skip
    assert figures["headroom_shares"] == left


@pytest.mark.parametrize(
    ("headroom", "shown", "growth"),
    [({}, None, None), ({"memory": 1.0}, 1.0, None), ({"memory": 0.0}, 0.0, 1.0)],
)
def test_headroom_at_its_ends(
    stand_in: AdminStandIn, headroom: dict[str, float], shown: float | None, growth: float | None
) -> None:
    stand_in.answer = Growing({}, worker={"headroom": headroom})
    told = json.loads(run("--url", stand_in.url, "--once", "--json", "--interval", "0.1").stdout)
    assert (told["total"]["headroom"], told["total"]["growth"]) == (shown, growth)
    assert told["total"]["ends_first"] == next(iter(headroom), None)


def test_a_pipe_gets_a_line_each_time(stand_in: AdminStandIn, start: Start) -> None:
    stand_in.answer = Growing({"messages": 5, "deliveries": 10}, {"messages": 20, "deliveries": 40})
    process = start("--url", stand_in.url, "--interval", "0.1")
    assert process.stdout is not None
    lines = [process.stdout.readline().decode().split() for _ in range(7)]
    assert lines[0][:3] == ["time", "worker", "conns"]
    assert [line[1] for line in lines[1:]] == ["all", "0", "1"] * 2
    at = lines[0].index("msgs")
    assert [line[at] for line in lines[1:4]] == ["25/s", "5/s", "20/s"]
    process.stdout.close()
    assert process.wait(LIMIT_SECONDS) == 0


def test_a_relay_that_was_started_again_has_no_negative_rates(
    stand_in: AdminStandIn, start: Start
) -> None:
    stand_in.answer = Growing({"messages": 5000}, started=1)
    process = start("--url", stand_in.url, "--json", "--interval", "0.1")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["total"]["messages_per_second"] == 5000
    stand_in.answer = Growing({"messages": 7}, started=2)
    rates = [5000.0]
    while rates[-1] != 7:
        rates.append(json.loads(process.stdout.readline())["total"]["messages_per_second"])
    assert None in rates
    assert {*rates} == {5000.0, None, 7.0}


def read_until(screen: int, *marks: str) -> str:
    """What is written on a terminal until all marks have been; waiting for more than a test's time fails it."""
    data = b""
    while not all(mark.encode() in data for mark in marks):
        chunk = os.read(screen, 65536)
        assert chunk, data
        data += chunk
    return data.decode(errors="replace")


def test_a_terminal(stand_in: AdminStandIn, start: Start) -> None:
    """The whole screen, which stays when the relay is away, and is given back at the end."""
    stand_in.answer = Growing(
        {"messages": 250, f"refused_{HOSTILE}": 1}, version=HOSTILE, limits="dry-run", draining=True
    )
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
    variables = {**environment(), "TERM": "xterm-256color"}
    process = start(
        "--url", stand_in.url, "--interval", "0.1", stdout=terminal, stderr=terminal, env=variables
    )
    os.close(terminal)
    shown = read_until(screen, "\x1b[?1049h", "250/s", "limits dry-run", "draining", "▁", "▇")
    assert "\\u001b[31mred\\u202e" in shown
    assert "\x1b[31m" not in shown
    stand_in.answer = lambda: (500, b"")
    process.send_signal(signal.SIGINT)
    assert "\x1b[?1049l" in read_until(screen, "\x1b[?1049l")
    assert process.wait(LIMIT_SECONDS) == 130
    os.close(screen)


def test_a_terminal_waits_for_a_relay_that_is_away(start: Start) -> None:
    with serve_stand_in() as stand_in:
        stand_in.answer = Growing({"messages": 250})
        screen, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
        process = start(
            "--url", stand_in.url, "--interval", "0.1", stdout=terminal, stderr=terminal
        )
        os.close(terminal)
        read_until(screen, "250/s")
    read_until(screen, "no answer since", "still trying")
    with serve_stand_in(
        int(stand_in.url.rpartition(":")[2])
    ) as again:  # the port was free a moment ago
        again.answer = Growing({"messages": 31})
        read_until(screen, "31/s")
    process.send_signal(signal.SIGINT)
    read_until(screen, "\x1b[?1049l")
    assert process.wait(LIMIT_SECONDS) == 130
    os.close(screen)


def test_a_pipe_ends_with_the_relay(start: Start) -> None:
    with serve_stand_in() as stand_in:
        process = start("--url", stand_in.url, "--interval", "0.1")
        assert process.stdout is not None
        process.stdout.readline()
    _, errors = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 1
    assert "no answer" in one_line(errors.decode())


def test_the_token(start_relay: StartRelay, tmp_path: Any) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(f'admin_token = "{TOKEN}"\n')
    url = url_of(start_relay("--admin", "127.0.0.1:0", "--config", str(config)))
    options = ("--url", url, "--once", "--interval", "0.1")
    without = run(*options)
    assert without.returncode == 3
    assert one_line(without.stderr).endswith("; set RELAY_ADMIN_TOKEN")
    wrong = run(*options, RELAY_ADMIN_TOKEN=TOKEN + "x")
    assert wrong.returncode == 3
    assert "401" in one_line(wrong.stderr)
    assert "s3cret" not in wrong.stderr
    assert run(*options, RELAY_ADMIN_TOKEN=TOKEN).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--interval", "0.09"), "--interval"),
        (("--interval", "3601"), "--interval"),
        (("--interval", "x"), "--interval"),
        (("--url", "nowhere"), "--url: expected http://HOST:PORT"),
        (("--url", "ws://127.0.0.1:1"), "--url: expected http://HOST:PORT"),
        (("--url", "http://127.0.0.1:1/?a"), "--url: expected http://HOST:PORT"),
        (("--url", "http://"), "--url: "),
        (("--url", "http://127.0.0.1:x"), "--url: "),
        (("--url", "http://127.0.0.1:99999"), "--url: "),
        (("more",), "more"),
    ],
)
def test_a_wrong_command_line_is_one_line(arguments: tuple[str, ...], what: str) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert what in one_line(result.stderr)


@pytest.mark.parametrize("interval", ["0.1", "3600"])
def test_intervals_at_their_ends(interval: str) -> None:
    result = run("--url", "http://127.0.0.1:1", "--interval", interval)
    assert result.returncode == 1
    assert "refused" in one_line(result.stderr)


def test_a_bad_variable() -> None:
    result = run(RELAY_ADMIN_TOKEN="s3crét")
    assert result.returncode == 2
    assert "RELAY_ADMIN_TOKEN: expected" in one_line(result.stderr)
    assert "s3cr" not in result.stderr


@pytest.mark.parametrize(
    ("answer", "code", "what"),
    [
        ((200, b"ok\n"), 1, "no admin listener: expected the figures of a relay"),
        ((200, snapshot(workers=[])), 1, "no admin listener: expected the figures of a relay"),
        ((200, snapshot(date=1e300)), 1, "no admin listener: expected the figures of a relay"),
        ((404, {"error": f"nothing {HOSTILE} here"}), 3, "404 Not Found: nothing \\u001b[31mred"),
        ((503, b""), 3, "503 Service Unavailable"),
    ],
)
def test_other_answers(stand_in: AdminStandIn, answer: Any, code: int, what: str) -> None:
    stand_in.answer = lambda: answer
    result = run("--url", stand_in.url, "--once")
    assert (result.returncode, result.stdout) == (code, "")
    assert what in one_line(result.stderr)
