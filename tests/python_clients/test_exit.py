"""How programs end that use `relay.connect`: nothing that was queued is lost, and nothing keeps the process."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest
from support.connection import LIMIT_SECONDS
from support.member import Visitors

from .test_listen_send import environment_of

ONE_LOST = "queued messages that were never sent: 1\n"
HEAD = "import relay, sys, threading; room = sys.argv[1]; connect = lambda *a, **k: relay.connect(*a, **k)\n"


def start(program: str, base_url: str, channel: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", HEAD + program, channel],
        env=environment_of(base_url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code and stderr; fails when the process does not end."""
    try:
        _, errors = process.communicate(timeout=3 * LIMIT_SECONDS)
    finally:
        process.kill()
        process.communicate()
    return process.returncode, errors


@pytest.mark.parametrize(
    "program",
    [
        "for i in range(1000): c = connect(room).send(i) if i == 0 else c.send(i)",
        "c = connect(room)\nfor i in range(1000): c.send(i)\nc.close()",
        "c = connect(room, reconnect=True)\nfor i in range(1000): c.send(i)",
        "with connect(room) as c:\n for i in range(1000): c.send(i)",
        "c = connect(room)\nfor i in range(1000): c.send(i)\nsys.exit(0)",
        "c = connect(room)\nt = threading.Thread(target=lambda: [c.send(i) for i in range(1000)])\nt.start()",
    ],
)
def test_nothing_queued_is_lost(visit: Visitors, base_url: str, channel: str, program: str) -> None:
    member = visit.join(channel)
    assert outcome(start(program, base_url, channel)) == (0, "")
    events = member.receive_total(1)
    assert [event["message"] for event in events if "message" in event] == [*range(1000)]


@pytest.mark.skipif(
    sys.version_info[:2] == (3, 12), reason="this Python starts no thread at its exit"
)
def test_a_client_that_is_first_used_at_the_exit(
    visit: Visitors, base_url: str, channel: str
) -> None:
    member = visit.join(channel)
    program = "import atexit\natexit.register(lambda: relay.connect(room).send(5))"
    assert outcome(start(program, base_url, channel)) == (0, "")
    member.receive_total(2)
    assert member.receive_message() == 5


def test_a_host_name_that_is_first_asked_for_at_the_exit(
    visit: Visitors, base_url: str, channel: str
) -> None:
    member = visit.join(channel)
    program = (
        "import trio, os\nasync def url():\n await trio.sleep(0.1)\n"
        " return os.environ['RELAY_URL'] + '/c/' + room\n"
        "relay.ReconnectingWebSocket(url).send('5')"
    )
    by_name = base_url.replace("127.0.0.1", "localhost")
    assert outcome(start(program, by_name, channel)) == (0, "")
    member.receive_total(2)
    assert member.receive_message() == 5


def test_an_open_channel_keeps_no_process(visit: Visitors, base_url: str, channel: str) -> None:
    member = visit.join(channel)
    program = "e = threading.Event(); connect(room).on('open', lambda _: e.set()); e.wait()"
    assert outcome(start(program, base_url, channel)) == (0, "")
    assert [event["type"] for event in member.receive_total(1)] == ["join", "leave"]


def test_an_error_of_the_program_is_its_own(base_url: str, channel: str) -> None:
    code, errors = outcome(
        start("connect(room).send(1); raise KeyError('mine')", base_url, channel)
    )
    assert code == 1
    assert "KeyError: 'mine'" in errors


@pytest.mark.parametrize(
    "program",
    ["connect(room).send(1)", "connect(room, reconnect=True).send(1)", "connect(room).open()"],
)
def test_a_relay_that_never_answers_keeps_no_process(channel: str, program: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        base_url = f"ws://127.0.0.1:{mute.getsockname()[1]}"
        told = ONE_LOST if "send" in program else ""
        assert outcome(start(program, base_url, channel)) == (0, told)


def test_no_relay_keeps_no_process(channel: str) -> None:
    program = "connect(room, reconnect=True, base_url='ws://127.0.0.1:1').send(1)"
    code, errors = outcome(start(program, "ws://127.0.0.1:1", channel))
    assert (code, errors) == (0, ONE_LOST)


@pytest.mark.parametrize(
    "program",
    [
        "[connect(room, base_url='ws://127.0.0.1:1').send(1) for _ in range(1)]",
        "c = connect(room, base_url='ws://127.0.0.1:1').send(1)",
        "relay.PartySocket(host='127.0.0.1:1', room=room).send('x')",
        "s = relay.PartySocket(host='127.0.0.1:1', room=room, start_closed=True); s.send('x')",
    ],
)
def test_what_is_lost_is_told(channel: str, program: str) -> None:
    code, errors = outcome(start(program, "ws://127.0.0.1:1", channel))
    assert (code, errors) == (0, ONE_LOST)


def test_what_a_forked_child_inherits_is_not_lost(base_url: str, channel: str) -> None:
    program = (
        "import os\ns = relay.PartySocket(host='h', room=room, start_closed=True)\n"
        "s.send('x')\nif os.fork() == 0: sys.exit()\nos.wait(); s.drain_queued_messages()"
    )
    assert outcome(start(program, base_url, channel)) == (0, "")


def test_a_listener_that_blocks_keeps_no_process(base_url: str, channel: str) -> None:
    program = (
        "e = threading.Event()\n"
        "connect(room).on('open', lambda _: (e.set(), threading.Event().wait()))\n"
        "e.wait()"
    )
    assert outcome(start(program, base_url, channel))[0] == 0


def test_ctrl_c_ends_wait(visit: Visitors, base_url: str, channel: str) -> None:
    member = visit.join(channel)
    process = start("connect(room).on('message', print).wait()", base_url, channel)
    member.receive_total(2)
    process.send_signal(signal.SIGINT)
    code, errors = outcome(process)
    assert code == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert member.receive_event()["type"] == "leave"


def test_a_child_after_a_fork(visit: Visitors, base_url: str, channel: str) -> None:
    member = visit.join(channel)
    program = (
        "import os, warnings; warnings.simplefilter('ignore')\n"
        "with connect(room) as c: c.send('parent')\n"
        "child = os.fork()\n"
        "if child == 0:\n with connect(room) as c: c.send('child')\n"
        "else: assert os.waitpid(child, 0)[1] == 0"
    )
    assert outcome(start(program, base_url, channel)) == (0, "")
    messages = [
        event["message"]
        for event in (*member.receive_total(1), *member.receive_total(1))
        if "message" in event
    ]
    assert messages == ["parent", "child"]
