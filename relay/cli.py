"""The command `relay`."""

import importlib.util
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from relay import __version__
from relay.config import Settings, parse_duration, parse_size

if TYPE_CHECKING:
    from relay.server import Server


class _Quantity(click.ParamType[Any]):
    """A value with a unit."""

    def __init__(self, name: str, parse: Callable[[str], float]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as exc:
            self.fail(str(exc), param, ctx)


def _as_size(value: float) -> str:
    """How a default is shown: in the largest unit that divides it."""
    for unit, factor in (("MiB", 2**20), ("KiB", 2**10)):
        if value and value % factor == 0:
            return f"{int(value // factor)}{unit}"
    return f"{value:g}"


def _as_time(value: float) -> str:
    return f"{value:g}s"


SIZE = _Quantity("size", parse_size)
TIME = _Quantity("time", parse_duration)
_DEFAULTS = Settings()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def main() -> None:
    """Realtime WebSocket channels: pick a name, connect, send."""


def _setting(name: str, kind: Any, text: str) -> Callable[[Any], Any]:
    """The flag of a setting, with the default that `Settings` gives it."""
    default = getattr(_DEFAULTS, name)
    flag = f"--{name.replace('_', '-')}"
    return click.option(flag, type=kind, default=default, help=f"{text}  [{_shown(default, kind)}]")


def _shown(default: Any, kind: Any) -> str:
    if kind is SIZE:
        return _as_size(default)
    if kind is TIME:
        return _as_time(default)
    return f"{default:g}" if kind is float else str(default)


@main.command(short_help="Run the relay.")
@_setting(
    "host",
    str,
    "Address to listen on, or a name for all addresses it stands for; 0.0.0.0 or :: is every address of the machine.",
)
@_setting("port", int, "TCP port; 0 picks a free one.")
@_setting(
    "message_rate",
    float,
    "Messages a second that one connection may send in the long run; 0 turns the limit off.",
)
@_setting(
    "message_burst", float, "Messages that one connection may send at once, when it has been quiet."
)
@_setting(
    "byte_rate",
    SIZE,
    "Bytes of messages a second that one connection may send in the long run; 0 turns the limit off.",
)
@_setting(
    "byte_burst",
    SIZE,
    "Bytes of messages that one connection may send at once, when it has been quiet.",
)
@_setting(
    "kick_after",
    int,
    "Warnings, one a second at most, after which a connection over its rate is closed with 1008; 0 never does.",
)
@_setting("max_message", SIZE, "Largest message in a channel (/c/, /r/), its address included.")
@_setting("max_party_message", SIZE, "Largest message in a party room (/parties/, /party/).")
@_setting(
    "backlog_limit", SIZE, "Bytes that may wait for a slow reader before it is closed with 1013."
)
@_setting("handshake_timeout", TIME, "Time a client has for the head of its request.")
@_setting(
    "ping_interval",
    TIME,
    "Time between pings; a connection without a sign of life for two of them is dropped. 0 turns both off.",
)
@_setting(
    "presence",
    click.Choice(["all", "auto", "off"]),
    "Joins and leaves: tell of all; in large channels merge those without ?announce; or tell of none.",
)
@_setting("presence_limit", int, "Members above which a channel counts as large.")
def serve(**flags: Any) -> None:
    """Run the relay until SIGINT (Ctrl-C) or SIGTERM.

    They close everyone with 1001 and wait up to 5 seconds for the clients' part; a second one ends at once.

    Clients connect to ws://HOST:PORT/c/CHANNEL. Sizes take kB, KiB, MB, MiB, GB, GiB or plain bytes; times take ms, s, m (or
    min), h or plain seconds.
    """
    if sys.platform != "linux":
        _fail("relay serve runs on Linux only: it needs epoll", 1)
    try:
        settings = Settings(**flags)
    except ValueError as exc:
        name, _, text = str(exc).partition(": ")
        raise click.BadParameter(text, param_hint=f"'--{name.replace('_', '-')}'") from exc
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING
    )
    _run(settings)


def _run(settings: Settings) -> None:
    if importlib.util.find_spec("relay._core") is None:
        _fail(
            "the compiled core is missing here; build it with: make build  (or pip install -e .)", 2
        )
    import trio

    from relay.server import ListenError, Server

    server = Server(settings)

    def announce(urls: list[str]) -> None:
        lines = [
            f"relay {__version__}",
            f"file limit {server.file_limit}, room for {server.max_connections} connections",
            *(f"clients connect to {_client_url(url)}/c/<channel>" for url in urls),
            *(f"listening on {url}" for url in urls),
        ]
        try:
            click.echo("\n".join(lines))
        except OSError:
            sys.stdout = open(os.devnull, "w")  # nobody reads; serve all the same  # noqa: SIM115

    try:
        trio.run(_serve_to_the_end, server, announce)
    except ListenError as exc:
        _fail(str(exc), 1)
    except OSError as exc:
        _fail(f"cannot start: {exc.strerror or exc}", 1)


def _client_url(url: str) -> str:
    """What a client can connect to: the address of every interface is none."""
    return (
        url.replace("http", "ws", 1)
        .replace("//0.0.0.0:", "//<this host>:")
        .replace("//[::]:", "//<this host>:")
    )


async def _serve_to_the_end(server: "Server", announce: Callable[[list[str]], None]) -> None:
    import trio

    # once the server has let go of the signals, what is left is to end the process: a late one must not make a failure of that
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM):
        await server.run(announce)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _fail(text: str, code: int) -> Any:
    click.echo(f"relay: {text}", err=True)
    sys.exit(code)
