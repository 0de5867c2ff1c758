"""What a channel has still to send. It outlives connections: what one could not take, the next one sends."""

from collections import deque

import trio

from relay.client.transport import Transport


class SendQueue:
    """Texts in order, and whether the connection is to be closed behind the last. Used by one thread at a time."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._changed = trio.Event()
        self.is_ending = False

    def __len__(self) -> int:
        return len(self._texts)

    def put(self, text: str) -> None:
        self._texts.append(text)
        self._changed.set()

    def end(self) -> None:
        """Nothing more is to follow, on this connection."""
        self.is_ending = True
        self._changed.set()

    async def flush(self, transport: Transport) -> None:
        """Send all there is. A text leaves the queue when it has been sent. Raises Closed."""
        while self._texts:
            await transport.send(self._texts[0])
            self._texts.popleft()

    async def send_to_the_end(self, transport: Transport) -> None:
        """Send what there is and what comes, until `end`. Raises Closed."""
        while True:
            await self.flush(transport)
            if self.is_ending:
                return
            await self.wait_changed()

    async def wait_changed(self) -> None:
        """Until a text is put in, or the end is near."""
        self._changed = trio.Event()
        await self._changed.wait()
