"""What a checkout holds, and a copy of it to package without disturbing the one under test."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGED = ["_core", "relay", "tests"]
BUILT = shutil.ignore_patterns("__pycache__", "*.so", "node_modules")

SetUp = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources alone. Times are kept, so that objects copied beside them count as fresh."""
    copy = tmp_path_factory.mktemp("checkout")
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy2(path, copy)
    for name in [*PACKAGED, ".ci", "benchmarks", "deploy", "docs", "examples"]:
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, copy / name, ignore=BUILT)
    return copy


@pytest.fixture
def set_up(checkout: Path) -> SetUp:
    """Runs setup.py in the copy, with the environment variables given."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "setup.py", *arguments],
            cwd=checkout,
            env={**os.environ, "RELAY_BUILD": "release", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run
