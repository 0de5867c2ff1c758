"""Where the reports of `relay bench` go, and what becomes of one that cannot be written."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from support.connection import LIMIT_SECONDS
from support.process import COMMAND, environment

from .command import SHORT, VERDICTS, one_line, refusal, run, url_of
from .fake_server import FakeServer


def test_files(tmp_path: Path) -> None:
    page, report = tmp_path / "r.html", tmp_path / "r.json"
    with FakeServer() as server:
        done = run(url_of(server), *SHORT, "--html", str(page), "--json", str(report))
    assert done.returncode in VERDICTS
    assert "deliveries" in done.stdout
    assert json.loads(report.read_text())["schema"] == 1
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize("name", ["json", "html"])
def test_one_of_them_on_stdout_is_all_there_is(name: str, tmp_path: Path) -> None:
    other = {"json": "html", "html": "json"}[name]
    beside = tmp_path / "beside"
    with FakeServer() as server:
        done = run(url_of(server), *SHORT, f"--{name}", "-", f"--{other}", str(beside))
    assert done.returncode in VERDICTS
    texts = {name: done.stdout, other: beside.read_text(encoding="utf-8")}
    assert json.loads(texts["json"])["deliveries"]["delivered"] == 120
    assert texts["html"].startswith("<!doctype html>")
    assert texts["html"].endswith("</html>\n")


def test_what_is_wrong_with_a_run_is_on_stderr_when_stdout_is_a_report() -> None:
    with FakeServer(misdeliver=lambda receiver, frames: []) as server:
        done = run(url_of(server), *SHORT, "--loss-timeout", "0.1", "--html", "-")
    assert done.returncode == 3
    assert "nothing was delivered" in one_line(done.stderr)


@pytest.mark.parametrize("option", ["--json", "--html"])
@pytest.mark.parametrize("path", ["/nowhere/at/all", "/", "/dev/null/x", "x" * 300, ""])
def test_a_file_that_cannot_be_written_is_refused_before_the_run(
    option: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"{option}: cannot write" in refusal(capsys, "ws://127.0.0.1:9", option, path)


def test_two_reports_need_two_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = ("--json", "-", "--html", "-")
    assert "--html: only one of" in refusal(capsys, "ws://127.0.0.1:9", *both)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "report")
    same = ("--json", str(tmp_path / "report"), "--html", str(link))
    assert "is the file of --json, too" in refusal(capsys, "ws://127.0.0.1:9", *same)


def test_the_look_before_the_run_leaves_nothing_behind(tmp_path: Path) -> None:
    """Nobody listens: there is no report, and what an earlier run wrote is kept."""
    old, new = tmp_path / "old.json", tmp_path / "new.html"
    old.write_text("{}")
    done = run("ws://127.0.0.1:9", "--json", str(old), "--html", str(new))
    assert done.returncode == 1
    assert old.read_text() == "{}"
    assert not new.exists()


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_file_that_fails_in_the_end_costs_no_report(option: str, tmp_path: Path) -> None:
    other = {"--json": "--html", "--html": "--json"}[option]
    kept = tmp_path / "kept"
    with FakeServer() as server:
        done = run(url_of(server), *SHORT, option, "/dev/full", other, str(kept))
    assert done.returncode == 1
    assert (
        one_line(done.stderr) == f"relay: {option}: cannot write /dev/full: no space left on device"
    )
    assert "\ndeliveries    120, " in done.stdout
    assert kept.stat().st_size > 1000


def test_stdout_that_nobody_reads_costs_no_file(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    reading, writing = os.pipe()
    os.close(reading)
    with FakeServer() as server:
        done = subprocess.run(
            [*COMMAND, "bench", url_of(server), *SHORT, "--json", str(kept)],
            env=environment(),
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=3 * LIMIT_SECONDS,
            check=False,
        )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(kept.read_text())["deliveries"]["delivered"] == 120


def test_a_pipe_is_not_opened_before_there_is_a_report(tmp_path: Path) -> None:
    """Its reader would take the end of the first writer for the end of all."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with (
        FakeServer() as server,
        subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader,
    ):
        done = run(url_of(server), *SHORT, "--json", str(pipe))
        output, _ = reader.communicate(timeout=LIMIT_SECONDS)
    assert done.returncode in VERDICTS
    assert json.loads(output)["schema"] == 1
