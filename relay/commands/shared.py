"""What `relay listen` and `relay send` share: where to connect, and how a command ends.

Exit codes: 0 done, 1 no connection or one that was lost, 2 a wrong command line, 3 the relay answered with an error, 130 Ctrl-C.
"""

import enum
import importlib.util
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn

import click
import trio

from relay.client.address import Address
from relay.client.transport import Closed, ConnectError
from relay.commands.visible import visible

JOIN_KEY_VARIABLE: Final = "RELAY_JOIN_KEY"
SEND_KEY_VARIABLE: Final = "RELAY_SEND_KEY"

EXIT_CODES: Final = """\b
Exit codes: 0 done, 1 no connection or it was lost, 2 wrong command line
or input, 3 the relay answered with an error, 130 Ctrl-C."""


class Exit(enum.IntEnum):
    """Exit codes that a script can use."""

    CONNECTION = 1
    USAGE = 2
    ANSWERED_ERROR = 3
    INTERRUPTED = 130


class CommandError(Exception):
    """A command cannot go on; the text is its last line on stderr."""

    def __init__(self, text: str, code: Exit) -> None:
        super().__init__(text)
        self.code = code


def channel_options(command: Callable[..., None]) -> Callable[..., None]:
    """The argument and the options that say where to connect."""
    for option in (
        click.option(
            "--party",
            is_flag=True,
            help="CHANNEL is a party room, party/room; frames are verbatim there.",
        ),
        click.option(
            "--url",
            metavar="URL",
            help="The relay, as ws, wss, http or https.  [RELAY_URL, or ws://127.0.0.1:8787]",
        ),
        click.argument("channel"),
    ):
        command = option(command)
    return command


def address_of(
    channel: str,
    *,
    party: bool,
    url: str | None,
    as_: str | None = None,
    announce: bool = False,
    echo: bool = False,
) -> Address:
    """The address of a channel or of a party room, with the keys of the environment. Raises CommandError."""
    join_key = os.environ.get(JOIN_KEY_VARIABLE)
    send_key = os.environ.get(SEND_KEY_VARIABLE)
    if channel.lower().startswith(("http://", "https://")):  # nobody means a channel of that name
        text = (
            "CHANNEL: expected a name, or a URL that begins with ws:// or wss://; --url takes http"
        )
        raise CommandError(text, Exit.USAGE)
    try:
        if party:
            _refuse_for_rooms({"--as": as_, "--announce": announce})
            return Address.of_room(
                channel, base_url=url, echo=echo, join_key=join_key, send_key=send_key
            )
        return Address.of_channel(
            channel,
            base_url=url,
            as_=as_,
            announce=announce,
            echo=echo,
            join_key=join_key,
            send_key=send_key,
        )
    except ValueError as exc:
        raise CommandError(_by_flags(str(exc)), Exit.USAGE) from None


def _refuse_for_rooms(given: dict[str, object]) -> None:
    """Raises CommandError for an option that means nothing in a party room."""
    for flag, value in given.items():
        if value:
            raise CommandError(f"{flag}: party rooms know no names", Exit.USAGE)


def run_command(function: Callable[..., Awaitable[None]], *args: Any) -> NoReturn:
    """Run an async function, and end the process as its outcome says: in at most one line, without a traceback."""
    try:
        trio.run(function, *args)
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as exc:
        _end_with(_first(exc))
    sys.exit(0)


def _end_with(error: BaseException) -> NoReturn:
    """Raises what is none of the ends of a command."""
    match error:
        case KeyboardInterrupt():
            sys.exit(Exit.INTERRUPTED)
        case BrokenPipeError():
            leave_stdout()
            sys.exit(0)
        case CommandError():
            fail(str(error), error.code)
        case ConnectError():
            fail(str(error), Exit.CONNECTION)
        case Closed():
            fail(f"the connection was {error}", Exit.CONNECTION)
        case OSError():  # of stdin or stdout: those of the network are ConnectError and Closed
            leave_stdout()
            fail(f"cannot read or write: {error.strerror or error}", Exit.CONNECTION)
    raise error


def _first(error: BaseException) -> BaseException:
    """What a nursery has wrapped."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def fail(text: str, code: Exit) -> NoReturn:
    """In one line; it may quote the server."""
    click.echo(f"relay: {visible(text)}", err=True)
    sys.exit(code)


def require_generator() -> None:
    """End when the compiled load generator is not there."""
    if importlib.util.find_spec("relay._load") is None:
        reason = "build it with: make build" if sys.platform == "linux" else "it runs on Linux only"
        fail(f"the compiled load generator is missing here; {reason}", Exit.USAGE)


def leave_stdout() -> None:
    """Nobody reads any more, as behind `| head`: that is an end, and the interpreter's own flush must not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _by_flags(text: str) -> str:
    """An error in the words of the command line."""
    names = {
        "base_url": "--url",
        "as_": "--as",
        "channel": "CHANNEL",
        "room": "CHANNEL",
        "join_key": JOIN_KEY_VARIABLE,
        "send_key": SEND_KEY_VARIABLE,
    }
    name, colon, rest = text.partition(":")
    return f"{names.get(name, name)}{colon}{rest}"
