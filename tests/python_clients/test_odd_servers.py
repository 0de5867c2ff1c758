"""Servers, and members, that send what they should not: nobody loses anything by it but them."""

from __future__ import annotations

import os
import pty
import re
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme
from support.connection import LIMIT_SECONDS
from support.member import Visitors
from support.process import COMMAND

import relay
from relay.client.events import event_of

from .heard import Heard
from .odd_server import LAST, ODD_FRAMES, OWN_JOIN, serving
from .test_listen_send import environment_of, one_line, run

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def look_at(event: Any) -> None:
    """All that a listener may ask an event for."""
    repr(event), event.date, event.sent_at, event.envelope, "x" in event, getattr(event, "x", None)


def test_no_frame_raises() -> None:
    seen = [event_of(frame) for frame in ODD_FRAMES]
    for event in seen:
        if event is not None:
            look_at(event)
    assert sum(event is not None for event in seen) > len(seen) / 2


def test_a_channel_goes_on_and_so_do_others(
    visit: Visitors, base_url: str, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    odd, other, looked_at = Heard(), Heard(), Heard()
    with serving(*ODD_FRAMES, LAST) as url, relay.connect(channel) as sound:
        sound.on("message", other)
        with relay.connect(f"{url}/c/room") as made:
            made.on("*", look_at).on(lambda event: "x" in event, look_at).on("*", looked_at)
            made.on(lambda event: event.message == "the last", odd)
            assert odd.next_of(relay.MessageEvent).message == "the last"
            visit.join(channel).send_text('"still here"')
            assert other.next_of(relay.MessageEvent).message == "still here"
        assert made.wait(LIMIT_SECONDS) is not None
    names = {
        record.message.split(" ")[0] for record in caplog.records if record.levelname == "ERROR"
    }
    assert names <= {"AttributeError"}, "a listener has met another error than a missing field"


async def test_an_open_channel_goes_on() -> None:
    with serving(*ODD_FRAMES, LAST, then_close=True) as url:
        async with relay.open_channel(f"{url}/c/room") as made:
            made.on("*", look_at)
            with trio.fail_after(LIMIT_SECONDS):
                events = [event async for event in made]
    assert isinstance(events[-1], relay.MessageEvent)
    assert events[-1].message == "the last"


def test_an_authority_of_ones_own(tmp_path: Path) -> None:
    """Channels and commands take it from the environment."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving(OWN_JOIN, LAST, then_close=True, ssl_context=context) as url:
        trusted = run(url, "listen", "room", "--count", "1", SSL_CERT_FILE=str(tmp_path / "ca.pem"))
        assert (trusted.returncode, trusted.stderr) == (0, "")
        with pytest.raises(relay.ConnectError, match="certificate is not accepted"):
            relay.connect(f"{url}/c/room").open().wait(LIMIT_SECONDS)


def on_a_terminal(url: str, *arguments: str, **variables: str) -> tuple[int, str]:
    """The exit code of a command, and what it wrote there."""
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env=environment_of(url, TERM="xterm-256color", **variables),
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    try:
        while chunk := os.read(screen, 65536):
            shown += chunk
    except OSError:  # how Linux says that the other side has been closed
        pass
    os.close(screen)
    return process.wait(3 * LIMIT_SECONDS), shown.decode(errors="replace")


@pytest.mark.parametrize("variables", [{}, {"LC_ALL": "C", "PYTHONIOENCODING": "latin-1"}])
def test_listen_on_a_terminal_shows_all_and_obeys_nothing(variables: dict[str, str]) -> None:
    with serving(OWN_JOIN, *ODD_FRAMES, LAST, then_close=True) as url:
        code, shown = on_a_terminal(url, "listen", "room", **variables)
    assert code == 1, shown[-2000:]
    plain = COLOURS.sub("", shown)
    assert "the last" in plain
    assert "Traceback" not in plain
    assert not re.search(
        "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202e\u2066\ufeff]", plain
    )
    assert "\\u001b]0;x\\u0007" in plain
    assert "\\ud800" in plain
    assert "Infinity" in plain
    assert len(plain.splitlines()) >= len(ODD_FRAMES)


def test_listen_in_a_pipe_writes_whole_lines() -> None:
    with serving(OWN_JOIN, *ODD_FRAMES, LAST, then_close=True) as url:
        result = run(url, "listen", "room")
    lines = result.stdout.split("\n")
    assert all(event_of(line) is not None for line in lines[:-1])
    assert lines[-2:] == [LAST, ""]
    assert "closed with 1000" in result.stderr


@pytest.mark.parametrize("command", [("send", "room", "1"), ("listen", "room")])
def test_the_words_of_a_server_cannot_drive_a_terminal(command: tuple[str, ...]) -> None:
    error = '{"type":"error","message":"no \\u001b]0;x\\u0007 \\ud800","date":1}'
    with serving(OWN_JOIN, error) as url:
        result = run(url, *command)
    assert result.returncode == 3
    assert "\x1b" not in one_line(result.stderr)
