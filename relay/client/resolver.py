"""Host names, for the background thread: also when the interpreter exits, where what is queued is still to be sent."""

import socket
from functools import partial
from typing import Any

import trio

Host = bytes | None
Port = bytes | str | int | None


class Resolver(trio.abc.HostnameResolver):
    """Asks the system in a thread, as trio does; or in this one, where no thread can be started any more.

    Python 3.12 refuses new threads as soon as the main thread has ended, before the handlers of atexit run. Nothing else waits
    for this thread then, and the exit itself waits for a limited time only.
    """

    async def getaddrinfo(
        self,
        host: Host,
        port: Port,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        ask = partial(socket.getaddrinfo, host, port, family, type, proto, flags)
        try:
            return await trio.to_thread.run_sync(ask, abandon_on_cancel=True)
        except RuntimeError:
            return ask()

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        """Never asked for here, and a part of the interface."""
        ask = partial(socket.getnameinfo, sockaddr, flags)
        return await trio.to_thread.run_sync(ask, abandon_on_cancel=True)
