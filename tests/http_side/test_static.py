"""Files of the web pages: their types, their tags, what a page may do, and that nothing else is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relay import static
from relay.requests import Request, Response
from relay.static import StaticFile, read_pages

TYPES = [
    ("page.html", b"text/html; charset=utf-8"),
    ("page.js", b"text/javascript; charset=utf-8"),
    ("page.css", b"text/css; charset=utf-8"),
    ("icon.svg", b"image/svg+xml"),
]


def ask(file: StaticFile, **headers: str) -> Response:
    request = Request()
    for name, value in headers.items():
        request.on_header(name.replace("_", "-").encode(), value.encode())
    return file.answer(request)


def header_of(response: Response, name: bytes) -> str:
    [line] = [line for line in response.headers if line.startswith(name + b": ")]
    return line.partition(b": ")[2].decode()


@pytest.mark.parametrize(("name", "media_type"), TYPES)
def test_a_file_and_its_type(name: str, media_type: bytes) -> None:
    response = ask(StaticFile(name, b"content"))
    assert (response.status, response.content_type, response.body) == (200, media_type, b"content")


@pytest.mark.parametrize("name", ["page", "page.txt", "page.HTML", ""])
def test_a_name_without_a_known_type(name: str) -> None:
    with pytest.raises(ValueError, match="name: expected an ending of css, html"):
        StaticFile(name, b"")


def test_what_a_page_may_do() -> None:
    response = ask(StaticFile("page.html", b"x"))
    policy = dict(
        part.strip().split(" ", 1)
        for part in header_of(response, b"Content-Security-Policy").split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert header_of(response, b"X-Content-Type-Options") == "nosniff"
    assert header_of(response, b"Referrer-Policy") == "no-referrer"
    assert header_of(response, b"Cache-Control") == "no-cache"


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', '{}, W/"other"', "*"])
def test_a_client_that_has_it_is_told_so(form: str) -> None:
    file = StaticFile("page.html", b"content")
    tag = header_of(ask(file), b"ETag")
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    response = ask(file, If_None_Match=form.format(tag))
    assert (response.status, response.content_type, response.body) == (304, b"", b"")
    assert header_of(response, b"ETag") == tag
    assert header_of(response, b"Cache-Control") == "no-cache"


@pytest.mark.parametrize("form", ["", '"other"', "{}x", ","])
def test_a_client_that_has_another_gets_it(form: str) -> None:
    file = StaticFile("page.html", b"content")
    tag = header_of(ask(file), b"ETag")
    assert ask(file, If_None_Match=form.format(tag)).status == 200


def test_another_content_has_another_tag() -> None:
    tags = {header_of(ask(StaticFile("page.html", text)), b"ETag") for text in (b"a", b"b")}
    assert len(tags) == 2


def test_a_page_and_its_parts_by_their_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pages").mkdir()
    for name in ("page.html", "page.js", "page-more.css", "other.css", "other.html"):
        (tmp_path / "pages" / name).write_text(name)
    monkeypatch.setattr(static, "files", lambda package: tmp_path)
    found = read_pages("page")
    assert {path: ask(file).body for path, file in found.items()} == {
        b"/": b"page.html",
        b"/assets/page.js": b"page.js",
        b"/assets/page-more.css": b"page-more.css",
    }
    with pytest.raises(FileNotFoundError):
        read_pages("none")
