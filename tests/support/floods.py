"""Members who send too much, up to the server's closing them for it."""

from __future__ import annotations

from contextlib import suppress

from support.member import Event, Member
from support.websocket import CLOSE, PING, TEXT, WebSocket, encode_frame


def kicked(sender: WebSocket) -> tuple[list[Event], int, str]:
    """Send until the server closes; what came before, the close code, and the reason."""
    events: list[Event] = []
    while True:
        with suppress(
            BrokenPipeError, ConnectionResetError
        ):  # what it said before it closed can still be read
            sender.send(encode_frame(TEXT, b"1") + encode_frame(PING))
        while (received := sender.receive())[0] == TEXT:
            events.append(Member.decode(received[1]))
        if received[0] == CLOSE:
            return events, int.from_bytes(received[1][:2], "big"), received[1][2:].decode()
