"""The page of the channels on the public listener: who gets it, with which headers, and that programs are served as before."""

from __future__ import annotations

import re

import pytest
from support.connection import Connection, Response
from support.member import Visitors

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
PLACES = [
    "/",
    "/c/",
    "/c/room",
    "/c/a/b",
    "/c/a%2Fb:c",
    "/c/%E6%97%A5%E6%9C%AC",
    "/c/%zz",
    "/c/room?as=Ann",
]


def ask(
    visit: Visitors,
    target: str,
    *,
    method: str = "GET",
    accept: str | None = BROWSER,
    **headers: str,
) -> Response:
    caller = visit.connect()
    return ask_again(caller, target, method=method, accept=accept, **headers)


def ask_again(
    caller: Connection,
    target: str,
    *,
    method: str = "GET",
    accept: str | None = BROWSER,
    **headers: str,
) -> Response:
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    if accept is not None:
        lines.append(f"Accept: {accept}\r\n")
    caller.send(f"{method} {target} HTTP/1.1\r\nHost: relay.test\r\n{''.join(lines)}\r\n".encode())
    return caller.receive_response(to_head=method == "HEAD")


@pytest.mark.parametrize("target", PLACES)
def test_a_browser_gets_the_page(visit: Visitors, target: str) -> None:
    response = ask(visit, target)
    assert (response.status, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert response.body.startswith(b"<!doctype html>")
    assert response.headers["vary"] == "Accept"


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain"])
def test_a_program_gets_its_line_of_text(visit: Visitors, accept: str | None) -> None:
    response = ask(visit, "/", accept=accept)
    assert (response.status, response.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert re.fullmatch(rb"relay \S+: connect a WebSocket to /c/<channel>\n", response.body)
    assert response.headers["vary"] == "Accept"


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
def test_a_program_is_told_how_to_connect(visit: Visitors, accept: str | None) -> None:
    response = ask(visit, "/c/room", accept=accept)
    assert response.status == 426
    assert response.headers["vary"] == "Accept"
    for way in (b"WebSocket", b"POST", b"Accept: text/event-stream"):
        assert way in response.body


@pytest.mark.parametrize("target", ["/r/room", "/parties/main/room", "/party/room"])
def test_where_only_programs_connect_there_is_no_page(visit: Visitors, target: str) -> None:
    assert ask(visit, target).status == 426


@pytest.mark.parametrize(("size", "status"), [(511, 200), (512, 200), (513, 414)])
def test_a_page_has_a_channel_that_can_be(visit: Visitors, size: int, status: int) -> None:
    assert ask(visit, "/c/" + "x" * size).status == status


@pytest.mark.parametrize(
    "target", ["/", "/c/room", "/assets/page.js", "/assets/page.css", "/assets/page-icon.svg"]
)
def test_what_a_browser_is_told_of_each_part(visit: Visitors, target: str) -> None:
    headers = ask(visit, target).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self';" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("page.js", "text/javascript; charset=utf-8"),
        ("page-connection.js", "text/javascript; charset=utf-8"),
        ("page.css", "text/css; charset=utf-8"),
        ("page-icon.svg", "image/svg+xml"),
    ],
)
def test_parts_and_their_types(visit: Visitors, name: str, media_type: str) -> None:
    for accept in (BROWSER, "*/*", None):
        response = ask(visit, f"/assets/{name}", accept=accept)
        assert (response.status, response.headers["content-type"]) == (200, media_type)
        assert response.body


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "page.html",
        "page.py",
        "../pages.py",
        "..%2fpages.py",
        "%2e%2e/server.py",
        "page.js/",
        "PAGE.JS",
        "page.js%00",
    ],
)
def test_other_parts_are_not_there(visit: Visitors, name: str) -> None:
    response = ask(visit, f"/assets/{name}")
    assert (response.status, response.headers["content-type"]) == (404, "application/json")


@pytest.mark.parametrize("target", ["/", "/c/room", "/assets/page.js"])
def test_head(visit: Visitors, target: str) -> None:
    caller = visit.connect()
    whole, bare = ask_again(caller, target), ask_again(caller, target, method="HEAD")
    assert (bare.status, bare.headers) == (200, whole.headers)
    assert int(bare.headers["content-length"]) == len(whole.body)
    assert ask_again(caller, "/health").body == b"ok", "a HEAD had a body"


@pytest.mark.parametrize("target", ["/", "/c/room", "/c/a/b", "/assets/page.js"])
def test_what_a_browser_has_is_not_sent_again(visit: Visitors, target: str) -> None:
    caller = visit.connect()
    tag = ask_again(caller, target).headers["etag"]
    again = ask_again(caller, target, If_None_Match=tag)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert ask_again(caller, target, If_None_Match='"other"').status == 200


def test_a_tag_of_one_depth_is_not_one_of_another(visit: Visitors) -> None:
    tag = ask(visit, "/").headers["etag"]
    assert ask(visit, "/c/room", If_None_Match=tag).status == 200
    assert ask(visit, "/c/room", If_None_Match=ask(visit, "/c/other").headers["etag"]).status == 304


@pytest.mark.parametrize("target", ["/", "/assets/page.js"])
def test_other_methods(visit: Visitors, target: str) -> None:
    response = ask(visit, target, method="DELETE")
    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_an_event_stream_is_no_page(visit: Visitors, channel: str) -> None:
    reader = visit.stream(f"/c/{channel}")
    assert reader is not None
    assert visit.join(channel).joined["total"] == 2
