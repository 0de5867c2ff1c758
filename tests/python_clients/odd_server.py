"""A server that sends what a test says, right or wrong, to whoever connects; and frames that no relay should send."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from queue import Queue

import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

OWN_JOIN = '{"type":"join","self":true,"uid":"me","total":1,"users":1,"date":1}'
LAST = '{"uid":"u","date":1795192216691,"message":"the last"}'

DATES = ["null", "0", "-1", "1.5", "-62135596800000", "253402300799999", "253402300800000"]
DATES += ["-1e300", "1e300", "1e999", "9" * 400, "9" * 5000, "true", '"today"', "[]", "{}"]
ALIASES = ["5", "null", "[]", '""', '"\\u001b]0;x\\u0007"', '"\\ud800"', '"\\u202e\\u2066"']
ALIASES += ['"\\u2028\\ufeff"', '"\U000e0041\x9b31m"', json.dumps("x" * 100_000)]
PAYLOADS = ["1e999", "-1e999", "9" * 5000, "-" + "9" * 400, '"\\ud83d"', '{"\\udc00":"\\u001b[2J"}']
PAYLOADS += ["[" * 400 + "]" * 400, "[" * 990 + "]" * 990, "[" * 50_000 + "]" * 50_000]
PAYLOADS += ['"\x7f\x9b2J\u2029"', '{"type":["x"],"id":{}}', '{"__class__":1,"date":"x"}']
PAYLOADS += ['{"type":"close","code":"x"}', '{"envelope":5,"read":1}', json.dumps("日" * 50_000)]
EVENTS = ["", "undefined", "null", "5", '"x"', "[1]", "{}", "[" * 50_000, "{" * 2000, '{"a":1}x']
EVENTS += ['{"type":5}', '{"type":[]}', '{"type":{}}', '{"type":"\\ud800"}', '{"type":"open"}']
EVENTS += ['{"type":"close","code":1000}', '{"type":"message","message":1}', '{"type":"*"}']
EVENTS += ['{"type":"join"}', '{"type":"join","total":"x"}', '{"type":"join","total":1e999}']
EVENTS += [
    '{"type":"join","total":1,"users":[5]}',
    '{"type":"join","total":1,"users":[{"uid":"u"}]}',
]
EVENTS += ['{"type":"leave","total":-1,"alias":[]}', '{"type":"leave","total":' + "9" * 400 + "}"]
EVENTS += ['{"type":"gap","missed":"many"}', '{"type":"gap","missed":1e999}', '{"type":"gap"}']
EVENTS += ['{"type":"error"}', '{"type":"error","message":{}}', '{"envelope":5,"message":1}']

ODD_FRAMES: list[str | bytes] = [
    b"",
    b"\xff" * 1000,
    *EVENTS,
    *(f'{{"uid":"u","date":{date},"message":1}}' for date in DATES),
    *(f'{{"uid":"u","alias":{alias},"date":1,"message":1}}' for alias in ALIASES),
    *(f'{{"uid":{uid},"date":1,"message":1}}' for uid in ("5", '"\\u001b[31m"', '"\\ud800"')),
    *(f'{{"uid":"u","date":1,"message":{payload}}}' for payload in PAYLOADS),
    f'{{"date":1,\n"message":\r{{"x":\n"{"y" * 1_000_000}"}}}}',
]


@contextmanager
def serving(
    *frames: str | bytes, then_close: bool = False, ssl_context: ssl.SSLContext | None = None
) -> Iterator[str]:
    """The URL of a server in a thread of its own. It sends the frames, and then listens, or closes with 1000."""
    started: Queue[tuple[int, trio.lowlevel.TrioToken, trio.CancelScope]] = Queue()

    async def serve(request: WebSocketRequest) -> None:
        connection = await request.accept()
        try:
            for frame in frames:
                await connection.send_message(frame)
            while not then_close:
                await connection.get_message()
            await connection.aclose()
        except ConnectionClosed:
            pass

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            server = await nursery.start(
                partial(serve_websocket, serve, "127.0.0.1", 0, ssl_context)
            )
            port = server.port
            started.put((port, trio.lowlevel.current_trio_token(), nursery.cancel_scope))

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    port, token, scope = started.get()
    try:
        yield f"{'wss' if ssl_context else 'ws'}://127.0.0.1:{port}"
    finally:
        token.run_sync_soon(scope.cancel)
        thread.join()
