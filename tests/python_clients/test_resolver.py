"""Names are found also where no thread can be started."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import trio

from relay.client.resolver import Resolver


async def test_a_name() -> None:
    assert await Resolver().getaddrinfo(b"localhost", 80, type=socket.SOCK_STREAM)
    assert await Resolver().getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST)
    with pytest.raises(socket.gaierror):
        await Resolver().getaddrinfo(b"zq.invalid", 80)


async def test_a_name_when_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: Any, **options: Any) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(trio.to_thread, "run_sync", refuse)
    assert await Resolver().getaddrinfo(b"localhost", 80, type=socket.SOCK_STREAM)
