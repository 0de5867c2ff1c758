"""Where connections come from: the listening sockets, and how many descriptors this process may have."""

import contextlib
import os
import resource
import socket
from typing import Final

from relay import systemd

WANTED_DESCRIPTORS: Final = 1_000_000
LISTEN_BACKLOG: Final = 4096
UNSENT_BYTES_MAX: Final = 128 * 1024

_ABSTRACT: Final = "\0"


class ListenError(Exception):
    """The server cannot take connections; the text says where and why."""


def raise_file_limit() -> int:
    """Raise the limit of open descriptors as far as this process may, and return it.

    A privileged process may go beyond its hard limit, up to what the kernel allows one process (`fs.nr_open`).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (max(hard, WANTED_DESCRIPTORS), hard):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return limit
    return soft


def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Listening, non-blocking sockets: those that systemd has opened for this process, otherwise one on every address of `host`.

    The latter are all on one port. Raises ListenError.
    """
    try:
        inherited = systemd.inherited_listeners()
    except ValueError as exc:
        raise ListenError(f"cannot take over the sockets of systemd: {exc}") from exc
    try:
        listeners = inherited or _listen_at(host, port)
        for listener in listeners:
            if listener.family != socket.AF_UNIX:
                _tune(listener)
        return listeners
    except (OSError, UnicodeError) as exc:
        raise ListenError(
            f"cannot listen on {host} port {port}: {_reason(exc)};"
            " choose another address with --host and --port"
        ) from exc


def open_admin_listeners(host: str, port: int) -> list[socket.socket]:
    """Listening sockets for operators, on every address of `host`. Raises ListenError."""
    try:
        return _listen_at(host, port)
    except (OSError, UnicodeError) as exc:
        raise ListenError(
            f"cannot listen for operators on {host} port {port}: {_reason(exc)};"
            " choose another address with --admin HOST:PORT, or none with --admin off"
        ) from exc


def url_of(listener: socket.socket) -> str:
    """Where clients reach a listener; an abstract Unix socket has an @ in front of its name, as in systemd's units."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{os.fsdecode(listener.getsockname()).replace(_ABSTRACT, '@', 1)}"
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _listen_at(host: str, port: int) -> list[socket.socket]:
    with contextlib.ExitStack() as stack:
        listeners: list[socket.socket] = []
        for family, _, _, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            same_port = listeners[0].getsockname()[1] if listeners else port
            _listen(listener, (address[0], same_port, *address[2:]))
            listeners.append(listener)
        stack.pop_all()
    return listeners


def _listen(listener: socket.socket, address: tuple[object, ...]) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(address)
    listener.listen(LISTEN_BACKLOG)
    listener.setblocking(False)


def _tune(listener: socket.socket) -> None:
    """What accepted sockets inherit, which saves system calls for each.

    The kernel would take up to 4 MiB for one who does not read, where no `backlog_limit` sees them. What is under way to a
    reader on a long line does not count as unsent.
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES_MAX)


def _reason(exc: OSError | UnicodeError) -> str:
    if isinstance(exc, UnicodeError):
        return "this is no host name"
    return exc.strerror or str(exc)
