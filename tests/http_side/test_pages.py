"""Who is given the page of the channels, and that all it is made of is served."""

from __future__ import annotations

import re

import pytest

from relay import pages
from relay.pages import NAME, ChannelPage, wants_page
from relay.requests import Request
from relay.static import ASSETS, read_content

PAGE = f"{NAME}.html"
PARTS = [path.removeprefix(ASSETS).decode() for path in ChannelPage().parts]


def request(target: str = "/", accept: str | None = None) -> Request:
    asked = Request()
    asked.on_url(target.encode())
    if accept is not None:
        asked.on_header(b"Accept", accept.encode())
    return asked


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Text/HTML",
        "image/png, text/html;level=1;q=0.1",
        "text/html ; q=0.001",
    ],
)
def test_a_browser_is_given_the_page(accept: str) -> None:
    assert wants_page(request(accept=accept))


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "text/*",
        "text/htmlx",
        "application/json",
        "text/html;q=0",
        "text/html;q=0.000",
        "text/plain, */*;q=0.1",
        "x/text/html",
    ],
)
def test_a_program_is_not(accept: str | None) -> None:
    assert not wants_page(request(accept=accept))


@pytest.mark.parametrize(
    ("target", "up"),
    [
        ("/", ""),
        ("/?x=/a/b", ""),
        ("/c/", "../"),
        ("/c/room", "../"),
        ("/c/room?as=a/b", "../"),
        ("/c/a%2Fb", "../"),
        ("/c/a/b", "../../"),
        ("/c/watching//", "../../../"),
    ],
)
def test_parts_are_named_from_where_the_page_is(target: str, up: str) -> None:
    content = ChannelPage().answer(request(target)).body.decode()
    found = re.findall(r'(?:src|href)="([^"#]*assets/[^"]+)"', content)
    assert len(found) >= 4
    assert all(re.fullmatch(rf"{re.escape(up)}assets/[\w.-]+", address) for address in found)


def test_pages_of_different_depths_are_different_entities() -> None:
    page = ChannelPage()
    tags = {page.answer(request(target)).headers[0] for target in ("/", "/c/a", "/c/b", "/c/a/b")}
    assert len(tags) == 3


def test_more_depths_than_are_kept() -> None:
    page = ChannelPage()
    targets = ["/c" + "/x" * depth for depth in range(1, 2 * pages._KEPT_DEPTHS)]
    for _ in range(2):
        bodies = [page.answer(request(target)).body for target in targets]
        assert [body.count(b"../") for body in bodies] == sorted(
            body.count(b"../") for body in bodies
        )


def named_parts() -> set[str]:
    """What the page names, and what that names in turn."""
    contents = {name: read_content(name).decode() for name in (PAGE, *PARTS)}
    named = set(re.findall(r'"assets/([^"]+)"', contents[PAGE]))
    for content in contents.values():
        named |= set(re.findall(r"^import .* from '\./([^']+)'", content, re.MULTILINE))
    return named


def test_the_parts_are_what_the_page_is_made_of() -> None:
    """Not one is missing, not one is left over."""
    assert named_parts() == set(PARTS)


@pytest.mark.parametrize("name", [PAGE, *PARTS])
def test_no_part_needs_what_the_policy_forbids(name: str) -> None:
    content = read_content(name).decode()
    foreign = [
        found for found in re.findall(r"https?://[\w./-]+", content) if "www.w3.org" not in found
    ]
    assert not foreign
    for forbidden in (
        r"\son\w+\s*=\s*\"",
        r"\sstyle=",
        r"<style",
        r"javascript:",
        r"\beval\(",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
    ):
        assert not re.search(forbidden, content), forbidden
