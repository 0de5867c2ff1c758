"""A relay on a terminal: it ends with that, and loads its settings again while the terminal is there."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from collections.abc import Iterator

import pytest
from support.connection import LIMIT_SECONDS
from support.process import COMMAND, environment

FLAGS = ("serve", "--port", "0", "--admin", "off", "--drain-time", "0")


class OnTerminal:
    """`relay serve` as the first process of a terminal, as in a window that runs nothing else."""

    def __init__(self) -> None:
        self._window, inside = pty.openpty()
        self.process = subprocess.Popen(
            [os.path.realpath("/bin/sh"), "-c", 'exec setsid --ctty "$@"', "sh", *COMMAND, *FLAGS],
            env=environment(),
            stdin=inside,
            stdout=inside,
            stderr=inside,
        )
        os.close(inside)
        self._seen = b""

    def wait_for(self, text: bytes) -> None:
        while text not in self._seen:
            self._seen += os.read(self._window, 65536)

    def close_window(self) -> None:
        os.close(self._window)


@pytest.fixture
def window() -> Iterator[OnTerminal]:
    window = OnTerminal()
    yield window
    window.process.kill()
    window.process.wait()


def test_it_ends_with_its_terminal(window: OnTerminal) -> None:
    window.wait_for(b"listening on ")
    window.close_window()
    assert window.process.wait(LIMIT_SECONDS) == 0


def test_on_a_terminal_that_is_there_it_loads_its_settings_again(window: OnTerminal) -> None:
    window.wait_for(b"listening on ")
    window.process.send_signal(signal.SIGHUP)
    window.wait_for(b"the settings were loaded again")
    window.process.send_signal(signal.SIGTERM)
    assert window.process.wait(LIMIT_SECONDS) == 0
