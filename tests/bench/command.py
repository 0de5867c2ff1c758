"""`relay bench` as its tests start it: in a process of its own, or in this one when it is refused before it begins."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from support.connection import LIMIT_SECONDS
from support.process import COMMAND, environment

from relay.cli import main

from .fake_server import FakeServer

SHORT = (
    "--channels",
    "2",
    "--members",
    "3",
    "--rate",
    "200",
    "--duration",
    "0.3",
    "--warmup",
    "0.1",
)
VERDICTS = {
    0,
    3,
}  # a busy machine may make the generator late; what was counted is right all the same


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "bench", *arguments],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3 * LIMIT_SECONDS,
        check=False,
    )


def url_of(server: FakeServer) -> str:
    return f"ws://127.0.0.1:{server.port}"


def figures_in(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    figures = json.loads(done.stdout)
    assert isinstance(figures, dict)
    return figures


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command, run in this process, says of a wrong command line."""
    with pytest.raises(SystemExit) as ended:
        main(["bench", *arguments])
    assert ended.value.code == 2
    output, errors = capsys.readouterr()
    assert output == ""
    return one_line(errors)


def one_line(errors: str) -> str:
    [line] = errors.splitlines()
    assert line.startswith("relay: ")
    return line
