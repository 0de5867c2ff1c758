"""Getting the peers: from npm beside package.json, from PyPI into build/peers/venv, from Debian, and one from a compiler.

A peer that cannot be had raises `MissingError` with the reason; it is then left out, and the output says so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from functools import cache
from pathlib import Path

DIRECTORY = Path(__file__).parent
SERVERS = DIRECTORY / "servers"
BUILD = DIRECTORY.parent.parent / "build" / "peers"
PYTHON = BUILD / "venv" / "bin" / "python"
NODE_MODULES = DIRECTORY / "node_modules"
NCHAN_MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
CEILING = BUILD / "ceiling"
INSTALL_SECONDS = 600


class MissingError(Exception):
    """This peer cannot be had here, and why."""


def run(command: Sequence[str], **settings: object) -> str:
    """What the command printed. Raises MissingError with the last line of its complaint."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=True,
            **settings,  # type: ignore[call-overload]
        )
    except subprocess.CalledProcessError as error:
        complaint = (error.stderr or error.stdout).strip().splitlines() or [
            f"exit {error.returncode}"
        ]
        raise MissingError(f"{Path(command[0]).name}: {complaint[-1]}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingError(f"{Path(command[0]).name}: {error}") from None
    return str(done.stdout).strip()


def need(tool: str, package: str) -> str:
    path = shutil.which(tool)
    if path is None:
        raise MissingError(f"{tool} is missing (Debian: apt-get install {package})")
    return path


@cache
def npm_versions() -> dict[str, str]:
    """Of the packages that package.json pins, once they are installed in these versions."""
    pins: dict[str, str] = json.loads((DIRECTORY / "package.json").read_text())["dependencies"]
    if any(npm_version(name) != pin for name, pin in pins.items()):
        command = [need("npm", "npm"), "install", "--no-package-lock", "--no-audit", "--no-fund"]
        run([*command, "--loglevel=error"], cwd=DIRECTORY)
    return {name: npm_version(name) for name in pins}


def npm_version(name: str) -> str:
    try:
        description = json.loads((NODE_MODULES / name / "package.json").read_text())
    except OSError:
        return ""
    return str(description["version"])


@cache
def pip_versions(*names: str) -> dict[str, str]:
    """Of these packages, once they are installed in the versions that requirements.txt pins."""
    if not PYTHON.exists():
        try:
            venv.create(BUILD / "venv", with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise MissingError(f"no virtual environment: {error}") from None
    found = pip_found(names)
    if found != pins_of(names):
        constraints = ["-c", str(DIRECTORY / "requirements.txt")]
        pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        run([*pip, *constraints, *names])
        found = pip_found(names)
    return found


def pip_found(names: Sequence[str]) -> dict[str, str]:
    program = (
        "import sys, json\nfrom importlib.metadata import distributions\n"
        "print(json.dumps({d.name: d.version for d in distributions() if d.name in sys.argv[1:]}))"
    )
    found: dict[str, str] = json.loads(run([str(PYTHON), "-c", program, *names]))
    return found


def pins_of(names: Sequence[str]) -> dict[str, str]:
    lines = (DIRECTORY / "requirements.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    return {name: pins[name] for name in names}


def python_version() -> str:
    return "Python " + run([str(PYTHON), "-c", "import platform; print(platform.python_version())"])


@cache
def nginx() -> str:
    """The path of an nginx that has nchan, from Debian when we may install it."""
    if not NCHAN_MODULE.exists():
        apt_install("nginx", "libnginx-mod-nchan")
    return need("nginx", "nginx")


def apt_install(*packages: str) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise MissingError(
            f"only root can install it (Debian: apt-get install {' '.join(packages)})"
        )
    # RUNLEVEL=1 keeps Debian from starting the server that it has just installed.
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    run(["apt-get", "update", "-qq"], env=quiet)
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], env=quiet)


def nchan_version() -> str:
    package = run(["dpkg-query", "-W", "-f=${Version}", "libnginx-mod-nchan"])
    server = run(["dpkg-query", "-W", "-f=${Version}", "nginx"])
    return f"{package} (nginx {server})"


@cache
def ceiling() -> str:
    """The compiler's version, after it has compiled the ceiling."""
    compiler = need("cc", "gcc")
    BUILD.mkdir(parents=True, exist_ok=True)
    run([compiler, "-O2", "-o", str(CEILING), str(SERVERS / "ceiling" / "ceiling.c")])
    return run([compiler, "--version"]).splitlines()[0]


def python_server(name: str) -> list[str]:
    return [str(PYTHON), str(SERVERS / f"{name}_server.py")]


def node_server(name: str) -> list[str]:
    return [need("node", "nodejs"), str(SERVERS / f"{name}.js")]


def nchan_server() -> list[str]:
    directory = BUILD / "nchan"
    directory.mkdir(parents=True, exist_ok=True)
    program = str(SERVERS / "nchan_server.py")
    return [sys.executable, program, nginx(), str(NCHAN_MODULE), str(directory)]
