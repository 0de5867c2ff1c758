"""The dashboard that a relay serves, under a load that is known."""

from __future__ import annotations

import re
import signal
from itertools import pairwise

import msgspec
import pytest
from browser.dashboard_page import DashboardPage
from support.fixtures import visit_at
from support.floods import kicked
from support.websocket import upgrade_head

from relay.commands.quantities import rate
from relay.commands.rates import Snapshot, moment_of

__all__ = ["visit_at"]

ADMIN = ("--admin", "127.0.0.1:0")
NOTHING = "\N{EN DASH}"
TOKEN = "0123456789abcdef-s3cret"


def url_of(server):
    host, port = server.admin_address
    return f"http://{host}:{port}/"


@pytest.fixture
def dashboard(chromium):
    page = DashboardPage(chromium)
    yield page
    assert page.close() == []


def shown_rates(dashboard, card, count):
    """What the card shows for each of the first answers, by the keyboard."""
    dashboard.focus(f".{card} .plot")
    dashboard.press("Home")
    shown = [dashboard.text(f".{card} .value")]
    for _ in range(count - 1):
        dashboard.press("ArrowRight")
        shown.append(dashboard.text(f".{card} .value"))
    dashboard.press("Escape")
    return shown


def expected_rates(answers, name):
    """The sums of `relay top`, of the same answers."""
    snapshots = [msgspec.convert(answer, Snapshot) for answer in answers]
    return [rate(moment_of(*step).total.rates[name]) for step in pairwise(snapshots)]


def test_it_shows_what_was_sent_and_delivered(dashboard, start_relay, visit_at, channel):
    server = start_relay(*ADMIN, "--message-burst", "2000")
    visit = visit_at(server)
    dashboard.open(url_of(server))
    dashboard.wait_for_figure("connections", "0")
    sender, *readers = [visit.join(channel) for _ in range(4)]
    for number in range(1200):
        sender.send_text(str(number))
    for reader in readers:
        reader.receive_through(lambda event: event.get("message") == 1199)
    dashboard.wait_for_figure("connections", "4")
    dashboard.wait_for_figure("channels", "1")
    dashboard.wait_for_text(".messages .note", "1,200 since the start")
    dashboard.wait_for_text(".deliveries .note", "3,600 since the start")
    dashboard.wait_for_text(".joins .note", "4 since the start")
    answers = dashboard.evaluate("answers")
    for card, name in (
        ("messages", "messages"),
        ("deliveries", "deliveries"),
        ("joins", "admitted"),
    ):
        shown = shown_rates(dashboard, card, len(answers))
        assert shown == [NOTHING, *expected_rates(answers, name)]
        assert any(text not in (NOTHING, "0/s") for text in shown)


def test_it_shows_how_connections_ended(dashboard, start_relay, visit_at, channel):
    server = start_relay(*ADMIN, "--message-burst", "2", "--message-rate", "1")
    visit = visit_at(server)
    dashboard.open(url_of(server))
    leaving, breaking, flooding = (visit.join(channel) for _ in range(3))
    leaving.leave()
    breaking.reset()
    assert kicked(flooding)[1] == 1008
    visit.call(upgrade_head("/c/" + "x" * 600)).receive_response()
    dashboard.wait("document.querySelectorAll('.closes tbody tr').length === 3")
    assert sorted(dashboard.texts(".closes tbody th")) == [
        "1000 normal",
        "1006 no close frame",
        "1008 policy",
    ]
    assert dashboard.texts(".closes tbody td:nth-of-type(2)") == ["1"] * 3
    dashboard.wait_for_text(".kicks .note", "1 since the start")
    dashboard.wait_for_text(".refusals .note", "1 since the start")


def test_the_token_of_a_relay(dashboard, start_relay, tmp_path):
    config = tmp_path / "relay.toml"
    config.write_text(f'admin_token = "{TOKEN}"\n')
    server = start_relay(*ADMIN, "--config", str(config))
    dashboard.open(url_of(server))
    dashboard.wait_for_state("token")
    dashboard.enter("another-token-0123456789")
    dashboard.wait_for_text("#token-note", "This token is not the one.")
    dashboard.enter(TOKEN)
    dashboard.wait_for_state("live")
    dashboard.wait_for_figure("connections", "0")


def test_a_relay_that_closes_everyone(dashboard, start_relay, visit_at, channel):
    server = start_relay(*ADMIN)
    member = visit_at(server).join(channel)
    dashboard.open(url_of(server))
    dashboard.wait_for_figure("connections", "1")
    server.send_signal(
        signal.SIGTERM
    )  # the member does not answer the close, so this takes a while
    assert dashboard.wait_for_state("draining") == "Draining: everyone is being closed"
    member.close()
    assert server.wait() == 0


def test_a_relay_that_ends_and_another_in_its_place(dashboard, start_relay, visit_at, channel):
    server = start_relay(*ADMIN)
    url = url_of(server)
    dashboard.open(url)
    visit_at(server).join(channel)
    dashboard.wait_for_figure("connections", "1")
    server.stop()
    words = dashboard.wait_for_state("silent")
    assert re.fullmatch(r"No answer since \d\d:\d\d:\d\d; still trying", words)
    assert dashboard.evaluate("document.title").startswith("No answer since")
    dashboard.wait_for_figure("connections", NOTHING)
    start_relay(
        "--admin", url.removeprefix("http://").rstrip("/")
    )  # the port was free a moment ago
    dashboard.wait_for_state("live")
    dashboard.wait_for_figure("connections", "0")
    dashboard.wait_for_figure("messages", "0/s")
