"""A bot that answers by direct message: python examples/bot.py ROOM, and in the room: {"ask": "time"} or {"ask": "who"}."""

import sys
from datetime import UTC, datetime

import relay


def main(room: str) -> None:
    names: dict[str, str] = {}

    def answer(event: relay.MessageEvent) -> None:
        names[event.uid or ""] = event.alias or "someone"
        answers = {"time": datetime.now(UTC).isoformat(), "who": sorted(names.values())}
        asked = event.ask if isinstance(event.ask, str) else ""
        channel.send({"answer": answers.get(asked, "ask me for time or who")}, event.uid)

    channel = relay.connect(room, as_="bot", announce=True, reconnect=True)
    channel.on(lambda event: "ask" in event, answer)
    channel.on("join", lambda event: print(f"{event.total} here", flush=True))
    channel.wait()


if __name__ == "__main__":
    main(sys.argv[1])
