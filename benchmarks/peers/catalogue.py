"""The peers: how each is found, how it is spoken to, and what it does not do that the relay does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import contenders
from benchmarks.contenders import Contender
from benchmarks.peers import installing
from benchmarks.peers.installing import NODE_MODULES, SERVERS, node_server, python_server, run
from benchmarks.wire import ITTY, Wire

SOCKET_IO = Wire(
    path="/socket.io/?EIO=4&transport=websocket&channel={channel}",
    prefix='42["message",',
    suffix="]",
    greeting="40",
)
ECHO = Wire(has_echo=True)
BARE = Wire(has_echo=True, has_envelope=False)


@dataclass(frozen=True)
class Peer:
    """`find` installs what is missing; it raises `installing.MissingError` when it cannot. `is_relay` is false of the ceiling."""

    name: str
    find: Callable[[], Contender]
    wire: Wire = ITTY
    is_relay: bool = True
    runs: str = ""
    lacks: str = ""


def relay() -> Contender:
    return contenders.relay()


def ceiling() -> Contender:
    return Contender("ceiling", installing.ceiling(), [str(installing.CEILING)])


def bun() -> Contender:
    installing.npm_versions()
    binary = str(NODE_MODULES / ".bin" / "bun")
    return Contender("bun", run([binary, "--version"]), [binary, str(SERVERS / "bun.js")])


def on_node(name: str, package: str) -> Contender:
    versions = installing.npm_versions()
    command = node_server(name)
    extras = f"bufferutil {versions['bufferutil']}, Node {run([command[0], '--version'])[1:]}"
    return Contender(name, f"{versions[package]} ({extras})", command)


def in_python(name: str, package: str, *beside: str) -> Contender:
    versions = installing.pip_versions(package, *beside)
    extras = [f"{each} {versions[each]}" for each in beside] + [installing.python_version()]
    command = python_server(package.replace("-", "_"))
    return Contender(name, f"{versions[package]} ({', '.join(extras)})", command)


def nchan() -> Contender:
    command = installing.nchan_server()
    return Contender("nchan", installing.nchan_version(), command)


RELAY = Peer(
    "relay",
    relay,
    runs="`relay serve --presence off`, rate limits off",
)
PEERS = (
    Peer(
        "ceiling",
        ceiling,
        is_relay=False,
        runs="a C program that reads, and sends prepared bytes once per member and turn",
        lacks="It is no relay: no check of anything, no limit, no closing handshake, no ping; an id and a date that never change",
    ),
    Peer(
        "bun",
        bun,
        runs="`ws.subscribe`, `ws.publish` of a template string (uWebSockets)",
        lacks="JSON unchecked; no rate limit, no presence; a slow reader is buffered up to a limit, then dropped without a word",
    ),
    Peer(
        "socketify",
        lambda: in_python("socketify", "socketify"),
        wire=ECHO,
        runs="`ws.subscribe`, `ws.publish` (uWebSockets); its loop polls without a pause while there is traffic; a sender gets "
        "its own messages too",
        lacks="JSON unchecked; no rate limit, no presence; cannot leave the sender out; above its backpressure limit "
        "messages vanish",
    ),
    Peer(
        "picows",
        lambda: in_python("picows", "picows", "uvloop"),
        runs="a listener per connection, `send` for each member of a set, under uvloop",
        lacks="JSON and UTF-8 unchecked, fragments not joined; no channels, no rate limit, no presence, no bound on a "
        "slow reader",
    ),
    Peer(
        "ws",
        lambda: on_node("ws", "ws"),
        runs="its documentation's loop over clients, a `Set` per channel, one buffer for all",
        lacks="JSON unchecked; no channels, no rate limit, no presence, no bound on a slow reader",
    ),
    Peer(
        "websockets",
        lambda: in_python("websockets", "websockets", "uvloop"),
        runs="its own `broadcast`, bytes never decoded, under uvloop",
        lacks="JSON and UTF-8 unchecked; no channels, no rate limit, no presence; `broadcast` has no bound on a slow reader",
    ),
    Peer(
        "socket.io",
        lambda: on_node("socketio", "socket.io"),
        wire=SOCKET_IO,
        runs="a room per channel, `socket.to(room).emit`, WebSocket transport only, its own protocol around the envelope",
        lacks="Checks the JSON, and writes it anew; no rate limit, no presence by itself, no bound on a slow reader",
    ),
    Peer(
        "nchan",
        nchan,
        wire=BARE,
        runs="one `nchan_pubsub` location in nginx, nothing stored; a sender gets its own messages too",
        lacks="No envelope: messages go as they came; JSON unchecked; cannot leave the sender out; no rate limit per "
        "connection, no presence",
    ),
    Peer(
        "trio-websocket",
        lambda: in_python("trio-websocket", "trio-websocket", "trio"),
        runs="a task per connection that reads and sends to each other member in turn",
        lacks="JSON unchecked; no channels, no rate limit, no presence; a reader that stops stops the senders; two senders' "
        "messages may reach two members in different orders",
    ),
)
