"""`relay plan` and the files it writes, in this process: what it measures stands for a machine that is set up by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click.testing
import msgspec
import pytest

import relay.commands.plan
import relay.plan.calibrate
from relay.cli import main
from relay.plan.calibration_file import read_calibration, write_calibration
from relay.plan.prices import Calibration

from .machines import calibration

POOR = msgspec.structs.replace(calibration(), disturbance=0.87, misfit=0.31)
ASKED = ("--connections", "100")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "prices.json"


def run(*arguments: str, path: Path) -> click.testing.Result:
    runner = click.testing.CliRunner()
    return runner.invoke(main, ["plan", *arguments, "--calibration", str(path)])


def measures(monkeypatch: pytest.MonkeyPatch, measure: Callable[[], Calibration]) -> None:
    monkeypatch.setattr(relay.plan.calibrate, "calibrate", lambda *_: measure())


def test_a_quiet_machine(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    measures(monkeypatch, calibration)
    done = run("--calibrate", path=path)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"written to {path}"
    assert read_calibration(path) == calibration()


@pytest.mark.parametrize(("arguments", "passes"), [((), 3), (("--passes", "7"), 7)])
def test_a_machine_is_measured_in_passes(
    monkeypatch: pytest.MonkeyPatch, path: Path, arguments: tuple[str, ...], passes: int
) -> None:
    asked = []

    def calibrate(tell: Callable[[str], object], passes: int) -> Calibration:
        tell("a load")
        asked.append(passes)
        return calibration()

    monkeypatch.setattr(relay.plan.calibrate, "calibrate", calibrate)
    done = run("--calibrate", *arguments, path=path)
    assert (done.exit_code, done.stderr) == (0, "measuring: a load\n")
    assert asked == [passes]


def test_doubts_are_told_at_once_and_with_every_plan(
    monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    measures(monkeypatch, lambda: POOR)
    done = run("--calibrate", path=path)
    assert done.exit_code == 0
    busy, poor = done.stderr.splitlines()
    assert "others had 87% of the two cores" in busy
    assert "by 31%: plans may be as far off" in poor
    planned = run(*ASKED, path=path).stdout
    assert "others had 87% of the two cores" in planned
    assert "by 31%: plans may be as far off" in planned


def test_prices_are_told_though_they_can_no_longer_be_written(
    monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    def measure() -> Calibration:
        path.mkdir()
        return calibration()

    measures(monkeypatch, measure)
    done = run("--calibrate", path=path)
    assert done.exit_code == 1
    assert "abacus, 2 cores" in done.stdout
    assert "--calibration: " in done.stderr
    assert done.stderr.rstrip().endswith(": is a directory")


def test_a_measurement_that_is_broken_off(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    def measure() -> Calibration:
        raise KeyboardInterrupt

    measures(monkeypatch, measure)
    assert run("--calibrate", path=path).exit_code == 130
    assert not path.exists()


def test_a_plan_is_told_though_its_picture_can_no_longer_be_written(
    monkeypatch: pytest.MonkeyPatch, path: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "plan.svg"
    monkeypatch.setattr(relay.commands.plan, "load_plot", lambda _: picture.mkdir() or "")
    write_calibration(path, calibration())
    done = run(*ASKED, "--plot", str(picture), path=path)
    assert done.exit_code == 1
    assert "100 connections in 10 channels of 10" in done.stdout
    assert done.stderr.startswith(f"relay: --plot: cannot write {picture}")


def test_a_file_that_is_there_is_not_touched_by_the_look(path: Path, tmp_path: Path) -> None:
    picture = tmp_path / "plan.svg"
    picture.write_text("a picture")
    write_calibration(path, calibration())
    done = run("--connections", "5", "--plot", str(picture), path=path)
    assert done.exit_code == 2
    assert picture.read_text() == "a picture"
