"""Shared cursors, in trio: each member moves its own in a circle and shows where all of them are.

python examples/cursors.py ROOM NAME [STEPS], in several terminals.
"""

import math
import sys

import trio

import relay

TURN = 60  # steps
STEP_SECONDS = 0.05


async def move(channel: relay.TrioChannel, steps: int) -> None:
    for step in range(steps):
        angle = step * math.tau / TURN
        x, y = round(math.cos(angle), 3), round(math.sin(angle), 3)
        await channel.send({"type": "cursor", "x": x, "y": y})
        await trio.sleep(STEP_SECONDS)


async def main(room: str, name: str, steps: int) -> None:
    cursors: dict[str, tuple[float, float]] = {}

    def place(event: relay.MessageEvent) -> None:
        cursors[event.alias or "someone"] = (event.x, event.y)
        print(cursors, flush=True)

    async with relay.open_channel(room, as_=name, echo=True) as channel:
        channel.on("cursor", place)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.wait)
            await move(channel, steps)
            await channel.aclose()


if __name__ == "__main__":
    room, name, *rest = sys.argv[1:]
    trio.run(main, room, name, int(rest[0]) if rest else 10 * TURN)
