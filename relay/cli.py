"""The command `relay`."""

import importlib.util
import logging
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from relay import __version__
from relay.settings.config import Settings, find_contradictions
from relay.settings.describe import report, settings_file
from relay.settings.flags import SettingsCommand, given_flags
from relay.settings.sources import ConfigError, Loaded, load_settings

if TYPE_CHECKING:
    from relay.server import Server


_CLIENTS: Final = ("listen", "send", "top", "bench", "plan")
"""Commands of relay/commands, loaded when they are used: the server needs none of what they import."""


class _Relay(click.Group):
    """Tells what is wrong with a command line in one line, as all other errors are told."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """As they are defined, not by their letters: serve comes first."""
        return [*self.commands, *_CLIENTS]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _CLIENTS:
            return super().get_command(ctx, name)
        command: click.Command = getattr(import_module(f"relay.commands.{name}"), name)
        return command

    def main(self, *args: Any, **extra: Any) -> Any:
        extra["standalone_mode"] = False
        try:
            sys.exit(super().main(*args, **extra))
        except click.exceptions.NoArgsIsHelpError as exc:
            exc.show()
            sys.exit(exc.exit_code)
        except click.UsageError as exc:
            command = exc.ctx.command_path if exc.ctx else "relay"
            _fail(f"{_usage(exc)}; {command} --help lists all", exc.exit_code)
        except click.Abort:
            sys.exit(1)
        except OSError as exc:
            _give_up_output()
            if isinstance(exc, BrokenPipeError):  # nobody wants to read on
                sys.exit(1)
            _fail(f"cannot write: {exc.strerror or exc}", 1)


def _usage(error: click.UsageError) -> str:
    """What is wrong, with the option first, whoever found it: click or we."""
    if type(error) is click.BadParameter and isinstance(error.param, click.Option):
        flag = max(error.param.opts, key=len)
        return f"{flag}: {error.message.rstrip('.')}"
    return error.format_message().rstrip(".")


@click.group(
    cls=_Relay, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, message="%(version)s")
def main() -> None:
    """Realtime WebSocket channels: pick a name, connect, send."""


_CONFIG = click.option(
    "--config",
    "config_path",
    metavar="FILE",
    help="TOML file of settings; the environment and flags win over it.  [RELAY_CONFIG]",
)


@main.command(cls=SettingsCommand, short_help="Run the relay.")
@_CONFIG
@click.option(
    "--print-config",
    is_flag=True,
    help="Write a commented file of all settings, as they would be, and exit.",
)
@click.pass_context
def serve(ctx: click.Context, config_path: str | None, print_config: bool) -> None:
    """Run the relay until SIGINT (Ctrl-C) or SIGTERM.

    They close everyone with 1001, spread over --drain-time, and wait up to 5 seconds for the clients' part; a second one ends
    at once. SIGHUP loads the settings again (bad ones are refused, nobody is disconnected), unless the terminal was closed.

    Clients connect to ws://HOST:PORT/c/CHANNEL. Every setting is also a variable (RELAY_MESSAGE_RATE) and a name in the file
    (message_rate). Sizes take kB, KiB, MB, MiB, GB, GiB or plain bytes; times take ms, s, m (or min), h or plain seconds; rates
    are a second, or take /s, /m, /h; lists take commas. Keys are for the file, or for RELAY_NAMESPACES.
    """
    if print_config:
        click.echo(settings_file(_load(ctx, config_path).settings), nl=False)
        return
    if sys.platform != "linux":
        _fail("relay serve runs on Linux only: it needs epoll", 1)
    settings = _load(ctx, config_path).settings
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING
    )
    _log_contradictions(settings)

    def reload() -> Settings:
        loaded = load_settings(config_path, os.environ, given_flags(ctx), again=True).settings
        _log_contradictions(loaded)
        return loaded

    _run(settings, reload)


@main.command("check-config", cls=SettingsCommand, short_help="Check settings.")
@_CONFIG
@click.pass_context
def check_config(ctx: click.Context, config_path: str | None) -> None:
    """Check what relay serve would run with, given the same file, environment and flags.

    Prints what differs from the defaults and where that comes from, or all errors, and then exits with 2. Keys are only counted.
    """
    loaded = _load(ctx, config_path)
    lines = report(loaded)
    click.echo("\n".join([f"ok, different from the defaults: {len(lines)}", *lines]))
    for warning in find_contradictions(loaded.settings):
        click.echo(f"relay: warning: {warning}", err=True)


def _load(ctx: click.Context, config_path: str | None) -> Loaded:
    try:
        return load_settings(config_path, os.environ, given_flags(ctx))
    except ConfigError as exc:
        _fail("\nrelay: ".join(exc.lines), 2)


def _log_contradictions(settings: Settings) -> None:
    for warning in find_contradictions(settings):
        logging.getLogger("relay").warning("%s", warning)


def _run(settings: Settings, reload: Callable[[], Settings]) -> None:
    if importlib.util.find_spec("relay._core") is None:
        _fail(
            "the compiled core is missing here; build it with: make build  (or pip install -e .)", 2
        )
    import trio

    from relay.listeners import ListenError
    from relay.server import Server

    server = Server(settings, reload)

    def announce(urls: list[str]) -> None:
        lines = [
            f"relay {__version__}",
            _room(server),
            *(f"operators at {url}/" for url in server.admin_urls),
            *(
                f"clients connect to {_client_url(url)}/c/<channel>"
                for url in urls
                if url.startswith("http")
            ),
            *(f"listening on {url}" for url in urls),
        ]
        try:
            click.echo("\n".join(lines))
        except OSError:  # nobody reads; serve all the same
            _give_up_output()

    try:
        trio.run(_serve_to_the_end, server, announce)
    except ListenError as exc:
        _fail(str(exc), 1)
    except OSError as exc:
        _fail(f"cannot start: {exc.strerror or exc}", 1)


def _give_up_output() -> None:
    """What could not be written must not fail once more at the end of the process."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def _room(server: "Server") -> str:
    """How many connections can be taken, and how many should have been, if that is more."""
    room = f"file limit {server.file_limit}, room for {server.max_connections} connections"
    wanted = server.settings.max_connections
    return f"{room}, not {wanted}" if wanted > server.max_connections else room


def _client_url(url: str) -> str:
    """What a client can connect to: the address of every interface is none."""
    return (
        url.replace("http", "ws", 1)
        .replace("//0.0.0.0:", "//<this host>:")
        .replace("//[::]:", "//<this host>:")
    )


async def _serve_to_the_end(server: "Server", announce: Callable[[list[str]], None]) -> None:
    import trio

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        # what holds once the receiver is closed, also for what it has not passed on: what is left is to end the process, and a
        # late signal must not make a failure of that
        signal.signal(number, signal.SIG_IGN)
    with trio.open_signal_receiver(*numbers) as signals:
        await server.run(announce, signals)


def _fail(text: str, code: int) -> NoReturn:
    click.echo(f"relay: {text}", err=True)
    sys.exit(code)
