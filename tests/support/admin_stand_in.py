"""Stands in for an admin listener whose figures a test decides: several workers, a restart, what no relay would say.

The pages are those of the relay, with its policy of what a page may do; only the answers are the test's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from relay.static import POLICY

PAGES = Path(__file__).parents[2] / "relay/pages"
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
BOUNDS = [1, 2]
FIRST_DATE = 1_795_000_000_000

Answer = tuple[int, Any]


def snapshot(**fields: Any) -> dict[str, Any]:
    """What a relay says that has been up for a minute. A worker's `turns` are the counts of its histogram."""
    given = {
        "version": "1.2.3",
        "date": FIRST_DATE,
        "started": FIRST_DATE - 60_000,
        "draining": False,
        "limits": "on",
    }
    workers = [whole_worker(**worker) for worker in fields.pop("workers", [{}])]
    return {**given, **fields, "workers": workers}


def whole_worker(*, turns: list[float] | None = None, **fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "worker": 0,
        "pid": 1,
        "counters": {},
        "gauges": {},
        "backlogs": [],
        "histograms": {},
    }
    if turns is not None:
        given["histograms"] = {"turn_seconds": {"bounds": BOUNDS, "counts": turns, "sum": 1.0}}
    return {**given, **fields}


class Growing:
    """A second passes from one answer to the next, and counters grow as a test says."""

    def __init__(self, *rates: Mapping[str, float], **fields: Any) -> None:
        self._rates = rates
        self.fields = fields
        self._lock = threading.Lock()
        self._seconds = 0

    def __call__(self) -> Answer:
        with self._lock:
            self._seconds += 1
            seconds = self._seconds
        workers = [
            {"worker": i, "pid": i + 1, "counters": _times(rates, seconds), **self.fields.get("worker", {})}
            for i, rates in enumerate(self._rates)
        ]  # fmt: skip
        fields = {name: value for name, value in self.fields.items() if name != "worker"}
        return 200, snapshot(**{"date": FIRST_DATE + 1000 * seconds, "workers": workers, **fields})


def _times(rates: Mapping[str, float], seconds: int) -> dict[str, float]:
    return {name: rate * seconds for name, rate in rates.items()}


class AdminStandIn:
    """`answer` is called for each request of the figures; with `token` only those that show it get there.

    `missing_bytes` are announced and do not come: the connection ends before them.
    """

    def __init__(self) -> None:
        self.answer: Callable[[], Answer] = Growing({})
        self.token = ""
        self.asked = 0
        self.missing_bytes = 0
        self.url = ""

    def respond(self, path: str, authorization: str | None) -> tuple[int, str, bytes]:
        """Status, type and body."""
        if path != "/api/stats":
            file = PAGES / ("dashboard.html" if path == "/" else path.rpartition("/")[2])
            return (
                (200, TYPES[file.suffix], file.read_bytes())
                if file.is_file()
                else (404, "text/plain", b"")
            )
        self.asked += 1
        if self.token and authorization != f"Bearer {self.token}":
            return 401, "application/json", b'{"error":"a token is needed here"}'
        status, value = self.answer()
        return (
            status,
            "application/json",
            value if isinstance(value, bytes) else json.dumps(value).encode(),
        )


@contextmanager
def serve_stand_in(port: int = 0) -> Iterator[AdminStandIn]:
    """On the loopback interface, on a free port unless one is named."""
    stand_in = AdminStandIn()

    class Handler(BaseHTTPRequestHandler):
        def handle(self) -> None:
            with suppress(ConnectionError):  # of a page that was left before its answer came
                super().handle()

        def do_GET(self) -> None:
            status, media_type, body = stand_in.respond(self.path, self.headers["Authorization"])
            missing = stand_in.missing_bytes if self.path == "/api/stats" else 0
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body) + missing))
            self.send_header("Content-Security-Policy", POLICY.decode())
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        stand_in.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield stand_in
        finally:
            server.shutdown()
            thread.join()
