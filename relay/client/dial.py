"""The connection below a WebSocket: TCP and TLS, and the words for whatever goes wrong with them."""

import os
import re
import socket
import ssl
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from typing import Final

import msgspec
import trio
from trio_websocket import ConnectionRejected

from relay.client.target import Target

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)")
_BODY_BYTES_MAX: Final = 16 * 1024


class ConnectError(Exception):
    """There is no connection; the text says why, and `status` is the HTTP status when the server has answered with one."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class ConnectTimeout(ConnectError):  # noqa: N818 - as its kind is called
    """The server took too long to answer."""


class _ErrorBody(msgspec.Struct):
    error: str


async def dial(target: Target, ssl_context: ssl.SSLContext | None) -> trio.abc.Stream:
    """A TCP connection, with TLS on it for wss. Raises ConnectError."""
    try:
        stream = await trio.open_tcp_stream(target.host, target.port)
    except OSError as exc:
        raise ConnectError(_network_text(exc)) from exc
    if not target.is_secure:
        return stream
    secure = trio.SSLStream(
        stream,
        ssl_context or _default_context(),
        server_hostname=target.host,
        https_compatible=True,
    )
    try:
        await secure.do_handshake()
    except BaseException as exc:
        await trio.aclose_forcefully(stream)
        if isinstance(exc, trio.BrokenResourceError):
            raise ConnectError(_tls_text(exc.__cause__)) from exc
        raise
    return secure


def timed_out(seconds: float) -> ConnectTimeout:
    return ConnectTimeout(f"no connection within {seconds:g} s")


def is_refusal(first_bytes: bytes) -> bool:
    """Whether an answer that began so refuses, however long its end may take."""
    found = _STATUS_LINE.match(first_bytes)
    return found is not None and found[1] != b"101"


def refusal_of(failure: Exception | None, first_bytes: bytes) -> ConnectError:
    """Why an opening handshake failed, told by the error and by how the server's answer began."""
    if isinstance(failure, ConnectionRejected):
        return rejected(failure.status_code, failure.body or b"")
    if found := _STATUS_LINE.match(first_bytes):
        if found[1] != b"101":
            return rejected(int(found[1]), b"")
    elif first_bytes:
        return ConnectError("the server does not speak HTTP")
    if isinstance(failure, ConnectError) and not first_bytes:
        return failure
    return ConnectError("the server's answer is no opening handshake of a WebSocket")


def rejected(status: int, body: bytes) -> ConnectError:
    """What a server's answer with this status says, with its own words where it has some."""
    text = f"the server answered {status}"
    with suppress(ValueError):
        text += f" {HTTPStatus(status).phrase}"
    detail = _error_of(body)
    return ConnectError(f"{text}: {detail}" if detail else text, status)


def _error_of(body: bytes) -> str:
    try:
        return msgspec.json.decode(body[:_BODY_BYTES_MAX], type=_ErrorBody).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _network_text(exc: OSError) -> str:
    """The first address's error stands for all of them. Texts of the network library name addresses: the number is used."""
    error: BaseException = exc
    while error.__cause__ is not None or isinstance(error, BaseExceptionGroup):
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        elif error.__cause__ is not None:
            error = error.__cause__
    if isinstance(error, socket.gaierror):
        return f"the host name cannot be resolved ({error.strerror})"
    number = error.errno if isinstance(error, OSError) else None
    return f"cannot connect ({os.strerror(number) if number else 'network error'})"


def _tls_text(cause: BaseException | None) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the server's certificate is not accepted ({cause.verify_message})"
    if isinstance(cause, ssl.SSLError):
        return f"no TLS connection ({cause.reason or 'the peer ended it'})"
    return "no TLS connection (the peer ended it)"


@cache
def _default_context() -> ssl.SSLContext:
    """Loading the authorities takes long enough to do it once."""
    return ssl.create_default_context()
