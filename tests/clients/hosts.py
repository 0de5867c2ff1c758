"""Hosts run the JavaScript driver (node/driver.mjs); clients are the itty clients, and the PartySockets, inside one.

A host is a Node process here and a page of Chromium in tests/browser. What a client's listeners
hear, the frames its socket receives and how it closes arrive in three queues, each in order.
Every wait ends: at the report it waits for, or at the deadline with a failure.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Self, TypeVar

from clients.tools import environment
from support.connection import LIMIT_SECONDS
from support.process import RelayProcess

C = TypeVar("C", bound="Client")

NODE_DIRECTORY = Path(__file__).parent / "node"


def websocket_url(relay: RelayProcess, path: str = "") -> str:
    host, port = relay.address
    return f"ws://{host}:{port}{path}"


def party_options(relay: RelayProcess, room: str, **options: Any) -> dict[str, Any]:
    """What PartySocket needs to find a room of this relay."""
    host, port = relay.address
    return {"host": f"{host}:{port}", "room": room, **options}


class HostError(Exception):
    """A command threw in JavaScript, or the host ended."""


def take(queue: Queue, waiting_for: str) -> Any:
    try:
        return queue.get(timeout=LIMIT_SECONDS)
    except Empty:
        raise AssertionError(f"nothing arrived while waiting for {waiting_for}") from None


class Client:
    """One client in a host. The methods mirror the JavaScript ones and chain likewise."""

    def __init__(self, host: Host, name: str) -> None:
        self._host = host
        self._name = name
        self._heard: Queue = Queue()
        self._frames: Queue = Queue()
        self._closes: Queue = Queue()
        self.uid: str | None = None

    def _call(self, method: str, *args: Any) -> Self:
        chainable = self._host.run({"client": self._name, "method": method, "args": args})
        assert chainable, f"{method}() did not return the client"
        return self

    def on(self, *listener_types: str) -> Self:
        for listener_type in listener_types:
            self._call("on", listener_type)
        return self

    def on_above(self, key: str, bound: float) -> Self:
        """Listen with a predicate, `event => event[key] > bound`; heard as "above"."""
        return self._call("onAbove", key, bound)

    def remove(self, listener_type: str) -> Self:
        return self._call("remove", listener_type)

    def send(self, *args: Any) -> Self:
        return self._call("send", *args)

    def send_text(self, text: str) -> Self:
        """Send the text as it is (the legacy client only)."""
        return self._call("sendText", text)

    def chain(self, *calls: tuple[Any, ...]) -> Self:
        """Make the calls, each (method, *arguments), with no turn of the event loop in between.

        So a socket that was not open before them is not open before the last one.
        """
        return self._call("chain", *calls)

    def push(self, *args: Any) -> Self:
        return self._call("push", *args)

    def open(self) -> Self:
        return self._call("open")

    def close(self) -> Self:
        return self._call("close")

    def hears(self, listener_type: str) -> Any:
        """The next event heard, which must be one for a listener of this type."""
        heard_by, event = take(self._heard, f"{listener_type!r}")
        assert heard_by == listener_type, f"{heard_by!r} ran, expected {listener_type!r}: {event}"
        return event

    def hears_any(self) -> tuple[str, Any]:
        """The type of the next listener that ran, and its event."""
        return take(self._heard, "any event")

    def hears_messages(self, count: int) -> list[Any]:
        return [self.hears("message")["message"] for _ in range(count)]

    def receives(self) -> str:
        """The next frame of the socket, as it came."""
        return take(self._frames, "a frame")

    def joins(self) -> dict[str, Any]:
        """Open if need be; the own join, which must be the first frame of the connection."""
        self.open()
        join = json.loads(self.receives())
        assert join["type"] == "join", join
        assert join["self"] is True, join
        self.uid = join.get("uid")
        return join

    def closed(self) -> dict[str, Any]:
        """How the socket closed: code, reason, wasClean."""
        return take(self._closes, "the end of the connection")

    def deliver(self, report: dict[str, Any]) -> None:
        if "listener" in report:
            self._heard.put((report["listener"], report.get("event")))
        elif "frame" in report:
            self._frames.put(report["frame"])
        elif "closed" in report:
            self._closes.put(report["closed"])


class PartyClient(Client):
    """A PartySocket, or a ReconnectingWebSocket alone."""

    def send_bytes(self, data: bytes) -> Self:
        return self._call("sendBytes", list(data))

    def send_zeros(self, size: int) -> Self:
        return self._call("sendZeros", size)

    def close(self, *args: Any) -> Self:
        return self._call("close", *args)

    def reconnect(self, *args: Any) -> Self:
        return self._call("reconnect", *args)

    def update(self, **options: Any) -> Self:
        return self._call("update", options)

    def flood(self, text: str) -> Self:
        """Send the text again and again until the connection is closed."""
        return self._call("flood", text)

    def stall(self, path: str) -> Self:
        """Keep its process from doing anything, once it has answered this, until the file exists (Node only)."""
        return self._call("stall", path)

    def opens(self) -> dict[str, Any]:
        """The next event, which must be an `open`: its url, id, retryCount."""
        return self.hears("open")

    def hears_data(self) -> str | bytes:
        """What the next event, a message, carries."""
        event = self.hears("message")
        return event["text"] if "text" in event else bytes(event["bytes"])

    def fetch(self, options: dict[str, Any], init: dict[str, Any], body: bytes = b"") -> Any:
        """`PartySocket.fetch` from where the client lives; the status and the content, from JSON."""
        self.on("fetched")._call("fetch", options, {**init, "bytes": list(body)} if body else init)
        return self.hears("fetched")


class Host(ABC):
    """Where commands run. A subclass posts commands and dispatches what is reported."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._clients: dict[str, Client] = {}
        self._live_clients: list[Client] = []
        self._outcomes: dict[int, Queue] = {}
        self._starts: Queue = Queue()

    @abstractmethod
    def _post(self, command: dict[str, Any]) -> None:
        """Hand a command to the driver."""

    def wait_until_ready(self) -> None:
        """Wait until the driver has been loaded, once more for every time it is."""
        report = take(self._starts, "the driver to be loaded")
        if "threw" in report:
            raise HostError(report["threw"])

    def connect(self, url: str, options: dict[str, Any] | None = None, *, legacy=False) -> Client:
        """A client of this URL. It opens nothing until a method is called on it."""
        return self._make(Client, "legacy" if legacy else "itty", url, options or {})

    def party(self, relay: RelayProcess, room: str, **options: Any) -> PartyClient:
        """A PartySocket of this room, which connects at once."""
        return self._make(PartyClient, "party", party_options(relay, room, **options))

    def reconnecting(self, url: str, **options: Any) -> PartyClient:
        """A ReconnectingWebSocket."""
        return self._make(PartyClient, "reconnecting", url, options)

    def _make(self, kind: type[C], connector: str, *args: Any) -> C:
        name = f"client {len(self._clients)}"
        client = self._clients[name] = kind(self, name)
        self.run({"client": name, "method": "connect", "args": [connector, *args]})
        self._live_clients.append(client)
        return client

    def close_clients(self) -> None:
        """Close every client, for the next test to find none."""
        while self._live_clients:
            self._live_clients.pop().close()

    def run(self, command: dict[str, Any]) -> bool:
        """Run the command to its end; true if the method returned its client."""
        command_id = next(self._ids)
        outcome = self._outcomes[command_id] = Queue()
        self._post({**command, "id": command_id})
        report = take(outcome, f"{command['method']}()")
        if "threw" in report:
            raise HostError(report["threw"])
        return report["returned"]

    def dispatch(self, report: dict[str, Any]) -> None:
        if "ready" in report:
            self._starts.put(report)
        elif "id" in report:
            self._outcomes.pop(report["id"]).put(report)
        else:
            self._clients[report["client"]].deliver(report)

    def fail_waiting(self, reason: str) -> None:
        for waiting in [self._starts, *self._outcomes.values()]:
            waiting.put({"threw": reason})


class NodeHost(Host):
    """A Node process; `flavour` is "ws" (the npm package) or "native" (Node's own WebSocket)."""

    def __init__(self, node: str, flavour: str) -> None:
        super().__init__()
        flags = ["--experimental-websocket", "--no-warnings"] if flavour == "native" else []
        self._command = [node, *flags, NODE_DIRECTORY / "main.mjs", flavour]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read_reports)
        self._reader.start()
        try:
            self.wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End the process at once, with no closing handshake on any of its sockets."""
        self._process.kill()
        self._reader.join()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def _post(self, command: dict[str, Any]) -> None:
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def _read_reports(self) -> None:
        for line in self._process.stdout:
            self.dispatch(json.loads(line))
        self.fail_waiting("node ended")
