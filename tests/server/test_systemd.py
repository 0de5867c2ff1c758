"""What systemd hands over and is told: real sockets at descriptor 3 of a child process, real datagrams."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from support.activation import launcher, listening, moved
from support.connection import LIMIT_SECONDS

from relay import systemd

REPORT = """
import json, os, socket
from relay import systemd
answer = {}
try:
    listeners = systemd.inherited_listeners()
    answer["listeners"] = [
        {
            "descriptor": sock.fileno(),
            "family": sock.family.name,
            "is_blocking": sock.getblocking(),
            "is_inherited": sock.get_inheritable(),
        }
        for sock in listeners
    ]
    for sock in listeners:
        accepted, _ = sock.accept()
        accepted.sendall(b"accepted at %d" % sock.fileno())
        accepted.close()
        sock.close()
    answer["again"] = len(systemd.inherited_listeners())
except ValueError as exc:
    answer["error"] = str(exc)
answer["environment"] = sorted(name for name in os.environ if name.startswith("LISTEN_"))
answer["is_open"] = []
for descriptor in range(3, 6):
    try:
        os.fstat(descriptor)
        answer["is_open"].append(descriptor)
    except OSError:
        pass
print(json.dumps(answer))
"""

Keep: TypeAlias = Callable[[socket.socket], socket.socket]


@pytest.fixture
def keep() -> Iterator[Keep]:
    """Closes what it is given when the test is over, and bounds its waits."""
    with ExitStack() as stack:

        def kept(sock: socket.socket) -> socket.socket:
            sock.settimeout(LIMIT_SECONDS)
            return stack.enter_context(sock)

        yield kept


def launch(*descriptors: int, **variables: str) -> dict[str, Any]:
    """What a process finds that was started with these descriptors and variables; with both LISTEN_ numbers by default."""
    told = {"LISTEN_PID": "{pid}", "LISTEN_FDS": str(len(descriptors)), **variables}
    with moved(descriptors) as copies:
        result = subprocess.run(
            [*launcher(copies, told), sys.executable, "-c", REPORT],
            pass_fds=copies,
            capture_output=True,
            text=True,
            timeout=3 * LIMIT_SECONDS,
            check=False,
        )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@pytest.fixture
def listener(keep: Keep) -> socket.socket:
    return keep(listening(socket.AF_INET, ("127.0.0.1", 0)))


def caller_of(listener: socket.socket, keep: Keep) -> socket.socket:
    """A connection that waits to be accepted."""
    caller = keep(socket.socket(listener.family))
    caller.connect(listener.getsockname())
    return caller


# --- listeners -----------------------------------------------------------------------------------------------------------------


def test_listeners_of_every_family(keep: Keep, tmp_path: Path) -> None:
    listeners = [
        keep(listening(socket.AF_INET, ("127.0.0.1", 0))),
        keep(listening(socket.AF_UNIX, str(tmp_path / "relay.sock"))),
    ]
    with contextlib.suppress(OSError):  # where IPv6 is off
        listeners.append(keep(listening(socket.AF_INET6, ("::1", 0))))
    callers = [caller_of(sock, keep) for sock in listeners]

    answer = launch(*[sock.fileno() for sock in listeners])

    assert answer["listeners"] == [
        {
            "descriptor": descriptor,
            "family": sock.family.name,
            "is_blocking": False,
            "is_inherited": False,
        }
        for descriptor, sock in enumerate(listeners, 3)
    ]
    for descriptor, caller in enumerate(callers, 3):
        assert caller.recv(100) == b"accepted at %d" % descriptor


def test_the_variables_are_taken_away(listener: socket.socket, keep: Keep) -> None:
    """So that no child takes them for its own, and asking twice opens nothing twice."""
    caller_of(listener, keep)
    answer = launch(listener.fileno(), LISTEN_FDNAMES="relay.socket")
    assert len(answer["listeners"]) == 1
    assert answer["environment"] == []
    assert answer["again"] == 0


def test_the_sockets_of_another_process(listener: socket.socket) -> None:
    """They are none of ours, and stay as they are; the variables go."""
    answer = launch(listener.fileno(), LISTEN_PID=str(os.getpid()))
    assert answer["listeners"] == []
    assert answer["environment"] == []
    assert answer["is_open"] == [3]


@pytest.mark.parametrize("name", ["LISTEN_PID", "LISTEN_FDS"])
def test_one_variable_without_the_other(listener: socket.socket, name: str) -> None:
    answer = launch(listener.fileno(), **{name: ""})
    assert answer["listeners"] == []
    assert answer["environment"] == []


def test_no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in systemd.LISTEN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert systemd.inherited_listeners() == []


@pytest.mark.parametrize("name", ["LISTEN_PID", "LISTEN_FDS"])
@pytest.mark.parametrize("value", ["0", "-1", "x", " 3", "3.5", "0x3", "٣", "1" * 20])
def test_a_variable_that_is_no_number(name: str, value: str) -> None:
    answer = launch(**{"LISTEN_FDS": "1", name: value})
    assert answer["error"] == f"{name}: expected a number, 1 or more, got {value!r}"
    assert answer["environment"] == []


def unfit_sockets(tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    yield "IPv4 datagrams", socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    yield "Unix datagrams", socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    yield "a stream that does not listen", socket.socket()
    first, second = socket.socketpair()
    yield "a connection", first
    second.close()
    packets = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    packets.bind(str(tmp_path / "packets"))
    packets.listen()
    yield "packets in sequence", packets


def test_a_socket_that_does_not_listen_for_streams(
    listener: socket.socket, keep: Keep, tmp_path: Path
) -> None:
    for kind, sock in unfit_sockets(tmp_path):
        keep(sock)
        answer = launch(listener.fileno(), sock.fileno())
        assert answer["error"] == (
            "descriptor 4: expected a listening stream socket, IPv4, IPv6 or Unix, got a socket of another kind"
        ), kind
        assert answer["is_open"] == [], kind


def test_a_descriptor_that_is_no_socket(listener: socket.socket, tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        answer = launch(listener.fileno(), file.fileno(), LISTEN_FDNAMES="web:log")
    assert answer["error"].startswith("descriptor 4 (log): expected a listening stream socket")
    assert answer["is_open"] == [4]


@pytest.mark.parametrize("names", ["", "web", "web:"])
def test_a_descriptor_that_is_not_there(listener: socket.socket, names: str) -> None:
    answer = launch(listener.fileno(), LISTEN_FDS="2", LISTEN_FDNAMES=names)
    assert answer["error"].startswith("descriptor 4: expected a listening stream socket")
    assert answer["is_open"] == []


# --- readiness -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["path", "abstract"])
def manager(
    request: pytest.FixtureRequest, keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> socket.socket:
    """The socket on which a service manager listens."""
    path = str(tmp_path / "notify")
    if request.param == "abstract":
        path = f"@relay-test-{secrets.token_hex(8)}"
    sock = keep(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    sock.bind(path.replace("@", "\0", 1))
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    return sock


@pytest.mark.parametrize(
    ("state", "datagram"),
    [
        (systemd.READY, b"READY=1"),
        (systemd.STOPPING, b"STOPPING=1"),
        (systemd.WATCHDOG, b"WATCHDOG=1"),
        ("STATUS=1024 connections", b"STATUS=1024 connections"),
        ("READY=1\nSTATUS=é", "READY=1\nSTATUS=é".encode()),
    ],
)
def test_a_state_is_told(manager: socket.socket, state: str, datagram: bytes) -> None:
    assert systemd.notify(state)
    assert manager.recv(4096) == datagram


def test_a_reload_is_told_with_its_time(manager: socket.socket) -> None:
    before = time.monotonic_ns() // 1000
    assert systemd.notify(systemd.reloading())
    told = re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=(\d+)", manager.recv(4096))
    assert told is not None
    assert before <= int(told[1]) <= time.monotonic_ns() // 1000


def test_a_manager_that_does_not_read(manager: socket.socket) -> None:
    """It is not waited for."""
    told = 0
    while systemd.notify("STATUS=again"):
        told += 1
        assert told < 100_000, "the socket takes everything"
    for _ in range(told):
        assert manager.recv(4096) == b"STATUS=again"
    assert systemd.notify(systemd.READY)
    assert manager.recv(4096) == b"READY=1"


def test_a_manager_that_is_gone(manager: socket.socket) -> None:
    manager.close()
    assert not systemd.notify(systemd.READY)


def test_a_socket_that_was_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    assert not systemd.notify(systemd.READY)


@pytest.mark.parametrize(
    "address", ["", "@", "relative", "vsock:2:1234", "/" + "x" * 200, "@" + "x" * 200]
)
def test_an_address_that_is_none(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not systemd.notify(systemd.READY)


def test_no_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not systemd.notify(systemd.READY)


# --- the watchdog --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def set_watchdog(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None, str | None], None]:
    def put(limit: str | None, process: str | None) -> None:
        own = str(os.getpid()) if process == "own" else process
        for name, value in (("WATCHDOG_USEC", limit), ("WATCHDOG_PID", own)):
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    return put


@pytest.mark.parametrize("process", [None, "", "own"])
@pytest.mark.parametrize(("limit", "interval"), [("30000000", 15.0), ("1", 5e-7), ("500000", 0.25)])
def test_half_of_what_the_watchdog_waits(
    set_watchdog: Callable[..., None], limit: str, process: str | None, interval: float
) -> None:
    set_watchdog(limit, process)
    assert systemd.watchdog_interval() == interval


@pytest.mark.parametrize(
    ("limit", "process"), [(None, None), ("", None), (None, "own"), ("1000000", "1")]
)
def test_no_watchdog(
    set_watchdog: Callable[..., None], limit: str | None, process: str | None
) -> None:
    set_watchdog(limit, process)
    assert systemd.watchdog_interval() is None


@pytest.mark.parametrize("value", ["0", "-5", "1s", "1e6"])
def test_a_watchdog_that_is_no_number(set_watchdog: Callable[..., None], value: str) -> None:
    set_watchdog(value, None)
    with pytest.raises(
        ValueError, match=f"^WATCHDOG_USEC: expected a number, 1 or more, got '{value}'$"
    ):
        systemd.watchdog_interval()
    set_watchdog("1000000", value)
    with pytest.raises(
        ValueError, match=f"^WATCHDOG_PID: expected a number, 1 or more, got '{value}'$"
    ):
        systemd.watchdog_interval()
