"""What systemd hands over and wants to hear: listening sockets, readiness, the watchdog.

The protocols are sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3). They are environment variables, descriptors and
datagrams, and outside systemd the functions do nothing.
"""

import contextlib
import os
import re
import socket
import time
from typing import Final

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"
WATCHDOG: Final = "WATCHDOG=1"

FIRST_DESCRIPTOR: Final = 3
LISTEN_VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
FAMILIES: Final = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)

_NUMBER = re.compile(r"\d{1,19}", re.ASCII)


def inherited_listeners() -> list[socket.socket]:
    """The listening sockets that systemd has opened for this process, non-blocking and closed on exec; none outside of it.

    The variables that tell of them are removed from the environment, so that no child takes them for its own. Raises
    ValueError for a variable that is no number, and for a descriptor that is no listening stream socket; those before it are
    closed then.
    """
    process, count, names = (os.environ.pop(name, "") for name in LISTEN_VARIABLES)
    if not process or not count or _number("LISTEN_PID", process) != os.getpid():
        return []
    labels = names.split(":") if names else []
    with contextlib.ExitStack() as stack:
        listeners = [
            stack.enter_context(_listener(FIRST_DESCRIPTOR + i, *labels[i : i + 1]))
            for i in range(_number("LISTEN_FDS", count))
        ]
        stack.pop_all()
    return listeners


def notify(state: str) -> bool:
    """Tell systemd `state`, such as `READY`; whether it was told. Never waits, and never raises when nobody listens.

    Several assignments are separated by newlines.
    """
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return False
    if path.startswith("@"):  # an abstract address
        path = "\0" + path[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(state.encode(), path)
    except OSError:
        return False
    return True


def reloading() -> str:
    """The state to tell before settings are read anew. `READY` must follow, also when they are refused."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


def watchdog_interval() -> float | None:
    """Seconds between one `WATCHDOG` and the next, half of what systemd waits for it; None when it does not.

    Raises ValueError for a variable that is no number.
    """
    limit = os.environ.get("WATCHDOG_USEC")
    process = os.environ.get("WATCHDOG_PID")
    if not limit or (process and _number("WATCHDOG_PID", process) != os.getpid()):
        return None
    return _number("WATCHDOG_USEC", limit) / 2e6


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) == 0:
        raise ValueError(f"{name}: expected a number, 1 or more, got {text!r}")
    return int(text)


def _listener(descriptor: int, label: str = "") -> socket.socket:
    """The listening socket behind a descriptor, which has the name `label` in its unit."""
    named = f"descriptor {descriptor} ({label})" if label else f"descriptor {descriptor}"
    expected = f"{named}: expected a listening stream socket, IPv4, IPv6 or Unix"
    try:
        listener = socket.socket(fileno=descriptor)
    except OSError as exc:
        raise ValueError(f"{expected}, got: {exc.strerror}") from exc
    if not _is_listening_stream(listener):
        listener.close()
        raise ValueError(f"{expected}, got a socket of another kind")
    listener.setblocking(False)
    listener.set_inheritable(False)
    return listener


def _is_listening_stream(sock: socket.socket) -> bool:
    return (
        sock.family in FAMILIES
        and sock.type == socket.SOCK_STREAM
        and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
    )
