"""What itty-sockets on npm's ws makes of a refused upgrade, and that the page on access tells how to live with it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from clients.hosts import websocket_url
from clients.tools import NODE_MODULES, environment, find_node
from support.fixtures import StartRelay

ACCESS = (Path(__file__).parents[2] / "docs/access.md").read_text()
IMPORTS = "import WebSocket from 'ws'\nimport { connect } from 'itty-sockets'\n"
CONNECT = "connect(process.argv.at(-1)).on('close', () => console.log('closed'))"
PLAIN = "globalThis.WebSocket = WebSocket\n"


def snippet() -> str:
    """The listener as the page gives it."""
    (code,) = [
        block.partition("```")[0]
        for block in ACCESS.split("```js\n")[1:]
        if "extends WebSocket" in block
    ]
    return code


def run_refused(start_relay: StartRelay, setting: str) -> subprocess.CompletedProcess[str]:
    """A client that the relay refuses, and that ends by itself."""
    # the working directory is where a program on standard input looks for packages
    url = websocket_url(start_relay("--max-connections", "1"), "/c/a")
    holder = f"const one = new WebSocket('{url}')\nawait new Promise(go => (one.onmessage = go))\n"
    leave = ".on('close', () => one.terminate())"
    return subprocess.run(
        [find_node(), "--input-type=module", "-", url],
        input=IMPORTS + holder + setting + CONNECT + leave,
        cwd=NODE_MODULES.parent,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_without_a_listener_the_process_ends(start_relay: StartRelay) -> None:
    ended = run_refused(start_relay, PLAIN)
    assert ended.returncode != 0
    assert "Error: Unexpected server response: 503" in ended.stderr
    assert "closed" not in ended.stdout


def test_with_the_listener_of_the_page_it_hears_close(start_relay: StartRelay) -> None:
    ended = run_refused(start_relay, snippet())
    assert (ended.returncode, ended.stdout) == (0, "closed\n"), ended.stderr
    assert ended.stderr == "Unexpected server response: 503\n"
