"""The list of origins on the wire (RFC 6455 section 10.2)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.arrivals import SWITCHING, ask
from support.fixtures import VisitAt
from support.member import Visitors
from support.process import RelayProcess
from support.websocket import upgrade_head

LISTED = "https://example.com,https://*.example.net:8443,http://localhost:8000"


@pytest.fixture(scope="module")
def choosy() -> Iterator[RelayProcess]:
    with RelayProcess("--origins", LISTED) as server:
        yield server


@pytest.fixture
def guests(choosy: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(choosy)


@pytest.mark.parametrize(
    "origin",
    [
        "https://example.com",
        "https://example.com:443",
        "HTTPS://Example.COM",
        "https://a.example.net:8443",
        "https://a.b.example.net:8443",
        "http://localhost:8000",
    ],
)
def test_a_listed_origin_may_connect(guests: Visitors, channel: str, origin: str) -> None:
    for target in (f"/c/{channel}", f"/r/{channel}", f"/parties/main/{channel}"):
        assert ask(guests, target, {"Origin": origin}).status == SWITCHING


@pytest.mark.parametrize(
    "origin",
    [
        "https://example.org",
        "http://example.com",
        "https://example.com:8443",
        "https://example.com.evil.org",
        "https://evilexample.com",
        "https://www.example.com",
        "https://example.net:8443",
        "https://a.example.net",
        "http://localhost",
        "null",
        "",
        "https://example.com/",
        "https://example.com, https://example.com",
    ],
)
def test_another_is_refused(guests: Visitors, channel: str, origin: str) -> None:
    for target in (f"/c/{channel}", f"/r/{channel}", f"/parties/main/{channel}"):
        response = ask(guests, target, {"Origin": origin})
        assert response.status == 403
        assert response.body == b'{"error":"connections from this origin are not allowed"}'
        assert response.headers["access-control-allow-origin"] == "*"


def test_two_headers_are_none_that_is_listed(guests: Visitors, channel: str) -> None:
    raw = b"Origin: https://example.com\r\nOrigin: https://example.org\r\n"
    caller = guests.call(upgrade_head(f"/c/{channel}", raw=raw))
    assert caller.receive_response().status == 403


def test_a_program_sends_none_and_may_connect(guests: Visitors, channel: str) -> None:
    assert guests.join(channel).joined["total"] == 1


def test_a_refused_page_leaves_no_trace(guests: Visitors, channel: str) -> None:
    member = guests.join(channel)
    assert ask(guests, f"/c/{channel}", {"Origin": "https://example.org"}).status == 403
    assert member.settle() == []
    assert guests.join(channel).joined["total"] == 2


def test_plain_http_is_for_every_page(guests: Visitors) -> None:
    caller = guests.connect()
    caller.send(b"GET /health HTTP/1.1\r\nHost: relay.test\r\nOrigin: https://example.org\r\n\r\n")
    assert caller.receive_response().status == 200


@pytest.mark.parametrize("origin", ["https://example.org", "null", "nonsense"])
def test_without_a_list_any_may_connect(visit: Visitors, channel: str, origin: str) -> None:
    assert ask(visit, f"/c/{channel}", {"Origin": origin}).status == SWITCHING
