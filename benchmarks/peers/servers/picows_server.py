"""picows under uvloop, as its documentation advises: a listener per connection, callbacks and no task.

It has no notion of a channel; members are in a set, and `send` is called for each. Fragments would be ours to join: none come.
"""

from __future__ import annotations

import asyncio

import picows
import uvloop
from stamp import channel_in, envelope, stamp_of_new_member

CHANNELS: dict[str, set[Member]] = {}


class Member(picows.WSListener):  # type: ignore[misc]
    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.stamp = stamp_of_new_member()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self.transport = transport
        CHANNELS.setdefault(self.channel, set()).add(self)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        CHANNELS[self.channel].discard(self)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif frame.msg_type == picows.WSMsgType.TEXT:
            self.publish(envelope(self.stamp, frame.get_payload_as_bytes()))

    def publish(self, message: bytes) -> None:
        text = picows.WSMsgType.TEXT
        for member in CHANNELS[self.channel]:
            if member is not self:
                member.transport.send(text, message)


def admit(request: picows.WSUpgradeRequest) -> Member | None:
    channel = channel_in(request.path.decode())
    return Member(channel) if channel else None


async def main() -> None:
    server = await picows.ws_create_server(admit, "127.0.0.1", 0, backlog=1024)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
