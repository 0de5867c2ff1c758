"""A website that serves the page, the driver and the npm packages, on the loopback interface."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TESTS_DIRECTORY = Path(__file__).parent.parent
PAGE = "/browser/page.html"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serve_website() -> Iterator[str]:
    """The address of the page, while the website is up."""
    handler = partial(QuietHandler, directory=TESTS_DIRECTORY)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{PAGE}"
        finally:
            server.shutdown()
            thread.join()
