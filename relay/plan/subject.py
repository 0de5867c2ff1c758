"""The relay that is measured: in a process of its own, on a core of its own, with its counters in reach."""

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final, Self

from relay.bench.usage import Watched

FLAGS: Final = (
    *("--host", "127.0.0.1", "--port", "0", "--admin", "127.0.0.1:0"),
    *("--message-rate", "0", "--byte-rate", "0", "--slow-consumer", "drop"),
)
_LISTENING: Final = re.compile(r"listening on http://127\.0\.0\.1:(\d+)")
_OPERATORS: Final = re.compile(r"operators at http://127\.0\.0\.1:(\d+)")
_STOP_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 10.0


class SubjectError(Exception):
    """The relay could not be started, or does not answer."""


class Subject:
    """Runs `relay serve` until the context is left. Raises SubjectError."""

    def __init__(self, flags: Sequence[str] = (), core: int | None = None) -> None:
        command = [sys.executable, "-P", "-m", "relay", "serve", *FLAGS, *flags]
        cores = None if core is None else {core}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={name: value for name, value in os.environ.items() if not _is_setting(name)},
        )
        if cores:
            os.sched_setaffinity(self._process.pid, cores)
        self.watched = Watched(self._process.pid)
        try:
            self.port, self.admin_port = self._await_ports()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        # not asked to drain: what it would say to thousands of connections is of no interest
        self._process.kill()
        self._process.wait(_STOP_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def counters(self) -> dict[str, float]:
        """Everything it has counted since its start."""
        counters: dict[str, float] = self._worker()["counters"]
        return counters

    def _worker(self) -> dict[str, Any]:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.admin_port, timeout=_ANSWER_SECONDS
        )
        try:
            connection.request("GET", "/api/stats")
            worker: dict[str, Any] = json.loads(connection.getresponse().read())["workers"][0]
            return worker
        except (OSError, http.client.HTTPException, ValueError, LookupError) as exc:
            raise SubjectError(f"the relay does not answer on its admin port: {exc}") from exc
        finally:
            connection.close()

    def _await_ports(self) -> tuple[int, int]:
        assert self._process.stdout is not None
        admin = None
        for line in self._lines(self._process.stdout):
            if (found := _OPERATORS.search(line)) is not None:
                admin = int(found[1])
            if (found := _LISTENING.search(line)) is not None and admin is not None:
                return int(found[1]), admin
        raise SubjectError(f"the relay did not start: it ended with {self._process.wait()}")

    def _lines(self, stream: IO[str]) -> Iterator[str]:
        yield from stream


def _is_setting(name: str) -> bool:
    """What the environment sets would be measured instead of the defaults."""
    return name.startswith("RELAY_")


def usable_cores() -> tuple[int, int]:
    """One for the relay and one for the load. Raises SubjectError."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SubjectError("two processor cores are needed: one for the relay, one for the load")
    return cores[0], cores[1]


@contextmanager
def two_cores() -> Iterator[tuple[int, int]]:
    """The same; this process keeps to the second until the context is left."""
    before = os.sched_getaffinity(0)
    first, second = usable_cores()
    os.sched_setaffinity(0, {second})
    try:
        yield first, second
    finally:
        os.sched_setaffinity(0, before)
