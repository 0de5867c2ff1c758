"""A channel inside asyncio: listeners run in another thread and hand events to the loop, where a task adds up what it gets.

python examples/asyncio_bridge.py ROOM; then: relay send ROOM 5
"""

import asyncio
import sys
from collections.abc import AsyncIterator

import relay


async def events_of(channel: relay.Channel, kind: str) -> AsyncIterator[relay.Event]:
    """The channel's events of a type, until it closes."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[relay.Event | None] = asyncio.Queue()
    channel.on(kind, lambda event: loop.call_soon_threadsafe(queue.put_nowait, event))
    channel.on("close", lambda event: loop.call_soon_threadsafe(queue.put_nowait, None))
    while (event := await queue.get()) is not None:
        yield event


async def main(room: str) -> None:
    channel = relay.connect(room, as_="adder")
    total = 0.0
    async for event in events_of(channel, "message"):
        if isinstance(event, relay.MessageEvent) and isinstance(event.message, int | float):
            total += event.message
            channel.send({"total": total})


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
