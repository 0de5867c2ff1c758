"""A proxy that serves a relay by https, below a path that the relay does not know of, on the loopback interface."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer

import trustme
from support.connection import LIMIT_SECONDS, Address

PREFIX = b"/deep/er"


class Forwarder(BaseRequestHandler):
    """One connection, which carries one request: the path is cut, the rest goes on as it is, both ways."""

    server: TlsProxy

    def handle(self) -> None:
        with (
            suppress(OSError),
            self.server.context.wrap_socket(self.request, server_side=True) as ours,
        ):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = ours.recv(65536)
                if not piece:
                    return
                head += piece
            with closing(socket.create_connection(self.server.relay, LIMIT_SECONDS)) as theirs:
                theirs.sendall(rewrite(head))
                back = threading.Thread(target=forward, args=(theirs, ours))
                back.start()
                forward(ours, theirs)
                back.join()


def rewrite(head: bytes) -> bytes:
    method, target, rest = head.split(b" ", 2)
    if not target.startswith(PREFIX + b"/"):
        target = b"/nothing-here"
    head = b" ".join((method, target.removeprefix(PREFIX), rest))
    return head.replace(b"Connection: keep-alive", b"Connection: close")


def forward(source: socket.socket, drain: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            drain.sendall(data)
    with suppress(OSError):
        drain.shutdown(socket.SHUT_RDWR)


class TlsProxy(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, relay: Address) -> None:
        super().__init__(("127.0.0.1", 0), Forwarder)
        self.relay = relay
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(self.context)


@contextmanager
def serve_proxy(relay: Address) -> Iterator[str]:
    """The address of the relay's page, while the proxy is up."""
    with TlsProxy(relay) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}{PREFIX.decode()}/"
        finally:
            server.shutdown()
            thread.join()
