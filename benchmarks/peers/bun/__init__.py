"""Bun's pub/sub (uWebSockets): the fastest peer known to us."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from benchmarks.contenders import Contender, output_of

DIRECTORY = Path(__file__).parent
BINARY = DIRECTORY / "node_modules" / ".bin" / "bun"


def bun() -> Contender:
    """Bun as package.json pins it, installed by npm at the first use."""
    if not BINARY.exists():
        install()
    return Contender(
        "bun", output_of([str(BINARY), "--version"]), [str(BINARY), str(DIRECTORY / "server.js")]
    )


def install() -> None:
    if shutil.which("npm") is None:
        raise RuntimeError("npm is needed to install Bun (Debian: apt-get install npm)")
    command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=DIRECTORY, check=True, stdout=subprocess.DEVNULL)
