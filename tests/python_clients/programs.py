"""Whole programs that use a client, run to their end by an interpreter of their own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from support.connection import LIMIT_SECONDS
from support.process import environment


def run_program(source: str, *arguments: str) -> str:
    """What it prints. It must end in time, with 0, and nothing on stderr: no warning, no traceback."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(source), *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=3 * LIMIT_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout
