"""The page behind a proxy that serves the relay by https and below a path of its own."""

from __future__ import annotations

import pytest
from browser.proxy import serve_proxy
from support.member import Visitors


@pytest.fixture
def far_home(relay):
    with serve_proxy(relay.address) as url:
        yield url


@pytest.fixture
def tab(open_tab):
    tab = open_tab()
    tab.call("Security.setIgnoreCertificateErrors", ignore=True)
    return tab


def test_a_visit(tab, far_home, visit: Visitors, channel):
    tab.show(far_home)
    tab.fill("#channel", f"{channel}/a//b")
    tab.fill("#name", "Ann")
    tab.press("Enter")
    tab.wait_until_joined()
    assert tab.evaluate("location.href") == f"{far_home}c/{channel}/a//b"
    member = visit.join(f"{channel}/a//b")
    tab.wait_for_text(".note", "2 here")
    tab.say("from afar")
    assert member.receive_message() == "from afar"
    tab.show(f"{far_home}c/{channel}/a//b").wait_until_joined()
    member.receive_total(2)
    tab.click("#home")
    tab.wait_for("document.body.dataset.view === 'start'")
    assert tab.evaluate("location.href") == far_home
    assert {url for url in tab.requests if not url.startswith(far_home)} == set()


def test_the_lines_to_copy(tab, far_home, channel):
    tab.show(f"{far_home}c/{channel}").wait_until_joined()
    tab.click("#show-code")
    lines = tab.texts("#code code")
    socket_url = f"wss{far_home.removeprefix('https')}c/{channel}"
    assert [socket_url in line for line in lines] == [True] * 4 + [False] * 2
    assert all(f"'{far_home}c/{channel}" in line for line in lines[4:])
