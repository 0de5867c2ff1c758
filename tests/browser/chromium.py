"""Headless Chromium, driven over its DevTools pipe: no port, no driver program, no library.

The protocol is JSON messages ended by NUL, on file descriptors 3 (to Chromium) and 4 (from it).
A page is a host for clients (see clients/hosts.py): commands are evaluated in it, reports come
back through a binding that DevTools adds to every document the page loads.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from queue import Queue
from typing import Any, Self, TypeVar

from clients.hosts import Host, HostError, take
from clients.tools import environment

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
]

# Chromium wants its pipes at 3 and 4. Popen only keeps the numbers they have, and sh knows one digit.
LAUNCHER = """
import os, sys
from fcntl import F_DUPFD, fcntl
reads, writes = (fcntl(int(number), F_DUPFD, 5) for number in sys.argv[1:3])  # out of the way
os.dup2(reads, 3)
os.dup2(writes, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Page(Host):
    """A page in a tab of its own, and the driver's module in it."""

    def __init__(self, chromium: Chromium, target_id: str, session_id: str) -> None:
        super().__init__()
        self._chromium = chromium
        self._target_id = target_id
        self._session_id = session_id
        self.errors: list[str] = []

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._chromium.call(method, session_id=self._session_id, **params)

    def visit(self, url: str) -> Self:
        """Load the document and wait for its driver; the clients of the former one are no more."""
        self.call("Page.navigate", url=url)
        return self._wait_for_driver()

    def reload(self) -> Self:
        self.call("Page.reload")
        return self._wait_for_driver()

    def _wait_for_driver(self) -> Self:
        self.wait_until_ready()
        self._live_clients.clear()
        return self

    def close(self) -> None:
        self._chromium.call("Target.closeTarget", targetId=self._target_id)

    def _post(self, command: dict[str, Any]) -> None:
        result = self.call("Runtime.evaluate", expression=f"drive({json.dumps(command)})")
        if "exceptionDetails" in result:
            raise HostError(json.dumps(result["exceptionDetails"]))

    def handle_event(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.bindingCalled":
            self.dispatch(json.loads(params["payload"]))
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(params["exceptionDetails"]))
            self.fail_waiting(self.errors[-1])


P = TypeVar("P", bound=Page)


class Chromium:
    """One Chromium; `profile` is a fresh directory for what it keeps."""

    def __init__(self, executable: str, profile: Path) -> None:
        self._log_path = profile.with_suffix(".log")
        self._command = [executable, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._ended_with: str | None = None
        self._ids = itertools.count(1)
        self._results: dict[int, Queue] = {}
        self._pages: dict[str, Page] = {}

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop()

    def _start(self) -> None:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        pipes = [str(theirs_in), str(theirs_out)]
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", LAUNCHER, *pipes, *self._command],
                env=environment(),
                pass_fds=(theirs_in, theirs_out),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        os.close(theirs_in)
        os.close(theirs_out)
        self._to_chromium = os.fdopen(ours_out, "wb", buffering=0)
        self._from_chromium = os.fdopen(ours_in, "rb")
        self._reader = threading.Thread(target=self._read_messages, daemon=True)
        self._reader.start()

    def _stop(self) -> None:
        try:
            self.call("Browser.close")
            self._process.wait(timeout=10)
        except (AssertionError, HostError, OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._to_chromium.close()
        self._reader.join()
        self._from_chromium.close()

    def new_page(self) -> Page:
        """A page for the driver."""
        page = self.new_tab(Page)
        page.call("Runtime.addBinding", name="report")
        return page

    def new_tab(self, kind: type[P]) -> P:
        """A page of any kind, in a tab of its own."""
        target_id = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target_id, flatten=True)
        page = kind(self, target_id, attached["sessionId"])
        self._pages[attached["sessionId"]] = page
        page.call("Page.enable")
        page.call("Runtime.enable")
        return page

    def call(self, method: str, *, session_id: str | None = None, **params: Any) -> dict[str, Any]:
        """Call a method of the DevTools protocol; its result."""
        message_id = next(self._ids)
        message = {"id": message_id, "method": method, "params": params}
        if session_id is not None:
            message["sessionId"] = session_id
        result = self._results[message_id] = Queue()
        if self._ended_with is not None:
            raise HostError(self._ended_with)
        self._to_chromium.write(json.dumps(message).encode() + b"\0")
        message = take(result, f"the result of {method}")
        if "error" in message:
            raise HostError(f"{method}: {message['error']['message']}")
        return message["result"]

    def _read_messages(self) -> None:
        pending = b""
        while chunk := self._from_chromium.read1(65536):
            *messages, pending = (pending + chunk).split(b"\0")
            for message in messages:
                self._handle(json.loads(message))
        self._ended_with = f"Chromium ended: {self._log_path.read_text(errors='replace')[-2000:]}"
        for result in list(self._results.values()):
            result.put({"error": {"message": self._ended_with}})

    def _handle(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._results.pop(message["id"]).put(message)
        elif page := self._pages.get(message.get("sessionId", "")):
            page.handle_event(message["method"], message["params"])
