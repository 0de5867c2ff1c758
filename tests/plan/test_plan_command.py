"""`relay plan` in a process of its own: answers, errors, exit codes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.connection import LIMIT_SECONDS
from support.process import COMMAND, environment

from relay.plan.calibration_file import write_calibration

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


def test_too_few_processes_are_told(prices: Path) -> None:
    done = run(*ASKED, "--processes", "1", path=prices)
    assert done.returncode == 1
    assert "processes                1" in done.stdout


def test_inverse(prices: Path) -> None:
    plain = answer("--inverse", "--messages", "1/s", "--workers", "2", path=prices)
    assert 12_000 < plain["workload"]["connections"] < 17_000
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
        (("--connections", "5", "--channel-size", "10"), "--channel-size"),
        (("--connections", "0"), "--connections"),
        (("--connections", "1.5"), "expected a whole number"),
        (("--connections", "50", "--channel-size", "2.5"), "expected a whole number"),
        (("--connections", "9" * 400), "expected a whole number"),
        (("--connections", "50", "--messages", "fast"), "a rate such as"),
        (("--connections", "50", "--bytes", "0"), "--bytes"),
        (("--connections", "50", "--headroom", "100%"), "a share such as"),
        (("--connections", "50", "--target-p99", "0s"), "--target-p99"),
        (("--connections", "50", "--workers", "0"), "--workers"),
        (("--connections", "50", "--nope"), "--nope"),
    ],
)
def test_wrong_command_lines(prices: Path, arguments: tuple[str, ...], words: str) -> None:
    done = run(*arguments, path=prices)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert words in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist: measure this machine with relay plan --calibrate"),
        (b"", "is no calibration"),
        (b"[]", "is no calibration"),
        (b'{"format": 3}', "is no calibration"),
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
    path.write_bytes(path.read_bytes().replace(b'"format": 3', b'"format": 1'))
    assert "another version" in run("--connections", "50", path=path).stderr


def test_what_cannot_be_carried(prices: Path) -> None:
    done = run("--connections", "30k", "--channel-size", "30k", "--messages", "1/s", path=prices)
    assert done.returncode == 1
    assert "a channel of 30000 members is more than one process carries" in done.stderr
