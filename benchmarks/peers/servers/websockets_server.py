"""websockets under uvloop: its own `broadcast`, which its documentation recommends, on bytes that are never decoded.

Compression and keepalive are off. `broadcast` knows no backpressure: a slow reader's messages pile up in memory.
"""

from __future__ import annotations

import asyncio

import uvloop
from stamp import channel_in, envelope, stamp_of_new_member
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
CHANNELS: dict[str, set[ServerConnection]] = {}


async def serve_member(connection: ServerConnection) -> None:
    assert connection.request is not None
    members = CHANNELS.setdefault(channel_in(connection.request.path), set())
    members.add(connection)
    try:
        await relay(connection, members)
    except ConnectionClosed:
        pass
    finally:
        members.discard(connection)


async def relay(connection: ServerConnection, members: set[ServerConnection]) -> None:
    stamp = stamp_of_new_member()
    while True:
        payload = await connection.recv(decode=False)
        others = (member for member in members if member is not connection)
        broadcast(others, envelope(stamp, payload), text=True)


async def main() -> None:
    async with serve(
        serve_member,
        "127.0.0.1",
        0,
        compression=None,
        ping_interval=None,
        max_size=MAX_MESSAGE_BYTES,
        backlog=1024,
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(f"listening on http://127.0.0.1:{port}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
