"""`relay listen`: show what arrives in a channel."""

import sys

import click

from relay.client.address import Address
from relay.client.conversation import PING_SECONDS
from relay.client.events import ErrorEvent, MessageEvent, event_of
from relay.client.transport import open_transport
from relay.commands.lines import LineWriter, RawWriter, TerminalWriter, Writer
from relay.commands.shared import (
    EXIT_CODES,
    CommandError,
    Exit,
    address_of,
    channel_options,
    run_command,
)


@click.command(short_help="Show what arrives in a channel.", epilog=EXIT_CODES)
@channel_options
@click.option("--as", "as_", metavar="NAME", help="A name for others to see.")
@click.option("--announce", is_flag=True, help="Tell others one's uid and name on joining.")
@click.option("--echo", is_flag=True, help="Ask for one's own messages, too.")
@click.option(
    "--raw", is_flag=True, help="Write frames as they came, on a terminal, too, controls included."
)
@click.option(
    "--count", type=click.IntRange(1), metavar="N", help="End after so many messages; joins and leaves are none."
)  # fmt: skip
def listen(
    channel: str,
    party: bool,
    url: str | None,
    as_: str | None,
    announce: bool,
    echo: bool,
    raw: bool,
    count: int | None,
) -> None:
    """Show what arrives in CHANNEL (a name, or a ws:// or wss:// URL): messages, joins and leaves, until Ctrl-C.

    On a terminal in colours; into a pipe as JSON, an event a line. Keys come from RELAY_JOIN_KEY and RELAY_SEND_KEY, never from
    the command line, where others could read them. With --party all that arrives is written as it came, a line feed behind each.
    """
    try:
        address = address_of(channel, party=party, url=url, as_=as_, announce=announce, echo=echo)
    except CommandError as exc:
        raise click.UsageError(str(exc)) from None
    run_command(_listen, address, not party, raw, count)


async def _listen(address: Address, has_events: bool, raw: bool, count: int | None) -> None:
    """Write what arrives until `count` messages have. Raises ConnectError, Closed, CommandError, BrokenPipeError."""
    writer = _writer(has_events, raw)
    async with open_transport(address.url, headers=address.headers, ping=PING_SECONDS) as transport:
        left = count
        while left is None or left > 0:
            frame = await transport.receive()
            event = event_of(frame) if has_events else None
            writer.write(frame, event)
            if isinstance(event, ErrorEvent):
                raise CommandError("the relay answered with an error", Exit.ANSWERED_ERROR)
            if left is not None and (isinstance(event, MessageEvent) or not has_events):
                left -= 1


def _writer(has_events: bool, raw: bool) -> Writer:
    if sys.stdout is None:
        raise CommandError("stdout is closed", Exit.CONNECTION)
    if sys.stdout.isatty() and not raw:
        return TerminalWriter()
    return LineWriter() if has_events and not raw else RawWriter()
