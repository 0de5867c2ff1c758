"""A relay in a process of its own: started on a free port, bounded in time, always reaped, its output kept."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import cache
from types import TracebackType
from typing import IO, Self

import psutil

from support.connection import LIMIT_SECONDS, Address

COMMAND = (sys.executable, "-m", "relay")
LISTENING = re.compile(r"listening on http://(?P<host>\[[^\]]+\]|[^:/\s]+):(?P<port>\d+)")
OPERATORS = re.compile(r"operators at http://(?P<host>\[[^\]]+\]|[^:/\s]+):(?P<port>\d+)/")

# What must never be on a server's stderr: a crash, a warning nobody wanted, a sanitizer's report.
ALARMS = (
    "Traceback",
    "Exception ignored",
    "never awaited",
    "ResourceWarning",
    "Sanitizer",
    "Fatal",
)

# Runs what follows with another hard limit on descriptors.
LIMITED = 'ulimit -n "$0" && exec "$@"'

# All channels of these tests start with it, so that one look at the output tells whether a name leaked into it.
CHANNEL_MARK = "zq7"


def environment() -> dict[str, str]:
    """This process's environment without the relay's own settings, and without what hides a missing flush."""
    hidden = ("RELAY_", "PYTHONUNBUFFERED")
    return {name: value for name, value in os.environ.items() if not name.startswith(hidden)}


def run_relay(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that is expected to end by itself."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=3 * LIMIT_SECONDS,
        check=False,
    )


@cache
def serve_help() -> str:
    return run_relay("serve", "--help").stdout


def knows_flag(flag: str) -> bool:
    return re.search(rf"{re.escape(flag)}\b", serve_help()) is not None


def flags_if_known(*pairs: tuple[str, str]) -> list[str]:
    """Those of the flags that this server has; for settings that keep a later feature out of a test's way."""
    return [part for flag, value in pairs if knows_flag(flag) for part in (flag, value)]


# A second server must not fight over the admin port, nor a test wait for a drain that is spread out.
ALWAYS = (("--admin", "off"), ("--drain-time", "1"))
UNLIMITED_BYTES = ("--byte-rate", "0")


class RelayProcess:
    """`relay serve` with the given flags; a context manager that ends it and looks at what it left behind.

    It is killed after `seconds_to_live`, and may open `file_limit` descriptors (default: as many as the tests). `launcher` is a
    command in front of its own, and `descriptors` are passed on to it.

    Leaving the context sends SIGTERM unless the process has ended already, and fails when it does not end in time, when
    the exit code is not 0 (unless the test called `wait` or `stop` itself and so has judged it), or when stderr shows an alarm.
    """

    def __init__(
        self,
        *flags: str,
        seconds_to_live: float = 120.0,
        file_limit: int | None = None,
        launcher: Sequence[str] = (),
        descriptors: Sequence[int] = (),
    ) -> None:
        limited = () if file_limit is None else ("sh", "-c", LIMITED, str(file_limit))
        command = [
            *limited,
            *launcher,
            *COMMAND,
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            *flags_if_known(*ALWAYS),
        ]
        self._process = subprocess.Popen(
            [*command, *flags],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=descriptors,
        )
        self._watchdog = threading.Timer(seconds_to_live, self._process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()
        self._output: list[str] = []
        self._errors: list[str] = []
        self._listening = threading.Event()
        self._news = threading.Condition()
        self._address: Address | None = None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = [
            threading.Thread(
                target=self._collect, args=(self._process.stdout, self._output), daemon=True
            ),
            threading.Thread(
                target=self._collect, args=(self._process.stderr, self._errors), daemon=True
            ),
        ]
        for reader in self._readers:
            reader.start()

    def _collect(self, stream: IO[str], lines: list[str]) -> None:
        with stream:
            for line in stream:
                with self._news:
                    lines.append(line)
                    self._news.notify_all()
                found = LISTENING.search(line) if lines is self._output else None
                if found and self._address is None:
                    self._address = (found["host"].strip("[]"), int(found["port"]))
                    self._listening.set()
        self._listening.set()

    @property
    def address(self) -> Address:
        """Where it accepts; waits for the line that says so."""
        self._listening.wait(3 * LIMIT_SECONDS)
        assert self._address is not None, f"the relay did not start: {self.errors or self.output!r}"
        return self._address

    @property
    def admin_address(self) -> Address:
        """Where it answers operators; it must have been started with such a listener."""
        assert self.address
        found = OPERATORS.search(self.output)
        assert found is not None, f"no address for operators in {self.output!r}"
        return (found["host"].strip("[]"), int(found["port"]))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        return "".join(self._output)

    @property
    def errors(self) -> str:
        return "".join(self._errors)

    def wait_for_error(self, text: str, count: int = 1) -> None:
        """Wait until its stderr has this text, so many times."""
        with self._news:
            is_there = self._news.wait_for(
                lambda: self.errors.count(text) >= count, 3 * LIMIT_SECONDS
            )
        assert is_there, f"expected {text!r} on stderr, got:\n{self.errors}"

    def _family(self) -> list[psutil.Process]:
        parent = psutil.Process(self.pid)
        return [parent, *parent.children(recursive=True)]

    def memory_bytes(self) -> int:
        """Resident memory of the server and its workers; always 0 under a sanitizer, which keeps what is freed."""
        if "libasan" in os.environ.get("LD_PRELOAD", ""):
            return 0
        return sum(process.memory_info().rss for process in self._family())

    def descriptor_count(self) -> int:
        return sum(process.num_fds() for process in self._family())

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """The exit code; fails when the process does not end in time. Its output is complete afterwards."""
        try:
            code = self._process.wait(3 * LIMIT_SECONDS)
        finally:
            self._reap()
        return code

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.send_signal(number)
        return self.wait()

    def _reap(self) -> None:
        self._watchdog.cancel()
        if self._process.poll() is None:
            for process in self._family():
                process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join(LIMIT_SECONDS)

    def assert_quiet(self) -> None:
        """No alarm on stderr, and no channel named anywhere."""
        alarms = [alarm for alarm in ALARMS if alarm in self.errors]
        assert not alarms, f"the relay's stderr shows {alarms}:\n{self.errors}"
        assert CHANNEL_MARK not in self.output + self.errors, (
            "a channel's name is in the relay's output"
        )

    def __enter__(self) -> Self:
        try:
            _ = self.address
        except BaseException:
            self._reap()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.returncode is None:
            early = self._process.poll()
            try:
                code = self.stop() if early is None else self.wait()
            except subprocess.TimeoutExpired:
                code = None
            if error is None:
                assert early is None, f"the relay ended by itself with {early}:\n{self.errors}"
                assert code == 0, f"the relay ended with {code} after SIGTERM:\n{self.errors}"
        if error is None:
            self.assert_quiet()
