"""The lines to copy: each is run as it stands, in channels and under names that need quoting, and can be copied."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from clients.tools import environment, find_node, find_tool
from support.connection import LIMIT_SECONDS
from support.member import Visitors

NAMES = {
    "plain": ("", "Ann"),
    "none": ("", ""),
    "quoted": ('/it\'s "quoted" $HOME `id` !!', 'Ann\'s "$HOME" `id` \\ !!'),
    "foreign": ("/日本?#&=+%41 {a,b}[1-2]", "Ünï 👋 &as=x"),
}

under_names = pytest.mark.parametrize(("suffix", "alias"), NAMES.values(), ids=NAMES)


@pytest.fixture
def tab(open_tab, home, channel, suffix, alias):
    """A tab with the lines for the channel that the test's member is in."""
    tab = open_tab().show(home)
    tab.fill("#channel", channel + suffix)
    tab.fill("#name", alias)
    tab.click("#show-code")
    return tab


@pytest.fixture
def member(visit: Visitors, channel, suffix):
    return visit.join(channel + suffix)


def lines(tab, language):
    return tab.texts(f"#panel-{language} code")


@contextmanager
def run(line, *, shell=True):
    """Run a line as its reader would: in a shell, or (a module) in Node."""
    find_node()
    variables = {**environment(), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    if not has_websocket():
        variables["NODE_OPTIONS"] = "--experimental-websocket"
    process = subprocess.Popen(
        ["sh", "-c", line] if shell else [find_node(), "--input-type=module", "--eval", line],
        cwd=Path(__file__).parent.parent,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(LIMIT_SECONDS)
        process.stdout.close()


def has_websocket():
    command = [find_node(), "--print", "typeof WebSocket !== 'undefined'"]
    return (
        subprocess.run(command, capture_output=True, timeout=LIMIT_SECONDS).stdout.strip()
        == b"true"
    )


def assert_says_hello(member, alias):
    """The next message is the snippet's, under the name that was given."""
    *_, message = member.receive_through(lambda event: "message" in event)
    assert (message["message"], message.get("alias", "")) == ("hello", alias)


def assert_listens(member, process):
    member.send_text('"to the snippet"')
    for line in process.stdout:
        if "to the snippet" in line:
            return
    raise AssertionError("it ended")


@under_names
def test_browser(tab, member, alias):
    tab.evaluate(
        "console.log = (log => (...all) => { (window.logged ??= []).push(all.join()); log(...all) })(console.log)"
    )
    tab.evaluate(lines(tab, "browser")[0] + "; 0")
    assert_says_hello(member, alias)
    member.send_text('"to the snippet"')
    tab.wait_for("logged.some(line => line.includes('to the snippet'))")


@under_names
def test_browser_module(tab, member, alias):
    with run(lines(tab, "browser")[1], shell=False) as process:
        assert_says_hello(member, alias)
        assert_listens(member, process)


@under_names
@pytest.mark.parametrize("language", ["node", "python"])
def test_program(tab, member, alias, language):
    [line] = lines(tab, language)
    with run(line) as process:
        assert_says_hello(member, alias)
        if language == "node":  # Python's output to a pipe comes when its buffer is full
            assert_listens(member, process)


@under_names
def test_curl_publishes(tab, member, alias):
    find_tool("curl")
    with run(lines(tab, "curl")[0]) as process:
        assert_says_hello(member, alias)
        assert json.loads(process.stdout.read()) == {"delivered": 1}


@under_names
def test_curl_listens(tab, member, alias):
    find_tool("curl")
    with run(lines(tab, "curl")[1]) as process:
        member.receive_total(2)
        assert_listens(member, process)


@pytest.mark.parametrize("suffix", ["[1-3]", "{a,b}", "[", "a'b;`id`"])
@pytest.mark.parametrize("place", [0, 1], ids=["publish", "listen"])
def test_curl_takes_a_name_from_the_address_bar_as_it_is(open_tab, home, channel, visit: Visitors, suffix, place):  # fmt: skip
    """A browser leaves brackets there as they are; for curl they are lists of URLs, and a link could make it ask a million."""
    find_tool("curl")
    member = visit.join(channel + suffix)
    tab = open_tab().enter(f"{home}c/{channel}{suffix}")
    member.receive_total(2)
    tab.click("#show-code")
    with run(lines(tab, "curl")[place]) as process:
        if place:
            member.receive_total(3)
            assert_listens(member, process)
        else:
            assert_says_hello(member, "")
            assert json.loads(process.stdout.read()) == {"delivered": 2}
