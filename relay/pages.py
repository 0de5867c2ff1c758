"""The web page of the channels: who is given it, and from where it loads its parts. No I/O but at the start.

It stands at `/` and at every `/c/<channel>`, and names its parts by relative addresses: behind a proxy that serves the relay
below a path of its own, which the relay cannot know, an absolute one would lead elsewhere. How many levels up they are is all
that differs from channel to channel.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from relay.requests import Request, Response
from relay.static import StaticFile, read_content, read_pages

NAME: Final = "page"
PAGE_PATH: Final = b"/c/"
VARY: Final = b"Vary: Accept"

_FILE: Final = f"{NAME}.html"
_HTML: Final = b"text/html"
_REFERENCE: Final = b'="assets/'
_KEPT_DEPTHS: Final = 16  # levels of slashes in names for which the page is kept, not made anew


class ChannelPage:
    """The page and its parts. Raises OSError when they are not there."""

    def __init__(self) -> None:
        self._content = read_content(_FILE)
        self._at_depth = lru_cache(_KEPT_DEPTHS)(self._make)
        found = read_pages(NAME)
        self.parts: Mapping[bytes, StaticFile] = {
            path: found[path] for path in found if path != b"/"
        }

    def answer(self, request: Request) -> Response:
        """The page, as it is at this request's path."""
        path, _ = request.path_and_query
        return self._at_depth(path.count(b"/") - 1).answer(request)

    def _make(self, depth: int) -> StaticFile:
        reference = _REFERENCE.replace(b"assets/", b"../" * depth + b"assets/")
        return StaticFile(_FILE, self._content.replace(_REFERENCE, reference), VARY)


def wants_page(request: Request) -> bool:
    """Whether it is a browser that asks for something to show: it names HTML among what it accepts, which programs do not."""
    ranges = request.headers.get(b"accept", b"").lower().split(b",")
    return any(_accepts_html(*(part.strip() for part in each.split(b";"))) for each in ranges)


def _accepts_html(media_type: bytes, *parameters: bytes) -> bool:
    """A weight of 0 means that it is not acceptable (RFC 9110 section 12.4.2)."""
    return media_type == _HTML and not any(
        parameter.startswith(b"q=") and not parameter[2:].strip(b"0.") for parameter in parameters
    )
