"""socketify (uWebSockets under Python): its own publish and subscribe, as its documentation shows it.

`publish` goes to all subscribers, the sender too: the generator expects that. Compression, pings and the idle timeout are off;
what it may hold for a slow reader is generous, because above it messages are dropped without a word.
"""

from __future__ import annotations

from typing import NamedTuple

from socketify import App, AppListenOptions, CompressOptions, OpCode, Request, Response, WebSocket
from stamp import channel_in, envelope, stamp_of_new_member

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
MAX_BACKPRESSURE_BYTES = 1024 * 1024 * 1024


class Member(NamedTuple):
    channel: str
    stamp: bytes


def upgrade(response: Response, request: Request, context: object) -> None:
    response.upgrade(
        request.get_header("sec-websocket-key"),
        request.get_header("sec-websocket-protocol"),
        request.get_header("sec-websocket-extensions"),
        context,
        Member(channel_in(request.get_url()), stamp_of_new_member()),
    )


def join(socket: WebSocket) -> None:
    socket.subscribe(socket.get_user_data().channel)


def publish(socket: WebSocket, text: str, opcode: OpCode) -> None:
    member = socket.get_user_data()
    socket.publish(member.channel, envelope(member.stamp, text.encode()), OpCode.TEXT)


def main() -> None:
    app = App()
    app.ws(
        "/c/*",
        {
            "compression": CompressOptions.DISABLED,
            "max_payload_length": MAX_MESSAGE_BYTES,
            "max_backpressure": MAX_BACKPRESSURE_BYTES,
            "idle_timeout": 0,
            "upgrade": upgrade,
            "open": join,
            "message": publish,
        },
    )
    app.listen(
        AppListenOptions(port=0, host="127.0.0.1"),
        lambda config: print(f"listening on http://127.0.0.1:{config.port}", flush=True),
    )
    app.run()


if __name__ == "__main__":
    main()
