"""A chat in the terminal: python examples/chat.py ROOM NAME, in two terminals. An empty line, or Ctrl-D, leaves."""

import sys

import relay


def show(event: relay.MessageEvent) -> None:
    print(f"{event.alias or 'someone'}: {event.message}", flush=True)


def show_presence(event: relay.JoinEvent | relay.LeaveEvent) -> None:
    print(f"* {event.total} here", flush=True)


def main(room: str, name: str) -> None:
    with relay.connect(room, as_=name) as channel:
        channel.on("message", show).on("join", show_presence).on("leave", show_presence)
        for line in sys.stdin:
            if not line.strip():
                break
            channel.send(line.rstrip("\n"))


if __name__ == "__main__":
    main(*sys.argv[1:3])
