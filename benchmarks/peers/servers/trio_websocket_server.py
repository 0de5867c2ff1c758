"""trio-websocket: a handler task per connection that reads, and sends to each other member in turn.

Its documentation has no broadcast of its own. A queue and a task that sends for each member would wake a task per delivery;
here a reader that stops stops those who send to it, which is what trio's backpressure does where nothing else is asked for.
"""

from __future__ import annotations

from contextlib import suppress

import trio
from stamp import channel_in, envelope, stamp_of_new_member
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
CHANNELS: dict[str, set[WebSocketConnection]] = {}


async def serve_member(request: WebSocketRequest) -> None:
    connection = await request.accept()
    members = CHANNELS.setdefault(channel_in(request.path), set())
    members.add(connection)
    try:
        await relay(connection, members)
    except ConnectionClosed:
        pass
    finally:
        members.discard(connection)


async def relay(connection: WebSocketConnection, members: set[WebSocketConnection]) -> None:
    stamp = stamp_of_new_member()
    while True:
        payload = await connection.get_message()
        # a string becomes a text frame, bytes a binary one
        message = envelope(stamp, payload.encode()).decode()
        for member in [*members]:
            if member is not connection:
                await send(member, message)


async def send(member: WebSocketConnection, message: str) -> None:
    with suppress(ConnectionClosed):  # its own task takes it out of the channel
        await member.send_message(message)


async def main() -> None:
    async with trio.open_nursery() as nursery:
        server = await nursery.start(
            lambda task_status: serve_websocket(
                serve_member,
                "127.0.0.1",
                0,
                ssl_context=None,
                max_message_size=MAX_MESSAGE_BYTES,
                task_status=task_status,
            )
        )
        print(f"listening on http://127.0.0.1:{server.port}", flush=True)


if __name__ == "__main__":
    trio.run(main)
