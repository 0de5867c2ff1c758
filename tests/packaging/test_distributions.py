import configparser
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from relay._version import __version__

pytestmark = pytest.mark.timeout(300)  # a core that was not built yet is compiled here

ROOT = Path(__file__).parents[2]


def files_below(directory: Path, *names: str) -> set[str]:
    return {
        str(path.relative_to(directory))
        for name in names
        for path in (directory / name).rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def objects(checkout):
    """The objects of the build under test, so that the wheel compiles only what has changed."""
    if (ROOT / "build/release").exists():
        shutil.copytree(ROOT / "build/release", checkout / "build/release")


@pytest.fixture
def wheel(set_up, objects, tmp_path):
    result = set_up("-q", "bdist_wheel", "--dist-dir", str(tmp_path))
    assert result.returncode == 0, result.stderr
    (wheel,) = tmp_path.glob("*.whl")
    return wheel


def test_sdist_holds_what_the_build_and_the_tests_need(set_up, checkout, tmp_path):
    result = set_up("-q", "sdist", "--dist-dir", str(tmp_path))
    assert result.returncode == 0, result.stderr

    with tarfile.open(tmp_path / f"itty_relay-{__version__}.tar.gz") as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert held >= files_below(checkout, "_core", "relay", "deploy", "examples", "tests", ".ci")
    assert held >= {"pyproject.toml", "setup.py", "Makefile", "README.md", "LICENSE"}
    written_by_hand = {
        name for name in held if name.startswith("benchmarks/peers/servers/ceiling/")
    }
    assert {"ceiling.c", "channels.h", "handshake.h"} <= {
        Path(name).name for name in written_by_hand
    }
    assert not [name for name in held - written_by_hand if name.endswith((".so", ".c", ".pyc"))]


def test_wheel_holds_the_package_and_nothing_else(wheel, checkout):
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        (script_file,) = [name for name in held if name.endswith("entry_points.txt")]
        scripts = configparser.ConfigParser()
        scripts.read_string(archive.read(script_file).decode())

    package = {name for name in held if ".dist-info/" not in name}
    extensions = {name for name in package if name.endswith(".so")}
    assert package - extensions == files_below(checkout, "relay")
    assert {name.partition(".")[0] for name in extensions} == {"relay/_core", "relay/_load"}
    assert dict(scripts["console_scripts"]) == {"relay": "relay.cli:main"}


def test_wheel_runs_where_it_is_installed(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")

    program = "from relay import _core, _load, __version__; print(__version__, _core.__file__)"
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path / "installed",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    version, file = result.stdout.split()
    assert version == __version__
    assert Path(file).is_relative_to(tmp_path)
