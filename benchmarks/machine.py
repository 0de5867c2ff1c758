"""The lines above a table: without machine, versions and revision no figure means anything."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.contenders import Contender
from relay.bench.machine import hardware, system

ROOT = Path(__file__).parent.parent


def origin() -> tuple[str, str]:
    """When and of what revision; on what machine."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, revision {revision()}",
        f"{hardware()}; {system()}",
    )


def describe(contenders: Iterable[Contender]) -> str:
    servers = ", ".join(f"{each.name} {each.version}" for each in contenders)
    return "\n".join(
        (
            *origin(),
            f"{servers}; Python {platform.python_version()}, trio {version('trio')}, Cython {cython()}",
            "server on one core, load on another; payload 64 bytes unless told; medians; "
            f"load average {os.getloadavg()[0]:.1f} at the start, should be near 0",
        )
    )


def revision() -> str:
    try:
        found = git("rev-parse", "--short=12", "HEAD")
        return found + (
            " with changes" if git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def cython() -> str:
    try:
        return version("cython")
    except ImportError:
        return "unknown"
