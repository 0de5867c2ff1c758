"""Messages of one's own making, against servers of another kind: an echo, a broadcast, one that writes everything anew."""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

from relay._load import CloseReport, Generator, RunReport

from .fake_server import TEXT, FakeServer, frame

SECONDS = 0.2
PATIENCE_SECONDS = 10.0
STAMP = "relay00000slot-00000numb-000000000000-000000000000000"


def drive(port: int, **arguments: object) -> tuple[RunReport, CloseReport]:
    generator = Generator(port, loss_timeout_seconds=PATIENCE_SECONDS, **arguments)  # type: ignore[arg-type]
    generator.connect(10)
    return generator.run(SECONDS), generator.close()


class Room:
    """A server on trio-websocket that sends on what it gets, made over by `make`."""

    def __init__(self, make: Callable[[str], str], has_echo: bool) -> None:
        self._make, self._has_echo = make, has_echo
        self._open: dict[str, set[WebSocketConnection]] = {}
        self.greetings: list[str] = []

    async def serve(self, request: WebSocketRequest) -> None:
        connection = await request.accept()
        members = self._open.setdefault(request.path, set())
        members.add(connection)
        try:
            while True:
                await self._send_on(connection, members, await connection.get_message())
        except ConnectionClosed:
            members.discard(connection)

    async def _send_on(
        self, sender: WebSocketConnection, members: set[WebSocketConnection], text: str
    ) -> None:
        if text.startswith("subscribe"):
            self.greetings.append(text)
            return
        for member in list(members):
            if member is not sender or self._has_echo:
                await member.send_message(self._make(text))


async def load_room(room: Room, **arguments: object) -> tuple[RunReport, CloseReport]:
    async with trio.open_nursery() as nursery:
        server = await nursery.start(
            functools.partial(serve_websocket, room.serve, "127.0.0.1", 0, ssl_context=None)
        )
        outcome = await trio.to_thread.run_sync(
            functools.partial(drive, server.port, path="/{channel}", **arguments)
        )
        nursery.cancel_scope.cancel()
    return outcome


def assert_all_arrived(report: RunReport, receivers: int) -> None:
    assert report.delivered == report.expected == report.sent * receivers > 0
    wrong = (report.lost, report.duplicated, report.reordered, report.unexpected, report.dropped)
    assert not any(wrong)


async def test_an_echo_server() -> None:
    report, closing = await load_room(
        Room(str, has_echo=True), members=1, channels=3, has_echo=True, template="{stamp}   "
    )
    assert_all_arrived(report, receivers=1)
    assert closing.close_codes == {1000: 3}


async def test_a_broadcast_server_that_greets_and_wraps() -> None:
    room = Room(lambda text: f'{{"event":"new","data":{text},"at":{time.time()}}}', has_echo=False)
    report, _ = await load_room(
        room,
        members=4,
        senders=2,
        channels=2,
        greeting="subscribe {channel} {member}",
        template='{"room":"{channel}","text":"{stamp}"}',
    )
    assert_all_arrived(report, receivers=3)
    assert sorted(room.greetings) == [f"subscribe {i // 4} {i}" for i in range(8)]


async def test_a_server_that_parses_and_writes_anew() -> None:
    def anew(text: str) -> str:
        message = json.loads(text)
        return json.dumps({"n": message["n"] + 1, "deep": [{"t": message["t"]}], "ω": "é\u2028"})

    report, _ = await load_room(
        Room(anew, has_echo=True),
        members=2,
        has_echo=True,
        template='{"n": {sequence}, "t": "{stamp}"}',
    )
    assert_all_arrived(report, receivers=2)


TEMPLATE = '{"c":"{channel}","s":{sender},"n":{sequence},"t":{sent},"x":"{stamp}","p":"{padding}"}'


@pytest.mark.parametrize("lead", range(9))
def test_every_place_holds_what_it_says_wherever_it_lies(lead: int) -> None:
    """The masking key has four bytes: each place is right at each distance from it."""
    template = " " * lead + TEMPLATE
    before = time.time() * 1000
    with FakeServer(wrap=lambda payload: frame(TEXT, b"> " + payload)) as server:
        report, _ = drive(
            server.port, channels=11, members=3, senders=3, template=template, payload_bytes=300
        )
    assert_all_arrived(report, receivers=2)
    numbers: dict[tuple[str, int], list[int]] = {}
    for text in server.messages:
        assert len(text) == 300
        message = json.loads(text)
        stamp = re.fullmatch(
            r"relay(\d{5})slot-(\d{5})numb-(\d{8})([0-9a-v]{4})-(\d{15})", message["x"]
        )
        assert stamp is not None
        assert (message["s"], message["n"]) == (int(stamp[1]), int(stamp[3]))
        assert int(message["c"]) == int(stamp[4], 32)
        assert before - 1 <= message["t"] <= time.time() * 1000 + 1
        numbers.setdefault((message["c"], message["s"]), []).append(message["n"])
    assert {channel for channel, _ in numbers} == {f"{i:02}" for i in range(11)}
    assert all(found == list(range(len(found))) for found in numbers.values())


def test_the_channel_is_spelled_alike_in_the_path() -> None:
    with FakeServer() as server:
        generator = Generator(
            server.port, path="/x/{channel}", channels=11, members=1, template="{stamp}{channel}  "
        )
        generator.connect(10)
        generator.close()
    paths = {head.split(b" ", 2)[1] for head in server.requests}
    assert paths == {b"/x/%02d" % i for i in range(11)}


@pytest.mark.parametrize(
    ("path", "template", "greeting", "is_enough"),
    [
        ("/", "{stamp}   ", "", False),
        ("/{channel}", "{stamp}   ", "", True),
        ("/", "{stamp} {channel}  ", "", True),
        ("/", "{stamp}   ", "join {channel}", True),
        ("/", "", "join {channel}", False),
    ],
)
def test_something_tells_the_channels_apart(
    path: str, template: str, greeting: str, is_enough: bool
) -> None:
    arguments = {"path": path, "template": template, "greeting": greeting}
    if is_enough:
        Generator(1, channels=2, **arguments)  # type: ignore[arg-type]
        return
    with pytest.raises(ValueError, match=r"^path: must contain \{channel\}"):
        Generator(1, channels=2, **arguments)  # type: ignore[arg-type]


def test_other_frames_are_the_server_s_own_affair() -> None:
    extra = [b"welcome", b'{"type":"error"}', b"relay", b"relay00000slot-", b"x" * 500]

    def add(receiver: int, frames: list[bytes]) -> list[bytes]:
        return [*(frame(TEXT, each) for each in extra), *frames]

    with FakeServer(misdeliver=add) as server:
        report, _ = drive(server.port, members=2, template="{stamp}    ")
    assert report.delivered == report.expected > 0
    assert report.events >= len(extra)
    assert (report.errors, report.unexpected) == (0, 0)


def test_a_stamp_is_found_behind_what_looks_like_one() -> None:
    def wrap(payload: bytes) -> bytes:
        return frame(TEXT, b"relay relay00001slot- relayrelay" + payload + b"relay")

    with FakeServer(wrap=wrap) as server:
        report, _ = drive(server.port, members=3, template="<{stamp}>  ")
    assert_all_arrived(report, receivers=2)


def test_an_echo_counts_only_when_it_is_asked_for() -> None:
    with FakeServer(has_echo=True) as server:
        asked, _ = drive(server.port, members=3, has_echo=True)
        not_asked, _ = drive(server.port, members=3)
    assert_all_arrived(asked, receivers=3)
    assert not_asked.unexpected == not_asked.echoed > 0
    assert asked.echoed == 0


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("no stamp", "exactly once"),
        ("{stamp}{stamp}", "exactly once"),
        ("{stamp}{uid}", "{uid} is no placeholder"),
        ("{stamp}", "from 56 to 1048576 bytes, not 53; {padding} in it fills it up"),
        ("{stamp}xx", "from 56 to 1048576 bytes, not 55; {padding}"),
        ("{stamp}" + "x" * 1_048_576, "from 56 to 1048576 bytes, not 1048629"),
        ("{stamp}   " + "{sender}" * 17, "more than 16"),
    ],
)
def test_templates_that_cannot_be_sent(template: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^template: .*{re.escape(text)}"):
        Generator(1, template=template)


@pytest.mark.parametrize(
    ("template", "payload"),
    [
        ("{stamp}xxx", STAMP + "xxx"),
        ("{stamp}" + "x" * (1_048_576 - 53), STAMP + "x" * (1_048_576 - 53)),
        ("{} {Stamp} {stamp}", "{} {Stamp} " + STAMP),
        ("{stamp}{padding}{channel}", STAMP + "x" * 10 + "0"),
        ("{padding}{stamp}   " + "{sender}" * 16, STAMP + "   " + "    0" * 16),
    ],
)
def test_a_message_by_template(template: str, payload: str) -> None:
    assert Generator(1, template=template).payload.decode() == payload


def test_a_greeting_is_bounded() -> None:
    Generator(1, greeting="x" * 1_048_576)
    with pytest.raises(ValueError, match=r"^greeting: "):
        Generator(1, greeting="x" * 1_048_577)
