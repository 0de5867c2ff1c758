"""A stream that remembers what trio-websocket does not tell: how an answer began, and since when the peer is silent."""

from typing import Final

import trio

from relay.client.dial import ConnectError

_FIRST_BYTES_MAX: Final = 64
_ANSWER_BYTES_MAX: Final = 256 * 1024


class WatchedStream(trio.abc.Stream):
    """Passes everything through.

    Until `is_open`, an end of the stream raises ConnectError: trio-websocket would wait on for the answer. So does an answer
    without end, which it would keep.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.is_open = False
        self.first_bytes = b""
        self._stream = stream
        self._answer_bytes = 0
        self._waiting_since: float | None = None

    @property
    def quiet_seconds(self) -> float:
        """How long the peer has been waited for in vain; 0 while nobody reads, for then its silence means nothing."""
        if self._waiting_since is None:
            return 0.0
        return trio.current_time() - self._waiting_since

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        self._waiting_since = trio.current_time()
        try:
            data = await self._stream.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._require_open()
            raise
        finally:
            self._waiting_since = None
        if not data:
            self._require_open()
        elif not self.is_open:
            self._look_at_answer(data)
        return data

    def _look_at_answer(self, data: bytes | bytearray) -> None:
        start = self.first_bytes + bytes(data[:_FIRST_BYTES_MAX])
        self.first_bytes = start[:_FIRST_BYTES_MAX]
        self._answer_bytes += len(data)
        if self._answer_bytes > _ANSWER_BYTES_MAX:
            raise ConnectError("the server's answer is too long for an opening handshake")

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._require_open()
            raise

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()

    def _require_open(self) -> None:
        if not self.is_open:
            raise ConnectError("the server ended the connection during the opening handshake")
