"""`relay plan --like`: a plan from what a relay carries, before a real one and before what stands in for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.admin_stand_in import AdminStandIn, Growing, serve_stand_in
from support.fixtures import StartRelay, VisitAt

from relay.commands.like import lines
from relay.plan.calibration_file import write_calibration
from relay.plan.observed import Observed

from .machines import FREE, calibration, workload
from .test_plan_command import answer, run

TOKEN = "0123456789abcdef-s3cret"
CHAT = {
    "messages": 200,
    "deliveries": 1800,
    "bytes_in": 200 * 106 + 400 / 25 * 6,
    "cpu_seconds": 0.03,
    "busy_seconds": 0.025,
}
HUNDREDS = {"gauges": {"connections": 400, "channels": 40}}


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.json"
    write_calibration(path, calibration())
    return path


@pytest.fixture
def stand_in() -> Iterator[AdminStandIn]:
    with serve_stand_in() as stand_in:
        stand_in.answer = Growing(CHAT, worker=HUNDREDS)
        yield stand_in


def test_the_habits_of_a_relay(stand_in: AdminStandIn, prices: Path) -> None:
    plain = answer("--like", stand_in.url, "--watch", "100ms", path=prices)
    found = {name: plain["workload"][name] for name in ("connections", "channel_size", "messages", "payload_bytes")}  # fmt: skip
    assert found == pytest.approx(
        {"connections": 400, "channel_size": 10, "messages": 0.5, "payload_bytes": 100}
    )
    observed = plain["observed"]
    assert observed["utilisation_measured"] == pytest.approx(0.03)
    assert observed["utilisation_predicted"] == pytest.approx(0.018, rel=0.05)
    assert (observed["processes"], plain["processes"]) == (1, 1)


def test_in_words(stand_in: AdminStandIn, prices: Path) -> None:
    done = run("--like", stand_in.url, "--watch", "100ms", path=prices)
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.splitlines()[:3]
    assert "Watched for 0.1 seconds: 400 connections" in first
    assert "to 9 others each" in first
    assert "0.5 a second from each connection, of 100 B" in second
    assert "% of a core predicted, 3% measured." in third


def test_one_of_a_thing_is_told_as_one() -> None:
    load = workload(connections=1, channel_size=2.0, messages=1.0, joins=1.0)
    first, second, *_ = lines(Observed(workload=load, utilisation=0.1, processes=1), FREE, 1)
    assert first == "Watched for 1 second: 1 connection, messages that go to 1 other each,"
    assert "; 1 join a second." in second


def test_more_of_the_same(stand_in: AdminStandIn, prices: Path) -> None:
    asked = ("--like", stand_in.url, "--watch", "100ms")
    plain = answer(*asked, "--connections", "40k", "--workers", "2", path=prices)
    assert plain["workload"]["connections"] == 40_000
    assert plain["workload"]["messages"] == pytest.approx(0.5)
    assert plain["observed"]["connections"] == 400
    inverse = answer(*asked, "--inverse", "--workers", "2", path=prices)
    assert 20_000 < inverse["workload"]["connections"] < 36_000  # at most 70 % of two cores
    assert inverse["ends_first"] == "processor"


def test_several_processes(stand_in: AdminStandIn, prices: Path) -> None:
    stand_in.answer = Growing(CHAT, {**CHAT, "cpu_seconds": 0.05}, worker=HUNDREDS)
    observed = answer("--like", stand_in.url, "--watch", "100ms", path=prices)["observed"]
    assert (observed["connections"], observed["processes"]) == (800, 2)
    assert observed["utilisation_measured"] == pytest.approx(0.04)
    assert observed["utilisation_predicted"] == pytest.approx(0.018, rel=0.05)


def test_a_real_relay_with_a_token(
    start_relay: StartRelay, visit_at: VisitAt, prices: Path, channel: str, tmp_path: Path
) -> None:  # fmt: skip
    config = tmp_path / "relay.toml"
    config.write_text(f'admin_token = "{TOKEN}"\n')
    server = start_relay("--admin", "127.0.0.1:0", "--config", str(config))
    host, port = server.admin_address
    asked = ("--like", f"http://{host}:{port}", "--watch", "100ms")
    visitors = visit_at(server)
    for _ in range(3):
        visitors.join(channel)
    visitors.join(f"{channel}-other")
    refused = run(*asked, path=prices)
    assert refused.returncode == 3
    assert refused.stderr.rstrip().endswith("; set RELAY_ADMIN_TOKEN")
    workload = answer(*asked, path=prices, RELAY_ADMIN_TOKEN=TOKEN)["workload"]
    assert (workload["connections"], workload["channel_size"]) == (4, 2)
    assert workload["messages"] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--like", "nowhere"), "--like: expected http://HOST:PORT"),
        (("--like", "http://"), "--like: "),
        (("--like", "http://127.0.0.1:1", "--bytes", "5"), "--bytes: --like takes this"),
        (("--like", "http://127.0.0.1:1", "--channel-size", "5"), "--channel-size: --like takes"),
        (("--like", "http://127.0.0.1:1", "--messages", "5/s"), "--messages: --like takes this"),
        (("--like", "http://127.0.0.1:1", "--joins", "5/s"), "--joins: --like takes this"),
        (
            ("--like", "http://127.0.0.1:1", "--watch", "99ms"),
            "--watch: expected 0.1 to 3600 seconds",
        ),
        (
            ("--like", "http://127.0.0.1:1", "--watch", "2h"),
            "--watch: expected 0.1 to 3600 seconds",
        ),
        (("--like", "http://127.0.0.1:99999"), "--like: expected an http:// or https:// URL"),
        (("--like", ""), "--like: expected http://HOST:PORT"),
        (("--like", "http://127.0.0.1:1", "--watch", "soon"), "--watch"),
    ],
)
def test_wrong_command_lines(prices: Path, arguments: tuple[str, ...], words: str) -> None:
    done = run(*arguments, path=prices)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert words in line


def test_fewer_connections_than_a_channel_has(stand_in: AdminStandIn, prices: Path) -> None:
    done = run("--like", stand_in.url, "--watch", "100ms", "--connections", "5", path=prices)
    assert done.returncode == 2
    assert (
        "--connections: expected at least 10, the size of a channel of the relay, got 5"
        in done.stderr
    )


def test_nobody_is_connected(stand_in: AdminStandIn, prices: Path) -> None:
    stand_in.answer = Growing({})
    done = run("--like", stand_in.url, "--watch", "100ms", path=prices)
    assert done.returncode == 1
    assert "nothing to learn from this relay: no one is connected" in done.stderr


def test_a_relay_that_was_started_again(stand_in: AdminStandIn, prices: Path) -> None:
    starts = iter((1, 2))

    def start_again() -> tuple[int, object]:
        return Growing(CHAT, started=next(starts), worker=HUNDREDS)()

    stand_in.answer = start_again
    done = run("--like", stand_in.url, "--watch", "100ms", path=prices)
    assert done.returncode == 1
    assert "was started again meanwhile" in done.stderr


def test_nobody_answers(prices: Path) -> None:
    done = run("--like", "http://127.0.0.1:1", "--watch", "100ms", path=prices)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("relay: --like: ")
    assert "refused" in line
