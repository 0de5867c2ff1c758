"""Every example runs, against a relay, and does what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.connection import LIMIT_SECONDS
from support.fixtures import StartRelay
from support.member import Visitors

from .heard import url_of
from .test_listen_send import environment_of

EXAMPLES = Path(__file__).parents[2] / "examples"
TESTED = {"chat", "cursors", "sensor_feed", "bot", "asyncio_bridge"}

RunExample = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def example(base_url: str) -> Iterator[RunExample]:
    """Starts an example; what still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def start(name: str, *arguments: str, url: str = base_url) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *arguments],
            env=environment_of(url),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def assert_ends(process: subprocess.Popen[str], *, stdin: str | None = None) -> str:
    """It ends by itself, without an error; what it has written on stdout."""
    output, errors = process.communicate(stdin, timeout=3 * LIMIT_SECONDS)
    assert process.returncode == 0, errors
    return output


def say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == TESTED


def test_chat(example: RunExample, channel: str) -> None:
    ann = example("chat", channel, "Ann")
    assert hear(ann) == "* 1 here"
    bob = example("chat", channel, "Bob")
    assert (hear(ann), hear(bob)) == ("* 2 here", "* 2 here")
    say(ann, "hello Bob")
    assert hear(bob) == "Ann: hello Bob"
    say(ann, "bye")
    say(ann, "")
    assert assert_ends(ann) == ""
    assert [hear(bob), hear(bob)] == ["Ann: bye", "* 1 here"]
    assert_ends(bob, stdin="")


def test_cursors(example: RunExample, visit: Visitors, channel: str) -> None:
    member = visit.join(channel)
    output = assert_ends(example("cursors", channel, "Ann", "3"))
    assert output.splitlines()[0] == "{'Ann': (1.0, 0.0)}"
    events = member.receive_total(1)
    cursors = [event["message"] for event in events if "message" in event]
    assert [cursor["x"] for cursor in cursors] == [1.0, 0.995, 0.978]


def test_sensor_feed_outlives_a_restart(
    example: RunExample, start_relay: StartRelay, channel: str
) -> None:
    server = start_relay("--drain-time", "0")
    port = str(server.address[1])
    feed = example("sensor_feed", channel, url=url_of(server))
    say(feed, "1.5 2")
    with Visitors(server.address) as visitors:
        listener = visitors.join(channel)
        say(feed, "2.5 3")
        event = listener.receive_through(lambda event: "message" in event)[-1]
        assert event["alias"] == "sensor"
    server.stop()
    again = start_relay("--port", port, "--drain-time", "0")
    with Visitors(again.address) as visitors:
        listener = visitors.join(channel)
        say(feed, "3.5 4")
        assert_ends(feed)
        events = listener.receive_total(1)
        numbers = [event["message"]["number"] for event in events if "message" in event]
        assert numbers == [3]


def test_bot(example: RunExample, visit: Visitors, channel: str) -> None:
    asker, bystander = visit.join(channel, as_="Ann"), visit.join(channel)
    bot = example("bot", channel)
    assert hear(bot) == "3 here"
    asker.send_text('{"ask": "who"}')
    asker.send_text('{"ask": "time"}')
    asker.send_text('{"ask": ["what"]}')
    answers = [event["message"]["answer"] for event in asker.settle() if "message" in event]
    while len(answers) < 3:
        event = asker.receive_event()
        answers += [event["message"]["answer"]] if "message" in event else []
    assert answers[0] == ["Ann"]
    assert answers[1].endswith("+00:00")
    assert answers[2] == "ask me for time or who"
    assert not [e for e in bystander.settle() if "answer" in str(e.get("message"))]
    bot.send_signal(signal.SIGINT)
    assert bot.wait(3 * LIMIT_SECONDS) == -signal.SIGINT


def test_asyncio_bridge(example: RunExample, visit: Visitors, channel: str) -> None:
    member = visit.join(channel)
    adder = example("asyncio_bridge", channel)
    member.receive_total(2)
    for number, total in ((5, 5), (2.5, 7.5)):
        member.send_text(str(number))
        assert member.receive_message() == {"total": total}
    os.kill(adder.pid, signal.SIGINT)
    assert adder.wait(3 * LIMIT_SECONDS) == -signal.SIGINT
