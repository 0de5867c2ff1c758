"""The running relay, pages of Chromium, and a Node process to chat with."""

from __future__ import annotations

from contextlib import ExitStack
from urllib.parse import quote

import pytest
from browser.chromium import Chromium
from browser.tab import Tab
from browser.website import serve_website
from clients.fixtures import channel_url, node_host, start_node
from clients.tools import find_node, find_tool
from support.fixtures import channel, relay, start_relay, visit, visit_at

__all__ = [
    "channel",
    "channel_url",
    "node_host",
    "relay",
    "start_node",
    "start_relay",
    "visit",
    "visit_at",
]


@pytest.fixture(scope="package")
def new_chromium(tmp_path_factory):
    """Makes a Chromium with a profile of its own; the caller enters its context."""
    find_node()  # the page takes the client from the npm package
    executable = find_tool("chromium", "chromium-browser")
    return lambda: Chromium(executable, tmp_path_factory.mktemp("profile"))


@pytest.fixture(scope="package")
def chromium(new_chromium):
    with new_chromium() as chromium:
        yield chromium


@pytest.fixture
def start_chromium(new_chromium):
    """Starts another browser."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(new_chromium())


@pytest.fixture(scope="package")
def page_url():
    with serve_website() as url:
        yield url


@pytest.fixture
def open_page(chromium, start_chromium, page_url):
    """Opens the page in a new tab (which is closed before the browsers of `start_chromium` are)."""
    pages = []

    def open_page(browser=chromium):
        page = browser.new_page().visit(page_url)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
        assert page.errors == []


@pytest.fixture(scope="package")
def shared_page(chromium, page_url):
    return chromium.new_page().visit(page_url)


@pytest.fixture
def host(shared_page):
    yield shared_page
    shared_page.close_clients()
    assert shared_page.errors == []


@pytest.fixture
def open_tab(chromium):
    """Opens an empty tab; in the end nothing may have gone wrong in it, nor come from elsewhere."""
    tabs = []

    def open_tab():
        tab = chromium.new_tab(Tab).watch()
        tabs.append(tab)
        return tab

    yield open_tab
    for tab in tabs:
        tab.forget()
        tab.close()
        assert (tab.errors, tab.complaints, tab.dialogs) == ([], [], [])


@pytest.fixture
def home(relay):
    """The address of the relay's page."""
    host, port = relay.address
    return f"http://{host}:{port}/"


@pytest.fixture
def enter(open_tab, home, channel):
    """Opens a tab with the page of the test's channel, as somebody of this name."""

    def enter(name=""):
        query = f"?as={quote(name, safe='')}" if name else ""
        return open_tab().enter(f"{home}c/{quote(channel, safe='')}{query}")

    return enter
