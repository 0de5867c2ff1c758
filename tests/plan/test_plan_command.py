"""`relay plan` in a process of its own: answers, errors, exit codes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.connection import LIMIT_SECONDS
from support.process import COMMAND, environment

from relay.cli import main
from relay.plan import verify
from relay.plan.calibration_file import write_calibration
from relay.plan.prices import FORMAT

from .machines import calibration

ASKED = ("--connections", "30k", "--channel-size", "10", "--messages", "1/s", "--bytes", "100")


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.json"
    write_calibration(path, calibration())
    return path


def run(
    *arguments: str, path: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    given = [] if path is None else ["--calibration", str(path)]
    return subprocess.run(
        [*COMMAND, "plan", *arguments, *given],
        env={**environment(), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=6 * LIMIT_SECONDS,
        check=False,
    )


def answer(*arguments: str, path: Path, **variables: str) -> dict[str, Any]:
    done = run(*arguments, "--json", path=path, **variables)
    assert done.returncode == 0, done.stderr
    plain = json.loads(done.stdout)
    assert isinstance(plain, dict)
    return plain


@pytest.mark.parametrize(("lost", "code"), [(0, 0), (7, 1)])
def test_a_verification_that_does_not_count(
    prices: Path, monkeypatch: pytest.MonkeyPatch, lost: int, code: int
) -> None:
    monkeypatch.setattr(
        verify, "verify", lambda _, asked: verify.Verification(asked, [], lost, 0.1)
    )
    done = CliRunner().invoke(main, ["plan", *ASKED, "--verify", "--calibration", str(prices)])
    assert done.exit_code == code
    assert ("does not count: 7 deliveries were lost" in done.stderr) == bool(lost)


def test_a_plan(prices: Path) -> None:
    plain = answer(*ASKED, "--workers", "3", path=prices)
    assert (plain["processes"], plain["hosts"], plain["hosts_with_one_lost"]) == (4, 2, 3)
    assert plain["utilisation"] <= 0.7
    assert plain["workload"]["deliveries_per_second"] == 270_000
    assert plain["ends_first"] == "processor"
    assert plain["limits"][0]["needed"] == 7500 + 1128


def test_the_same_in_words(prices: Path) -> None:
    done = run(*ASKED, path=prices)
    assert done.returncode == 0
    text = done.stdout
    assert "30 000 connections in 3 000 channels of 10" in text
    assert "30 000 messages and 270 000 deliveries a second" in text
    assert "processes                4" in text
    assert "abacus (2 cores, 8.59 GB), Linux 6, measured 2026-11-21" in text
    assert "within 4%" in text


def test_one_of_a_thing_is_told_as_one(prices: Path) -> None:
    asked = ("--connections", "2", "--channel-size", "2", "--messages", "0.5/s", "--bytes", "100")
    done = run(*asked, "--joins", "1/s", path=prices)
    assert done.returncode == 0, done.stderr
    assert "1 message and 1 delivery a second, and 1 join and leave a second." in done.stdout
    assert "2 connections in 1 channel of 2" in done.stdout


def test_too_few_processes_are_told(prices: Path) -> None:
    done = run(*ASKED, "--processes", "1", path=prices)
    assert done.returncode == 1
    assert "processes                1" in done.stdout
    assert "p99                   none   it grows without end" in done.stdout
    assert ": processor more than 143%, memory" in done.stdout
    [line] = done.stderr.splitlines()
    assert "--processes: 1 process would use more processor than may be; without" in line


@pytest.mark.parametrize(("processes", "is_overloaded"), [("1", True), ("4", False)])
def test_rates_that_are_the_least_there_is_are_marked(
    prices: Path, processes: str, is_overloaded: bool
) -> None:
    done = run(*ASKED, "--processes", processes, "--json", path=prices)
    assert json.loads(done.stdout)["is_overloaded"] is is_overloaded


def test_nothing_is_delivered(prices: Path) -> None:
    """Each message takes time all the same, and a target that none could meet does not count."""
    asked = ("--connections", "100", "--channel-size", "1", "--target-p99", "0.000001ms")
    plain = answer(*asked, path=prices)
    assert (plain["p99_seconds"], plain["messages_per_send"]) == (None, None)
    text = run(*asked, path=prices).stdout
    assert "10 messages and no deliveries." in text
    assert "p99                   none   there is nothing to deliver" in text
    assert "a delivery" not in text
    assert "a send" not in text
    assert "latency" not in text


def test_another_machine_is_pointed_out(prices: Path) -> None:
    text = run("--connections", "100", path=prices).stdout
    assert "This is not the machine that was measured, and planned for: processor " in text
    assert "kernel Linux " in text
    differs = answer("--connections", "100", path=prices)["machine_differs"]
    assert differs[0]["name"] == "processor"
    assert differs[0]["measured"] == "abacus"


def test_what_the_relay_must_allow(prices: Path) -> None:
    asked = ("--connections", "20", "--bytes", "200KiB", "--messages", "2", "--channel-size", "2")
    limits = answer(*asked, path=prices)["relay_limits"]
    assert {limit["name"]: limit["needed"] for limit in limits} == {
        "max_message": 204_800,
        "byte_rate": 409_600,
    }
    assert "--max-message 204800 (default 100KiB)" in run(*asked, path=prices).stdout
    assert answer("--connections", "20", "--bytes", "100KiB", path=prices)["relay_limits"] == []
    often = answer("--connections", "20", "--messages", "251/s", path=prices)["relay_limits"]
    assert [limit["setting"] for limit in often] == ["--message-rate 251"]


def test_a_picture_over_the_calibration(prices: Path) -> None:
    before = prices.read_bytes()
    done = run(*ASKED, "--plot", str(prices), path=prices)
    assert done.returncode == 2
    assert "would be overwritten" in done.stderr
    assert prices.read_bytes() == before


def test_a_picture_that_cannot_be_written_leaves_nothing(prices: Path, tmp_path: Path) -> None:
    picture = tmp_path / "plan.svg"
    done = run("--connections", "5", "--plot", str(picture), path=prices)
    assert done.returncode == 2
    assert not picture.exists()


def test_prices_that_could_not_be_written_are_not_measured(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for path in (file / "prices.json", tmp_path / ("a" * 300)):
        done = run("--calibrate", path=path)
        assert done.returncode == 2
        [line] = done.stderr.splitlines()
        assert "--calibration: " in line


def test_inverse_by_memory(prices: Path) -> None:
    """70 % of 8 GiB, less 40 MB of a process, at 4 500 bytes a connection with its share of a channel."""
    plain = answer("--inverse", "--messages", "0", "--ping-interval", "0", path=prices)
    assert plain["workload"]["connections"] == 1_327_322
    assert plain["ends_first"] == "memory"
    assert plain["fullest_host"]["memory"] <= 0.7 * (8 << 30)


def test_inverse_with_joins_in_all(prices: Path) -> None:
    plain = answer("--inverse", "--messages", "1/s", "--joins", "7", path=prices)
    assert plain["workload"]["joins"] == 7


def test_inverse(prices: Path) -> None:
    plain = answer("--inverse", "--messages", "1/s", "--workers", "2", path=prices)
    found = plain["workload"]["connections"]
    assert 12_000 < found < 17_000
    for connections, hosts in ((found, 1), (found + 1, 2)):
        again = ("--connections", str(connections), "--messages", "1/s", "--workers", "2")
        assert answer(*again, path=prices)["hosts"] == hosts
    assert plain["hosts"] == 1


def test_a_plot(prices: Path, tmp_path: Path) -> None:
    picture = tmp_path / "plan.svg"
    assert run(*ASKED, "--plot", str(picture), path=prices).returncode == 0
    text = picture.read_text()
    assert text.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert text.count("<svg ") == 3
    assert "p99" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--connections"),
        (("--connections", "many"), 'expected a number such as "50k"'),
        (
            ("--connections", "5", "--channel-size", "10"),
            "--channel-size: expected at most the 5 of --connections, got 10",
        ),
        (("--connections", "0"), "--connections"),
        (("--connections", "1.5"), "expected a whole number"),
        (("--connections", "50", "--channel-size", "2.5"), "expected a whole number"),
        (("--connections", "9" * 400), "expected a whole number"),
        (("--connections", "50", "--messages", "fast"), "a rate such as"),
        (("--connections", "50", "--bytes", "0"), "--bytes"),
        (
            ("--connections", "50", "--headroom", "100%"),
            "relay: --headroom: expected a share such as",
        ),
        (("--connections", "50", "--target-p99", "0s"), "--target-p99"),
        (("--connections", "50", "--workers", "0"), "--workers"),
        (("--connections", "50", "--nope"), "--nope"),
        (("--connections", "50", "--workers", "many"), "a whole number from 1 to 1024, got 'many'"),
        (("--connections", "50", "--workers", "9" * 99), "a whole number from 1 to 1024, got '999"),
        (("--connections", "50", "--processes", "4097"), "a whole number from 1 to 4096, got"),
        (("--connections", "50", "--processes", "1.5"), "a whole number from 1 to 4096, got '1.5'"),
        (
            ("--connections", "5"),
            "--channel-size: it is 10 unless told, more than the number of connections, 5",
        ),
        (("--connections", "50", "--bytes", "1073741825"), "the most that the relay's max_message"),
        (("--connections", "50", "--messages", "1e300/s"), "at most 1,000,000,000 a second, got"),
        (("--connections", "50", "--joins", "1e300/s"), "--joins: expected at most 1,000"),
        (
            ("--connections", "50", "--ping-interval", "99ms"),
            "--ping-interval: expected 0, or 0.1 to",
        ),
        (
            ("--connections", "50", "--ping-interval", "2h"),
            "--ping-interval: expected 0, or 0.1 to 3600 seconds, got 7200",
        ),
        (("--connections", "50", "--processes", "6"), "--processes: expected at most the number"),
        (("--connections", "50", "--watch", "2s"), "--watch: it is how long --like looks"),
        (("--inverse", "--connections", "50"), "--connections: --inverse finds their number"),
        (("--inverse", "--processes", "2"), "--processes: --inverse takes all of one host"),
        (("--inverse", "--verify"), "--verify: --inverse does not run what it finds"),
        (
            ("--calibrate", "--json"),
            "--json: --calibrate measures this machine, and takes --passes",
        ),
        (
            ("--calibrate", "--passes", "0"),
            "--passes: expected a whole number from 1 to 100, got '0'",
        ),
        (
            ("--connections", "50", "--passes", "3"),
            "--passes: it is how often --calibrate measures",
        ),
        (("--calibrate", "--connections", "5"), "--connections: --calibrate measures this"),
        (("--calibrate", "--inverse"), "--inverse: --calibrate measures this machine"),
        (("--calibrate", "--plot", "x.svg"), "--plot: --calibrate measures this machine"),
        (("--connections", "50", "--messages", "0", "--verify"), "--verify: expected a load with"),
        (
            ("--connections", "50", "--channel-size", "1", "--plot", "x.svg"),
            "--plot: expected a load",
        ),
        (("--connections", "50", "--bytes", "2MiB", "--verify"), "--verify: expected messages of"),
        (("--connections", "50", "--plot", "/dev/full"), "--plot: /dev/full is no file"),
        (
            ("--connections", "50", "--plot", "/"),
            "relay: --plot: File '/' is a directory; ",
        ),
        (("--connections", "50", "--plot", "-"), "--plot: expected the name of a file"),
        (("--connections", "50", "--plot", ""), "--plot: expected the name of a file"),
        (("--connections", "50", "--plot", "/none/x.svg"), "--plot: cannot write /none/x.svg"),
    ],
)
def test_wrong_command_lines(prices: Path, arguments: tuple[str, ...], words: str) -> None:
    """In this process: they are many."""
    done = CliRunner().invoke(main, ["plan", *arguments, "--calibration", str(prices)])
    assert done.exit_code == 2
    [line] = done.stderr.splitlines()
    assert words in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist: measure this machine with relay plan --calibrate"),
        (b"", "is no calibration"),
        (b"[]", "is no calibration"),
        (b'{"format": %d}' % FORMAT, "is no calibration"),
    ],
)
def test_wrong_calibrations(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "prices.json"
    if content is not None:
        path.write_bytes(content)
    done = run("--connections", "50", path=path)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert words in line
    assert str(path) in line


def test_another_format(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    write_calibration(path, calibration())
    path.write_bytes(path.read_bytes().replace(b'"format": %d' % FORMAT, b'"format": 1'))
    assert "another version" in run("--connections", "50", path=path).stderr


def test_what_cannot_be_carried(prices: Path) -> None:
    done = run("--connections", "30k", "--channel-size", "30k", "--messages", "1/s", path=prices)
    assert done.returncode == 1
    assert "a channel of 30000 members is more than one process carries" in done.stderr
