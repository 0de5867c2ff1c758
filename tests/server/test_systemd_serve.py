"""`relay serve` as systemd runs it: what it tells of itself, and the sockets that it is handed."""

from __future__ import annotations

import contextlib
import re
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.activation import launcher, listening, moved
from support.arrivals import Client
from support.connection import LIMIT_SECONDS
from support.fixtures import VisitAt
from support.member import UnixMember, Visitors
from support.process import CHANNEL_MARK, RelayProcess, run_relay
from support.reload import REFUSED, TAKEN, SettingsFile, reload
from support.websocket import TEXT, encode_frame

READY, STOPPING, WATCHDOG = b"READY=1", b"STOPPING=1", b"WATCHDOG=1"
RELOADING = re.compile(rb"RELOADING=1\nMONOTONIC_USEC=(\d+)")

HEALTH = b"GET /health HTTP/1.1\r\nHost: relay.test\r\n\r\n"

Launch = Callable[..., RelayProcess]


class Manager:
    """The service manager's end: a socket for what the service tells."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.status = ""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(LIMIT_SECONDS)
        self.socket.bind(self.path)

    def receive(self) -> bytes:
        """The next state; the words beside it for whoever asks for the status are kept apart."""
        state, _, words = self.socket.recv(4096).partition(b"\nSTATUS=")
        self.status = words.decode() or self.status
        return state

    def rest(self) -> list[bytes]:
        """What has been told and not been received yet."""
        self.socket.setblocking(False)
        told = []
        with contextlib.suppress(BlockingIOError):
            while True:
                told.append(self.receive())
        return told


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    end = Manager(tmp_path / "notify")
    with end.socket:
        yield end


@pytest.fixture
def launch(manager: Manager) -> Iterator[Launch]:
    """Starts a relay as the manager does, with these sockets and variables; does not wait for it to listen."""
    with ExitStack() as stack:

        def start(*flags: str, sockets: tuple[socket.socket, ...] = (), **variables: str) -> Any:
            copies = stack.enter_context(moved([sock.fileno() for sock in sockets]))
            told = {"NOTIFY_SOCKET": manager.path, **variables}
            if sockets:
                told |= {"LISTEN_PID": "{pid}", "LISTEN_FDS": str(len(sockets))}
            server = RelayProcess(*flags, launcher=launcher(copies, told), descriptors=copies)
            stack.push(server.__exit__)
            return server

        yield start


def dual_stack_socket() -> socket.socket:
    try:
        return socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    except (OSError, ValueError):
        pytest.skip("there is no IPv6 here")


# --- what it tells -------------------------------------------------------------------------------------------------------------


def test_ready_once_it_accepts_and_stopping_at_the_end(
    launch: Launch, manager: Manager, visit_at: VisitAt, channel: str
) -> None:
    server = launch("--limits", "dry-run")
    assert manager.receive() == READY
    assert manager.status.startswith("serving, room for ")
    assert manager.status.endswith("limits dry-run")
    member = visit_at(server).join(channel)
    server.send_signal(signal.SIGTERM)
    assert manager.receive() == STOPPING
    assert manager.status == "closing everyone"
    assert member.receive_close()[0] == 1001
    member.close()
    assert server.wait() == 0
    assert manager.rest() == []


def test_stopping_comes_before_anyone_is_closed(
    launch: Launch, manager: Manager, visit_at: VisitAt, channel: str
) -> None:
    server = launch()
    member = visit_at(server).join(channel)
    server.send_signal(signal.SIGTERM)
    assert member.receive_close()[0] == 1001
    assert manager.rest() == [READY, STOPPING]
    member.close()


@pytest.mark.parametrize("outcome", [TAKEN, REFUSED])
def test_a_reload_is_told_with_its_end(
    launch: Launch, manager: Manager, tmp_path: Path, outcome: str
) -> None:
    file = SettingsFile(tmp_path / "relay.toml")
    server = launch(*file.flags)
    assert manager.receive() == READY
    before = time.monotonic_ns() // 1000
    file.path.write_text("" if outcome == TAKEN else "port = -1")
    reload(server, outcome)
    told = RELOADING.fullmatch(manager.receive())
    assert told is not None
    assert before <= int(told[1]) <= time.monotonic_ns() // 1000
    assert manager.receive() == READY
    assert server.stop() == 0
    assert manager.rest() == [STOPPING]


def test_once_it_stops_it_is_never_ready_again(
    launch: Launch, manager: Manager, visit_at: VisitAt, channel: str
) -> None:
    server = launch()
    member = visit_at(server).join(channel)
    server.send_signal(signal.SIGTERM)
    assert member.receive_close()[0] == 1001
    server.send_signal(signal.SIGHUP)
    member.close()
    assert server.wait() == 0
    assert manager.rest() == [READY, STOPPING]


def test_the_watchdog_is_fed(launch: Launch, manager: Manager) -> None:
    server = launch(WATCHDOG_USEC="100000", WATCHDOG_PID="{pid}")
    told = [manager.receive() for _ in range(6)]
    assert sorted(told) == [READY] + [WATCHDOG] * 5
    assert server.stop() == 0


@pytest.mark.parametrize("process", ["1", "none"])
def test_the_watchdog_of_another_process_is_not(
    launch: Launch, manager: Manager, process: str
) -> None:
    variables = {} if process == "none" else {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": process}
    server = launch(**variables)
    assert manager.receive() == READY
    assert server.stop() == 0
    assert manager.rest() == [STOPPING]


def test_a_watchdog_that_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "1s")
    result = run_relay("serve", "--port", "0", "--admin", "off")
    assert result.returncode == 1
    assert result.stderr == (
        "relay: cannot start: WATCHDOG_USEC: expected a number, 1 or more, got '1s'\n"
    )


def test_a_manager_that_is_gone_is_no_reason_to_end(
    launch: Launch, manager: Manager, visit_at: VisitAt, channel: str
) -> None:
    server = launch(WATCHDOG_USEC="100000")
    assert manager.receive() in (READY, WATCHDOG)
    manager.socket.close()
    reload(server)
    visit_at(server).join(channel).leave()


# --- the sockets it is handed --------------------------------------------------------------------------------------------------


def test_a_tcp_socket(launch: Launch, visit_at: VisitAt, channel: str) -> None:
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as sock:
        address = sock.getsockname()
        caller = Visitors(address).call(HEALTH)
        server = launch("--port", "1", sockets=(sock,))  # which would be refused, were it used
        assert server.address == address
        assert caller.receive_response().body == b"ok"  # it waited in the socket's queue
        caller.close()
        first, second = visit_at(server).join(channel), visit_at(server).join(channel)
        first.receive_total(2)
        second.send_text("1")
        assert first.receive_message() == 1


def test_a_signal_right_after_the_first_answer(launch: Launch) -> None:
    """It may come while the server still starts: who waited in the queue is answered that early."""
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as sock:
        for _ in range(5):
            with Visitors(sock.getsockname()) as visitors:
                caller = visitors.call(HEALTH)
                server = launch(sockets=(sock,))
                assert caller.receive_response().body == b"ok"
                server.send_signal(signal.SIGTERM)
                assert server.wait() == 0


def test_a_socket_for_ipv6_and_ipv4(launch: Launch, channel: str) -> None:
    """As systemd opens it by default. Peers of IPv4 have mapped addresses there, and are who they are all the same."""
    flags = ("--trusted-proxies", "127.0.0.1", "--max-connections-per-ip", "1")
    with dual_stack_socket() as sock:
        launch(*flags, sockets=(sock,))
        with Visitors(("127.0.0.1", sock.getsockname()[1])) as visitors:
            for _ in range(3):
                visitors.join(channel)  # loopback is exempt
            client = Client(visitors, "192.0.2.1")
            client.enter(f"/c/{channel}")
            assert client.ask(f"/c/{channel}").status == 429


def test_a_websocket_through_a_unix_socket(
    launch: Launch, visit_at: VisitAt, channel: str, tmp_path: Path
) -> None:
    path = str(tmp_path / "relay.sock")
    strict = ("--limit-loopback", "--connection-rate", "0.001", "--connection-burst", "1")
    with (
        listening(socket.AF_UNIX, path) as local,
        listening(socket.AF_INET, ("127.0.0.1", 0)) as sock,
    ):
        server = launch(*strict, sockets=(local, sock))
        remote = visit_at(server).join(channel)
        assert f"listening on unix:{path}\n" in server.output
        members = [UnixMember(path) for _ in range(3)]
        for member in members:  # it has no address, and so no limits of one
            member.enter(f"/c/{channel}")
        remote.receive_total(4)
        members[0].send_text('"from here"')
        assert remote.receive_message() == "from here"
        remote.send_text('"from there"')
        for member in members:
            member.receive_through(lambda event: event.get("message") == "from there")
            member.leave()
            member.close()
        assert remote.receive_total(1)


def test_http_through_a_unix_socket_and_then_an_upgrade(
    launch: Launch, channel: str, tmp_path: Path
) -> None:
    path = f"\0relay-test-{secrets.token_hex(8)}"  # an abstract one
    with (
        listening(socket.AF_UNIX, path) as local,
        listening(socket.AF_INET, ("127.0.0.1", 0)) as sock,
    ):
        server = launch(sockets=(sock, local))
        assert server.address
        member = UnixMember(path)
        member.send(b"GET /version HTTP/1.1\r\nHost: relay.test\r\n\r\n")
        assert member.receive_response().status == 200
        member.enter(f"/c/{channel}", then=encode_frame(TEXT, b"1"))
        assert member.settle() == []
        member.leave()
        member.close()
        assert server.stop() == 0
        assert f"listening on unix:@{path[1:]}\n" in server.output


def test_the_sockets_survive_the_relay(launch: Launch, visit_at: VisitAt, channel: str) -> None:
    """Who connects between one process and the next waits in the queue."""
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as sock:
        first = launch(sockets=(sock,))
        visitors = visit_at(first)
        assert visitors.join(channel).joined["total"] == 1
        visitors.close()
        assert first.stop() == 0
        caller = Visitors(sock.getsockname()).call(HEALTH)
        second = launch(sockets=(sock,))
        assert caller.receive_response().body == b"ok"
        caller.close()
        assert visit_at(second).join(channel).joined["total"] == 1


def test_a_socket_that_does_not_listen(manager: Manager) -> None:
    with socket.socket() as sock, moved([sock.fileno()]) as copies:
        told = {"LISTEN_PID": "{pid}", "LISTEN_FDS": "1"}
        server = RelayProcess(launcher=launcher(copies, told), descriptors=copies)
        assert server.wait() == 1
    assert server.errors.startswith("relay: cannot take over the sockets of systemd: descriptor 3:")
    assert server.errors.count("\n") == 1
    assert CHANNEL_MARK not in server.errors
