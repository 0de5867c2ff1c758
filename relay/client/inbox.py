"""Messages for a task that iterates: handed over one by one, so that whoever sends them has to wait for it."""

from typing import Final

import trio

from relay.client.socket_events import Data

_END: Final = object()


class Inbox:
    """Between one task that puts and those that get. Used in one thread."""

    def __init__(self) -> None:
        self.is_used = False
        self._has_ended = False
        self._sender, self._receiver = trio.open_memory_channel[object](0)

    async def put(self, data: Data) -> None:
        """Returns when somebody has taken it."""
        await self._sender.send(data)

    async def get(self) -> Data:
        """Raises StopAsyncIteration when nothing more will come."""
        self.is_used = True
        if self._has_ended:
            raise StopAsyncIteration
        data = await self._receiver.receive()
        if data is _END:
            raise StopAsyncIteration
        assert isinstance(data, str | bytes | bytearray | memoryview)
        return data

    def begin(self) -> None:
        """More may come, again."""
        self._has_ended = False

    def end(self) -> None:
        """Those who wait, and those who come, are told that nothing more will."""
        self._has_ended = True
        for _ in range(self._sender.statistics().tasks_waiting_receive):
            self._sender.send_nowait(_END)
