"""Changing the settings of a relay while it runs."""

from __future__ import annotations

import signal
from pathlib import Path

from support.process import RelayProcess

TAKEN = "the settings were loaded again"
REFUSED = "the new settings are refused, the old ones stay: "


class SettingsFile:
    """A relay's file of settings, and what becomes of changing it."""

    def __init__(self, path: Path, text: str = "") -> None:
        self.path = path
        self.path.write_text(text)

    @property
    def flags(self) -> tuple[str, str]:
        return ("--config", str(self.path))

    def change(self, server: RelayProcess, text: str) -> None:
        """The server goes on by these settings."""
        self.path.write_text(text)
        reload(server, TAKEN)

    def spoil(self, server: RelayProcess, text: str) -> str:
        """The server refuses these settings; what it says of them."""
        self.path.write_text(text)
        reload(server, REFUSED)
        return server.errors.rpartition(REFUSED)[2].splitlines()[0]


def reload(server: RelayProcess, outcome: str = TAKEN) -> None:
    """Send SIGHUP, and wait for the line that says how it went."""
    count = server.errors.count(outcome)
    server.send_signal(signal.SIGHUP)
    server.wait_for_error(outcome, count + 1)
