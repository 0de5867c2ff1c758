"""`relay bench` in a process of its own: what it writes, its exit codes, and what it says when there is nothing to measure."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.connection import LIMIT_SECONDS
from support.fixtures import StartRelay
from support.process import COMMAND, environment

from relay._load import Generator
from relay.bench.drive import run_plan
from relay.bench.faults import PlanError
from relay.bench.plan import PAIRS_MAX, Plan, default_senders
from relay.bench.progress import Silence
from relay.bench.usage import Watched, ancestors, ports

from .command import SHORT, VERDICTS, figures_in, one_line, refusal, run, url_of
from .fake_server import FakeServer, close_frame
from .results import TARGET


def test_text_and_silence_in_a_pipe() -> None:
    with FakeServer() as server:
        done = run(url_of(server), *SHORT)
    assert done.returncode in VERDICTS
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"ws://127.0.0.1:{server.port}/c/bench-")
    assert any(line.startswith("deliveries    120, ") for line in lines)
    assert lines[-1].startswith(("valid: ", "invalid: "))


def test_json_on_stdout_is_all_there_is() -> None:
    with FakeServer() as server:
        done = run(url_of(server), *SHORT, "--json", "-")
    figures = figures_in(done)
    assert done.returncode == (0 if figures["verdict"]["is_valid"] else 3)
    assert figures["messages"]["offered"] == figures["messages"]["sent"] == 60
    assert figures["deliveries"]["delivered"] == figures["deliveries"]["expected"] == 120
    assert figures["plan"]["url"].startswith(url_of(server))
    assert sum(1 for each in figures["receivers_ms"]) == 6


@pytest.mark.parametrize("misdeed", ["lose", "repeat", "swap"])
def test_a_server_that_misdelivers_is_told_on(misdeed: str) -> None:
    def misdeliver(receiver: int, frames: list[bytes]) -> list[bytes]:
        if misdeed == "lose":
            return frames[1:]
        return [*frames, *frames] if misdeed == "repeat" else frames[::-1]

    with FakeServer(misdeliver=misdeliver) as server:
        arguments = ("--members", "3", "--channels", "1", "--senders", "1", "--in-flight", "4")
        times = ("--duration", "0.3", "--warmup", "0", "--loss-timeout", "0.2")
        deliveries = figures_in(run(url_of(server), *arguments, *times, "--json", "-"))[
            "deliveries"
        ]
    name = {"lose": "lost", "repeat": "duplicated", "swap": "reordered"}[misdeed]
    assert deliveries[name] > 0
    assert deliveries["expected"] - deliveries["delivered"] == deliveries["lost"]
    assert (deliveries["ratio"] < 1) is (misdeed == "lose")


def test_the_relay_by_its_own_defaults(start_relay: StartRelay) -> None:
    """What the command does without options is within the limits that a relay has without any."""
    host, port = start_relay().address
    done = run(f"ws://{host}:{port}", "--duration", "1", "--warmup", "0", "--json", "-")
    figures = figures_in(done)
    assert figures["events"]["errors"] == figures["events"]["rate_limited"] == 0
    assert figures["deliveries"]["lost"] == figures["deliveries"]["duplicated"] == 0
    assert figures["deliveries"]["delivered"] == 49 * figures["messages"]["sent"] > 0
    assert figures["connecting"]["opened"] == 500


@pytest.mark.parametrize("protocol", ["itty", "party"])
def test_a_server_with_its_process_named(start_relay: StartRelay, protocol: str) -> None:
    server = start_relay()
    host, port = server.address
    more = (
        "--protocol",
        protocol,
        "--pid",
        str(server.pid),
        "--churn",
        "10",
        "--slow-readers",
        "2",
    )
    figures = figures_in(run(f"ws://{host}:{port}", *SHORT, *more, "--echo", "--json", "-"))
    assert figures["deliveries"]["delivered"] == figures["deliveries"]["expected"] == 180
    assert figures["server"]["cpu_us_per_delivery"] > 0
    assert figures["churn"]["not_returned"] == 0
    assert figures["slow_readers"]["connections"] == 2


def test_the_relay_s_rate_limit_is_told_with_its_remedy(start_relay: StartRelay) -> None:
    host, port = start_relay("--message-rate", "10", "--message-burst", "20").address
    done = run(f"ws://{host}:{port}", "--channels", "1", "--members", "2", "--in-flight", "64")
    assert done.returncode == 3
    last = done.stdout.splitlines()[-1]
    assert "rate limit" in last
    assert "relay serve --message-rate 0 --byte-rate 0" in last


def test_a_kick_is_a_rate_limit() -> None:
    with FakeServer(close_after=5, close_code=1008) as server:
        done = run(url_of(server), *SHORT)
    assert done.returncode == 3
    assert "1 with 1008" in done.stdout
    assert "message-rate 0" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(("code", "has_remedy"), [(1008, True), (1013, False)])
def test_a_server_that_closes_everyone_at_once(code: int, has_remedy: bool) -> None:
    with FakeServer(greeting=close_frame(code)) as server:
        done = run(url_of(server), *SHORT)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"6 with {code}" in one_line(done.stderr)
    assert ("--message-rate 0" in done.stderr) is has_remedy


def test_a_server_that_ends_in_the_warm_up() -> None:
    with FakeServer(close_after=5, closes_everyone=True) as server:
        done = run(url_of(server), *SHORT, "--loss-timeout", "0.1")
    assert done.returncode == 3
    assert "it ended in the warm-up" in done.stdout
    assert "6 with 1013" in done.stdout


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("429 Too Many Requests", "start a relay with: relay serve --message-rate 0 --byte-rate 0"),
        ("503 Service Unavailable", "of a relay see --max-connections"),
        ("403 Forbidden", "for a relay put it into the URL, as ?joinKey=..."),
        ("404 Not Found", "HTTP 404"),
    ],
)
def test_refusals(status: str, text: str) -> None:
    with FakeServer(answer=f"HTTP/1.1 {status}\r\n\r\n".encode()) as server:
        done = run(url_of(server), "--channels", "1", "--members", "2")
    assert (done.returncode, done.stdout) == (1, "")
    assert text in one_line(done.stderr)
    assert status[:3] in done.stderr


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = run(f"ws://127.0.0.1:{unused.getsockname()[1]}")
    assert (done.returncode, done.stdout) == (1, "")
    assert "connection refused" in one_line(done.stderr)


def test_nobody_answers() -> None:
    with FakeServer(is_mute=True) as server:
        done = run(url_of(server), *SHORT, "--connect-timeout", "100ms")
    assert done.returncode == 1
    told = "0 of 6 connections opened in time: 6 were not answered; --connect-timeout lets"
    assert told in one_line(done.stderr)


def test_nothing_is_delivered() -> None:
    with FakeServer(misdeliver=lambda receiver, frames: []) as server:
        done = run(url_of(server), *SHORT, "--loss-timeout", "0.1")
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1] == "invalid: nothing was delivered"


def test_connections_alone() -> None:
    with FakeServer() as server:
        done = run(
            url_of(server), "--channels", "2", "--members", "3", "--duration", "0", "--json", "-"
        )
    figures = figures_in(done)
    assert done.returncode == 0
    assert figures["connecting"]["opened"] == 6
    assert figures["messages"] is None
    assert not server.messages


def test_interrupted_still_tells_what_was_measured() -> None:
    with FakeServer() as server:
        process = subprocess.Popen(
            [*COMMAND, "bench", url_of(server), *SHORT[:6], "--warmup", "0", "--duration", "60", "--json", "-"],
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        try:
            server.await_messages(20)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=3 * LIMIT_SECONDS)
        finally:
            process.kill()
            process.wait()
    figures = json.loads(output)
    assert process.returncode == 130
    assert figures["deliveries"]["delivered"] == figures["deliveries"]["expected"] >= 40
    assert any("interrupted" in note for note in figures["verdict"]["notes"])


def test_interrupted_while_it_closes_has_measured_all() -> None:
    class Impatient(Silence):
        def begin(self, phase: str, total: float) -> None:
            if phase == "closing":
                os.kill(os.getpid(), signal.SIGINT)

    with FakeServer() as server:
        target = replace(TARGET, port=server.port)
        plan = Plan(target, channels=1, members=2, senders=2, seconds=0.1, warm_up_seconds=0.0)
        result = run_plan(plan, Impatient())
    assert result.run is not None
    assert result.run.report.delivered == 100
    assert not result.is_interrupted
    assert result.closing.close_codes == {1000: 2}


def test_interrupted_while_it_connects() -> None:
    with FakeServer(is_mute=True) as server:
        process = subprocess.Popen(
            [*COMMAND, "bench", url_of(server), *SHORT],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            server.await_requests(6)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=3 * LIMIT_SECONDS)
        finally:
            process.kill()
            process.wait()
    assert (process.returncode, output) == (130, "")
    assert "interrupted before" in one_line(errors)


def test_more_connections_than_files_may_be_open() -> None:
    """The hard limit is of this process alone; a shell lowers it."""
    command = ["sh", "-c", 'ulimit -n 100 && exec "$0" "$@"', *COMMAND, "bench", "ws://127.0.0.1:9"]
    done = subprocess.run(
        command,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=3 * LIMIT_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "--members: 564 open files are needed, and the hard limit is 100" in one_line(
        done.stderr
    )


def test_a_bar_on_a_terminal() -> None:
    screen, terminal = pty.openpty()
    with FakeServer() as server:
        process = subprocess.Popen(
            [*COMMAND, "bench", url_of(server), *SHORT],
            env={**environment(), "TERM": "xterm-256color", "COLUMNS": "100"},
            stdout=subprocess.PIPE,
            stderr=terminal,
            text=True,
        )
        output, _ = process.communicate(timeout=3 * LIMIT_SECONDS)
    os.close(terminal)
    shown = os.read(screen, 1 << 16).decode()
    os.close(screen)
    assert process.returncode in VERDICTS
    assert "deliveries    120" in output
    for phase in ("connecting", "warming up", "measuring"):
        assert phase in shown


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--rate", "x"), "--rate: expected a rate"),
        (("--rate", "0.009"), "--rate: expected from 0.01 to 10000000"),
        (("--rate", "10000001"), "--rate: expected from 0.01 to 10000000"),
        (("--rate", "5", "--in-flight", "5"), "--in-flight: means a closed loop"),
        (("--duration", "0", "--rate", "5"), "--rate: --duration 0 opens connections"),
        (("--duration", "0", "--in-flight", "5"), "--in-flight: --duration 0 opens connections"),
        (("--duration", "0", "--churn", "5"), "--churn: --duration 0 opens connections"),
        (("--channels", "0"), "--channels: expected from 1 to 1000000"),
        (("--members", "1"), "--members: expected 2 or more"),
        (("--members", "100000"), "--members: expected from 1 to 99999"),
        (("--senders", "51"), "--senders: must be from 1 to 50"),
        (("--in-flight", "100000"), "--in-flight: expected from 1 to 99999"),
        (("--size", "60"), "--size: expected from 61 to 1048576"),
        (("--size", "1048577"), "--size: expected from 61 to 1048576"),
        (("--duration", "10ms"), "--duration: expected 0, or from 0.05 to 3600"),
        (("--duration", "soon"), "--duration: expected a time"),
        (("--warmup", "3601"), "--warmup: expected from 0 to 3600"),
        (("--churn", "-1"), "--churn: expected a rate"),
        (("--slow-readers", "10001"), "--slow-readers: expected from 0 to 10000"),
        (("--handshakes", "4097"), "--handshakes: expected from 1 to 4096"),
        (("--source-address", "here"), "--source-address: expected an IPv4 address"),
        (("--source-address", "192.0.2.1"), "--source-address: only loopback"),
        (("--protocol", "template"), "--template: expected a message"),
        (("--protocol", "party", "--template", "{stamp}"), "--template: is for servers"),
        (
            ("--template", "no stamp" * 9, "--channels", "1"),
            "--template: must contain {stamp} exactly once",
        ),
        (("--template", "{stamp}", "--channels", "1"), "{padding} in it fills it up"),
        (("--channels", "11", "--members", "99999"), "--channels: must be from 1 to 10 with 99999"),
        (
            ("--members", "8001", "--senders", "8001", "--channels", "1"),
            "--senders: must be from 1",
        ),
        (("--pid", "0"), "--pid: expected from 1"),
        (("--pid", "2147483647"), "--pid: there is no process"),
        (("--pid", str(os.getpid())), f"and {os.getpid()} is relay bench itself"),
        (("--pid", str(os.getppid())), f"and {os.getppid()} is the process ("),
        (("--cpu", "4095"), "--cpu: core 4095 is not there"),
        (("--bogus",), "No such option"),
    ],
)
def test_bad_options_are_one_line(
    arguments: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert text in refusal(capsys, "ws://127.0.0.1:9", *arguments)


def test_who_started_the_bench_is_not_the_server() -> None:
    """Of all above it, the first process among them: what the generator uses would count as theirs."""
    lineage = list(ancestors())
    assert [pid for pid, _ in lineage[:2]] == [os.getpid(), os.getppid()]
    done = run("ws://127.0.0.1:9", "--pid", str(lineage[-1][0]))
    assert (done.returncode, done.stdout) == (2, "")
    told = one_line(done.stderr)
    assert "--pid: expected the server's process, and" in told
    assert f"is the process ({lineage[-1][1]}) that relay bench was started by" in told


@pytest.fixture
def cut_name() -> Iterator[None]:
    """This process is called by a name that the kernel cut amid a character."""
    name = Path("/proc/self/comm")
    before = name.read_bytes()
    name.write_bytes(b"lange-namen-f\xc3\xbcr"[:14])
    yield
    name.write_bytes(before)


@pytest.mark.usefixtures("cut_name")
def test_a_name_that_is_no_text() -> None:
    assert next(ancestors()) == (os.getpid(), "lange-namen-f\ufffd")
    assert Watched(os.getpid()).peak_resident_bytes() > 0


def test_a_process_that_has_ended_is_not_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody has waited for it yet, so that its number is still there."""
    with subprocess.Popen(["true"], stdout=subprocess.PIPE) as ended:
        assert ended.stdout is not None
        ended.stdout.read()
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        told = refusal(capsys, "ws://127.0.0.1:9", "--pid", str(ended.pid))
    assert f"--pid: process {ended.pid} has no memory" in told


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("ws://example.org", "--remote"),
        ("ws://192.0.2.1:5/x", "--remote"),
        ("ws://127.0.0.1:9/same", "URL: must contain {channel}"),
        ("nonsense", "URL: expected ws://HOST:PORT"),
    ],
)
def test_bad_urls_are_one_line(url: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert text in refusal(capsys, url)


def test_the_help_names_everything() -> None:
    done = run("--help")
    assert done.returncode == 0
    for text in ("--template TEXT", "{stamp}", "Exit codes: 0 valid", "docs/load-testing.md"):
        assert text in done.stdout


def test_the_help_tells_how_small_a_message_may_be() -> None:
    told = " ".join(run("--help").stdout.split())
    assert (
        "Bytes of a message's JSON, 61 at least; a --template follows it only with {padding}"
        in told
    )
    assert "{padding}; 56 bytes at least" in told


# --- plans


@pytest.mark.parametrize(
    ("churn", "visitors"),
    [(0.0, 0), (0.1, 1), (1.0, 1), (1.1, 2), (10_000.0, 10_000), (99_999.0, 10_000)],
)
def test_each_visitor_stays_for_about_a_second(churn: float, visitors: int) -> None:
    assert Plan(TARGET, churn=churn).visitors == visitors


@pytest.mark.parametrize(
    ("plan", "window"),
    [
        (Plan(TARGET, in_flight=7), 7),
        (Plan(TARGET, rate=1000, channels=10, loss_seconds=2), 266),
        (Plan(TARGET, rate=10_000_000, channels=1), 99_999),
        (Plan(TARGET, rate=10_000_000, channels=1, payload_bytes=1 << 20), 255),
        (Plan(TARGET, rate=10_000_000, channels=100_000, members=2, senders=1), 16),
        (Plan(TARGET, rate=10_000_000, channels=1_000_000, members=1, senders=1), 4),
    ],
)
def test_the_window_of_an_open_loop_is_bounded_in_messages_and_bytes(
    plan: Plan, window: int
) -> None:
    assert plan.window == window


@pytest.mark.parametrize(
    ("channels", "members", "senders"),
    [
        (10, 50, 50),
        (1, 100, 100),
        (1, 101, 100),
        (1, 99_999, 100),
        (1000, 640, 100),
        (1000, 641, 99),
        (1000, 1000, 64),
        (1_000_000, 1, 1),
    ],
)
def test_the_senders_of_a_plan_without_any_said_fit(
    channels: int, members: int, senders: int
) -> None:
    assert default_senders(channels, members) == senders
    assert channels * members * senders <= PAIRS_MAX


@pytest.mark.parametrize(("senders", "is_refused"), [(64, False), (65, True)])
def test_books_are_kept_of_so_many_pairs(senders: int, is_refused: bool) -> None:
    """The generator's own bound is the plan's."""
    plan = Plan(TARGET, channels=1000, members=1000, senders=senders)
    if is_refused:
        with pytest.raises(PlanError, match=r"^--senders: must be from 1 to 64 with 1000 x 1000"):
            plan.generator()
    else:
        plan.generator()


SOURCES = ("127.0.0.1", "127.0.0.2")


@pytest.mark.parametrize(
    ("members", "sources", "address", "most"),
    [
        (100, (), "127.0.0.1", 100),
        (25_000, (), "127.0.0.1", 25_000),
        (50_001, (), "127.0.0.1", 25_000),  # loopback has more of them by itself
        (50_001, (), "192.0.2.1", 50_001),
        (50_001, SOURCES, "127.0.0.1", 25_001),
        (50_001, SOURCES[:1], "127.0.0.1", 50_001),
        (50_001, SOURCES[:1] * 2, "127.0.0.1", 50_001),
    ],
)
def test_each_address_has_a_port_for_each_of_its_connections(
    members: int, sources: tuple[str, ...], address: str, most: int
) -> None:
    target = replace(TARGET, address=address)
    plan = Plan(target, channels=1, members=members, sources=sources)
    assert plan.connections_of_an_address == most
    plan.require_ports(most)
    with pytest.raises(PlanError, match=r"^--source-address: expected \d or more addresses of"):
        plan.require_ports(most - 1)


def test_more_connections_than_ports(capsys: pytest.CaptureFixture[str]) -> None:
    """Told before the limit of open files, which is no use to raise first."""
    most = ports()
    given = ("--channels", "1", "--members", str(most), "--slow-readers", "1")
    told = refusal(capsys, "ws://127.0.0.1:9", *given, "--source-address", "127.0.0.1")
    assert f"expected 2 or more addresses of this machine for {most + 1} connections, got 1" in told
    assert f"each has {most} ports" in told


def test_a_plan_makes_its_generator() -> None:
    plan = Plan(TARGET, channels=3, members=4, senders=4, churn=2.0, stalled=5)
    generator = plan.generator()
    assert isinstance(generator, Generator)
    assert (generator.host, generator.port, generator.path) == (
        TARGET.address,
        TARGET.port,
        TARGET.path,
    )
    assert plan.connections == 19
