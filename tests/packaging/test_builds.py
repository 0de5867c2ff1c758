"""The build where something is missing: a compiler, Linux, the extension itself."""

import subprocess
import sys

import pytest

from relay._version import __version__


def test_no_compiler_is_one_line(set_up):
    result = set_up("-q", "build_ext", CC="no-such-compiler")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "relay needs a C compiler" in line
    assert "no-such-compiler" in line


def test_unknown_mode_is_one_line(set_up):
    result = set_up("--version", RELAY_BUILD="fast")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "RELAY_BUILD='fast'" in line
    assert "release, debug, sanitize" in line


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_build_no_extension(set_up, checkout, platform):
    program = "import setup, sys; print(setup.extensions(sys.argv[1]))"
    result = subprocess.run(
        [sys.executable, "-c", program, platform],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout == "[]\n"


def run_unbuilt(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a program in an interpreter that finds no extension, wherever relay comes from."""
    block = "import sys; sys.modules['relay._core'] = sys.modules['relay._load'] = None; "
    return subprocess.run(
        [sys.executable, "-c", block + program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_package_imports_without_its_extensions():
    result = run_unbuilt("import relay; print(relay.__version__)")
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{__version__}\n"


def test_serve_without_the_core_is_one_line():
    program = "import runpy; runpy.run_module('relay', run_name='__main__', alter_sys=True)"
    result = run_unbuilt(program, "serve")
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert "core" in line
