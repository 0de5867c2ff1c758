"""Settings without a server: files to load, and the command in this process, without the settings of whoever runs the tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner, Result

from relay.cli import main

WriteFile: TypeAlias = Callable[[str | bytes], str]
RunCommand: TypeAlias = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RELAY_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def write_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteFile:
    """Writes `relay.toml` into the working directory."""
    monkeypatch.chdir(tmp_path)

    def write(content: str | bytes) -> str:
        data = content.encode() if isinstance(content, str) else content
        Path("relay.toml").write_bytes(data)
        return "relay.toml"

    return write


@pytest.fixture
def run() -> RunCommand:
    """Runs `relay` with arguments, and with variables given by name."""
    return lambda *arguments, **variables: CliRunner().invoke(main, arguments, env=variables)
