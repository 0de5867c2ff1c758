"""The command `relay`."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from relay import __version__
from relay.config import Settings, parse_duration, parse_size
from relay.faults import leaves

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


SIZE = _Quantity("size", parse_size)
TIME = _Quantity("time", parse_duration)
_DEFAULTS = Settings()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def main() -> None:
    """Realtime WebSocket channels: pick a name, connect, send."""


@main.command(short_help="Run the relay.")
@click.option(
    "--host",
    default=_DEFAULTS.host,
    show_default=True,
    help="Address to listen on; a name means all it stands for.",
)
@click.option(
    "--port",
    type=int,
    default=_DEFAULTS.port,
    show_default=True,
    help="TCP port; 0 picks a free one.",
)
@click.option(
    "--message-rate",
    type=float,
    default=_DEFAULTS.message_rate,
    show_default=True,
    help="Messages a second that one connection may send in the long run; 0 turns the limit off.",
)
@click.option(
    "--message-burst",
    type=float,
    default=_DEFAULTS.message_burst,
    show_default=True,
    help="Messages that one connection may send at once, when it has been quiet.",
)
@click.option(
    "--byte-rate",
    type=SIZE,
    default="256KiB",
    show_default=True,
    help="Bytes of messages a second that one connection may send in the long run; 0 turns the limit off.",
)
@click.option(
    "--byte-burst",
    type=SIZE,
    default="2MiB",
    show_default=True,
    help="Bytes of messages that one connection may send at once, when it has been quiet.",
)
@click.option(
    "--kick-after",
    type=int,
    default=_DEFAULTS.kick_after,
    show_default=True,
    help="Warnings, one a second at most, after which a connection over its rate is closed with 1008; 0 never does.",
)
@click.option(
    "--max-message",
    type=SIZE,
    default="100KiB",
    show_default=True,
    help="Largest message in a channel.",
)
@click.option(
    "--max-party-message",
    type=SIZE,
    default="1MiB",
    show_default=True,
    help="Largest message in a party room.",
)
@click.option(
    "--backlog-limit",
    type=SIZE,
    default="1MiB",
    show_default=True,
    help="How far a slow reader may fall behind before it is closed with 1013.",
)
@click.option(
    "--handshake-timeout",
    type=TIME,
    default="10s",
    show_default=True,
    help="Time a client has for the head of its request.",
)
@click.option(
    "--ping-interval",
    type=TIME,
    default="25s",
    show_default=True,
    help="Time between pings; a connection that is silent for two of them is dropped. 0 turns both off.",
)
@click.option(
    "--presence",
    type=click.Choice(["all", "auto", "off"]),
    default=_DEFAULTS.presence,
    show_default=True,
    help="Joins and leaves: tell of all, merge those that did not announce in large channels, or tell of none.",
)
@click.option(
    "--presence-limit",
    type=int,
    default=_DEFAULTS.presence_limit,
    show_default=True,
    help="Members above which a channel counts as large.",
)
def serve(**flags: Any) -> None:
    """Run the relay until SIGINT or SIGTERM, which close everyone with 1001.

    Clients connect to ws://HOST:PORT/c/CHANNEL. Sizes take KiB, MiB, kB, MB or plain bytes; times take ms, s, m, h or plain
    seconds.
    """
    if sys.platform != "linux":
        _fail("relay serve runs on Linux only (it needs epoll); the clients work everywhere", 1)
    try:
        settings = Settings(**flags)
    except ValueError as exc:
        name, _, text = str(exc).partition(": ")
        _fail(f"--{name.replace('_', '-')}: {text}", 2)
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING
    )
    _run(settings)


def _run(settings: Settings) -> None:
    try:
        import trio

        from relay.server import Server
    except ImportError as exc:
        _fail(
            f"the compiled core is missing ({exc}); build it with: pip install -e .  (or make build)",
            2,
        )
    server = Server(settings)

    def announce(urls: list[str]) -> None:
        lines = [
            f"relay {__version__}",
            f"file limit {server.file_limit}, room for {server.max_connections} connections",
            *(f"clients connect to {url.replace('http', 'ws', 1)}/c/<channel>" for url in urls),
            *(f"listening on {url}" for url in urls),
        ]
        try:
            click.echo("\n".join(lines))
        except OSError:
            sys.stdout = open(os.devnull, "w")  # nobody reads; serve all the same  # noqa: SIM115

    try:
        trio.run(_serve_to_the_end, server, announce)
    except* OSError as group:
        error = next(iter(leaves(group)))
        text = (isinstance(error, OSError) and error.strerror) or str(error)
        _fail(f"cannot listen on {settings.host} port {settings.port}: {text}", 1)


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
