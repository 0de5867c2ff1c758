"""`python -m benchmarks.crowded MEMBERS CHANNELS`: a server that has members without a socket beside those who connect.

A process may have fewer descriptors than there should be members. These are real otherwise: the core's members, attached to logs
of channels of the hub. What they do not have is a place in the core's table, which is by descriptor and which a scrape does not
look at, and the kernel's side of a socket.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import trio

from relay._core import Member
from relay.hub import Hub
from relay.server import Server
from relay.settings.config import Settings

CHANNELS_PER_BATCH = 100
SETTINGS = Settings(
    host="127.0.0.1",
    port=0,
    admin="127.0.0.1:0",
    ping_interval=0.0,
    message_rate=0.0,
    byte_rate=0,
    presence="off",
)


async def serve(members: int, channels: int) -> None:
    server = Server(SETTINGS)
    async with trio.open_nursery() as nursery:

        def announce(urls: list[str]) -> None:
            nursery.start_soon(fill_and_tell, server, urls, members, channels)

        await server.run(announce, no_signals())


async def no_signals() -> AsyncIterator[int]:
    await trio.sleep_forever()
    yield 0


async def fill_and_tell(server: Server, urls: list[str], members: int, channels: int) -> None:
    await fill(server.hub, members, channels)
    operators = server.admin_urls[0].rstrip("/")
    print(f"operators at {operators}/", f"listening on {urls[0]}", sep="\n", flush=True)


async def fill(hub: Hub, members: int, channels: int) -> None:
    """Spread the members over the channels evenly."""
    for number in range(channels):
        channel = hub.channel(b"crowd%d" % number)
        for index in range(number, members, channels):
            channel.log.attach(Member(b'"uid":"%012d","date":' % index))
        if number % CHANNELS_PER_BATCH == 0:
            await trio.lowlevel.checkpoint()


if __name__ == "__main__":
    trio.run(serve, *map(int, sys.argv[1:]))
