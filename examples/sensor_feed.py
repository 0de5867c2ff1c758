"""Readings of a sensor, a line of stdin each, to everyone who listens; it outlives restarts of the relay.

vmstat -n 1 | python examples/sensor_feed.py ROOM
"""

import sys

import relay


def main(room: str) -> None:
    with relay.connect(room, as_="sensor", reconnect=True) as channel:
        channel.on("close", lambda event: print(f"closed: {event.code}", file=sys.stderr))
        for number, line in enumerate(sys.stdin, 1):
            channel.send({"type": "reading", "number": number, "values": line.split()})


if __name__ == "__main__":
    main(sys.argv[1])
