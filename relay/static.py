"""The web pages' files, which are packaged in `relay/pages`: read once, answered from memory. No I/O but at the start.

A page and what it is made of stand at `/` and `/assets/<name>`. Only names that the server was written with are looked for, so
no request can lead to another file. A page may load and connect to nothing but what its own listener serves: whatever a channel
shows, no script of others runs.
"""

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from relay.requests import Request, Response

ASSETS: Final = b"/assets/"

POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
    b" base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    b" require-trusted-types-for 'script'; trusted-types 'none'"
)
"""What a page may do (Content Security Policy Level 3). Text that a script would make markup of is refused (Trusted Types)."""

_TYPES: Final = {
    "css": b"text/css; charset=utf-8",
    "html": b"text/html; charset=utf-8",
    "ico": b"image/x-icon",
    "js": b"text/javascript; charset=utf-8",
    "png": b"image/png",
    "svg": b"image/svg+xml",
}
_TAG_BYTES: Final = 16


class StaticFile:
    """One file, as it is served, with more header lines when it needs them.

    Raises ValueError for a name whose ending says nothing of its type.
    """

    def __init__(self, name: str, content: bytes, *more_headers: bytes) -> None:
        media_type = _TYPES.get(name.rpartition(".")[2])
        if media_type is None:
            raise ValueError(f"name: expected an ending of {', '.join(_TYPES)}, got {name!r}")
        tag = hashlib.blake2b(content, digest_size=_TAG_BYTES).hexdigest()
        self._tag = f'"{tag}"'.encode()
        headers = (
            b"ETag: " + self._tag,
            b"Cache-Control: no-cache",
            b"Content-Security-Policy: " + POLICY,
            b"X-Content-Type-Options: nosniff",
            b"Referrer-Policy: no-referrer",
            *more_headers,
        )
        self._whole = Response(200, media_type, content, headers)
        self._unchanged = Response(304, headers=headers)

    def answer(self, request: Request) -> Response:
        """The file, or 304 when the client has it (RFC 9110 section 13.1.2)."""
        known = request.headers.get(b"if-none-match", b"")
        tags = {tag.strip().removeprefix(b"W/") for tag in known.split(b",")}
        return self._unchanged if tags & {self._tag, b"*"} else self._whole


def read_pages(name: str) -> Mapping[bytes, StaticFile]:
    """A page by the paths of its packaged files: `<name>.html` at `/`, and at `/assets/<file>` each whose name begins so.

    Raises OSError when there is no such page.
    """
    page = f"{name}.html"
    return {b"/": read_file(page)} | {
        ASSETS + part.name.encode(): StaticFile(part.name, part.read_bytes())
        for part in files("relay").joinpath("pages").iterdir()
        if part.name.startswith(name) and part.name != page
    }


def read_file(name: str) -> StaticFile:
    """A packaged file. Raises OSError when it is not there."""
    return StaticFile(name, read_content(name))


def read_content(name: str) -> bytes:
    """What is in a packaged file. Raises OSError when it is not there."""
    return files("relay").joinpath("pages", name).read_bytes()
