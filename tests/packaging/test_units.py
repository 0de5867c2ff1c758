"""The systemd units in deploy/: what they promise the server, and what systemd says to them."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from relay.channel import CLOSE_TIMEOUT_SECONDS
from relay.listeners import LISTEN_BACKLOG
from relay.settings.config import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = ("relay.service", "relay.socket")
DRAIN_SECONDS = 10


def read_unit(name: str) -> configparser.ConfigParser:
    """A unit, keys as they are spelled. One that is given twice keeps its last value, as far as this goes."""
    unit = configparser.ConfigParser(
        interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#", ";")
    )
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((DEPLOY / name).read_text())
    return unit


@pytest.fixture
def service() -> configparser.SectionProxy:
    return read_unit("relay.service")["Service"]


def test_the_service_waits_until_connections_are_accepted(
    service: configparser.SectionProxy,
) -> None:
    assert service["Type"] == "notify"
    assert "NotifyAccess" not in service  # the main process's word counts, no child's
    program, command, *_ = shlex.split(service["ExecStart"])
    assert (Path(program).name, command) == ("relay", "serve")
    assert Path(program).is_absolute()


def test_the_service_is_reloaded_by_sighup(service: configparser.SectionProxy) -> None:
    assert shlex.split(service["ExecReload"])[1:] == ["-HUP", "$MAINPID"]


def test_the_service_has_time_to_drain(service: configparser.SectionProxy) -> None:
    assert int(service["TimeoutStopSec"]) >= DRAIN_SECONDS + CLOSE_TIMEOUT_SECONDS + 5
    # one SIGTERM to the main process: a second one anywhere would end it at once
    assert service["KillMode"] == "mixed"


def test_the_service_may_hold_many_connections(service: configparser.SectionProxy) -> None:
    assert int(service["LimitNOFILE"]) >= 1_000_000


def test_a_wrong_setting_is_not_tried_again(service: configparser.SectionProxy) -> None:
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"] == "2"


def test_the_service_owns_nothing(service: configparser.SectionProxy) -> None:
    assert service["DynamicUser"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert set(service["RestrictAddressFamilies"].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}


def test_the_socket_stands_for_host_and_port() -> None:
    socket_unit = read_unit("relay.socket")["Socket"]
    defaults = Settings()
    assert socket_unit["ListenStream"] == f"{defaults.host}:{defaults.port}"
    assert int(socket_unit["Backlog"]) == LISTEN_BACKLOG
    assert "Accept" not in socket_unit  # the listener is handed over, not each connection


def verify(directory: Path) -> subprocess.CompletedProcess[str]:
    """What systemd makes of the units in a directory."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    options = ["--man=no", "--recursive-errors=no"]
    paths = [str(directory / name) for name in UNITS]
    return subprocess.run(
        [tool, "verify", *options, *paths], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units in a directory, with programs that are there: systemd looks for them."""
    program = shlex.split(read_unit("relay.service")["Service"]["ExecStart"])[0]
    for name in UNITS:
        text = (DEPLOY / name).read_text()
        text = text.replace(program, "/bin/sh").replace("/bin/kill", "/bin/sh")
        (tmp_path / name).write_text(text)
    return tmp_path


def test_systemd_takes_the_units(installed: Path) -> None:
    result = verify(installed)
    assert result.returncode == 0, result.stderr
    assert not [line for line in result.stderr.splitlines() if "relay." in line]


@pytest.mark.parametrize("name", UNITS)
def test_systemd_would_have_said_so(installed: Path, name: str) -> None:
    """A key that it does not know is told, so that the silence above means something."""
    with (installed / name).open("a") as unit:
        unit.write("[Service]\nNoSuchKey=1\n" if name == "relay.service" else "NoSuchKey=1\n")
    assert "NoSuchKey" in verify(installed).stderr
