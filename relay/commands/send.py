"""`relay send`: send to a channel, and say whether the relay has taken it."""

import os
import re
import sys
from collections.abc import AsyncIterator
from typing import Final

import click
import trio

from relay.client.address import Address
from relay.client.checks import check_text
from relay.client.conversation import PING_SECONDS
from relay.client.events import ErrorEvent, JoinEvent, MessageEvent, event_of
from relay.client.payload import address as recipient
from relay.client.payload import decode_json
from relay.client.transport import Closed, Transport, open_transport
from relay.commands.shared import (
    EXIT_CODES,
    CommandError,
    Exit,
    address_of,
    channel_options,
    run_command,
)

STDIN: Final = "-"
MARK: Final = "null"
"""What one sends to oneself behind the last message: when it is back, the relay has taken what came before it."""

NEGATIVE_NUMBER: Final = re.compile(r"-\d.*")
VALUED_OPTIONS: Final = ("--to", "--as", "--url")
GREETING_SECONDS: Final = 10.0
_READ_BYTES: Final = 65536


class _SendCommand(click.Command):
    """Takes a number below zero for JSON, and not for an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and NEGATIVE_NUMBER.fullmatch(args[-1]) and "--" not in args:
            is_value = len(args) > 1 and args[-2] in VALUED_OPTIONS
            args = args if is_value else [*args[:-1], "--", args[-1]]
        return super().parse_args(ctx, args)


@click.command(cls=_SendCommand, short_help="Send to a channel.", epilog=EXIT_CODES)
@channel_options
@click.argument("json")
@click.option("--to", metavar="UID", help="Send to this one member.")
@click.option("--as", "as_", metavar="NAME", help="A name for others to see.")
def send(
    channel: str, json: str, party: bool, url: str | None, to: str | None, as_: str | None
) -> None:
    """Send JSON to CHANNEL (a name, or a ws:// or wss:// URL); - sends every line of stdin as it comes.

    JSON is one value, sent as it is spelled; text needs its quotes: relay send room '"hello"'. The command ends when the
    relay has taken all of it. Keys come from RELAY_JOIN_KEY and RELAY_SEND_KEY. With --party what is sent is any text, verbatim.
    """
    if (
        to == ""
    ):  # a variable that is not set, say: to send to everyone then would tell them what was meant for one
        raise click.UsageError("--to: expected the uid of a member, got nothing")
    if party and to:
        raise click.UsageError("--to: party rooms have no recipients")
    try:
        check_text("JSON", json)
        address = address_of(channel, party=party, url=url, as_=as_)
        prefix = recipient(to)
        if json != STDIN and not party:
            decode_json(json)
    except CommandError as exc:
        raise click.UsageError(str(exc)) from None
    except ValueError as exc:
        raise click.UsageError(_usage(str(exc))) from None
    run_command(_send, address, json, prefix, party)


def _usage(text: str) -> str:
    if text.startswith("uid:"):
        return text.replace("uid:", "--to:", 1)
    if text.startswith("JSON:"):
        return text
    return f"""JSON: {text}; text needs quotes: '"hello"'"""


async def _send(address: Address, json: str, prefix: str, is_party: bool) -> None:
    """Send, and wait until it is taken. Raises ConnectError, Closed, CommandError."""
    async with open_transport(address.url, headers=address.headers, ping=PING_SECONDS) as transport:
        if is_party:
            await _send_verbatim(transport, json)
        else:
            await _send_checked(transport, json, prefix)


async def _send_verbatim(transport: Transport, json: str) -> None:
    """A party room answers nothing: the closing handshake says that the relay has taken what came before it."""
    async for _, text in _texts(json):
        await transport.send(text)


async def _send_checked(transport: Transport, json: str, prefix: str) -> None:
    own = await _own_uid(transport)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_send_all, transport, json, prefix, own)
        await _hear_answers(transport, own)
        nursery.cancel_scope.cancel()


async def _own_uid(transport: Transport) -> str:
    """That of the own join, which comes first. Raises CommandError when there is none to wait for."""
    with trio.move_on_after(GREETING_SECONDS):
        while True:
            event = event_of(await transport.receive())
            if isinstance(event, ErrorEvent):
                raise CommandError(f"the relay answered: {event.message}", Exit.ANSWERED_ERROR)
            if isinstance(event, JoinEvent) and event.self_:
                break
        if event.uid:
            return event.uid
    raise CommandError(
        "the server does not tell a new member its uid, so that nothing could tell what it has taken;"
        " is it a relay, and the URL one below /c/?",
        Exit.CONNECTION,
    )


async def _send_all(transport: Transport, json: str, prefix: str, own: str) -> None:
    try:
        async for number, text in _texts(json):
            _check_line(number, text)
            await transport.send(prefix + text)
        await transport.send(recipient(own) + MARK)
    except Closed:
        await trio.sleep_forever()  # who hears the answers raises it, after what came before it


async def _hear_answers(transport: Transport, own: str) -> None:
    """Until the mark is back. Raises CommandError for an error that the relay answers, and Closed."""
    while True:
        event = event_of(await transport.receive())
        if isinstance(event, ErrorEvent):
            raise CommandError(f"the relay answered: {event.message}", Exit.ANSWERED_ERROR)
        if isinstance(event, MessageEvent) and event.uid == own:
            return


def _check_line(number: int, text: str) -> None:
    try:
        decode_json(text)
    except ValueError as exc:
        raise CommandError(f"line {number}: {exc}", Exit.USAGE) from None


async def _texts(json: str) -> AsyncIterator[tuple[int, str]]:
    """What is to be sent, with its number: the argument, or the lines of stdin that are not empty."""
    if json != STDIN:
        yield 1, json
        return
    number, rest = 0, b""
    while data := await _read_stdin():
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            number += 1
            if line.strip():
                yield number, _decode_line(number, line)
    if rest.strip():
        yield number + 1, _decode_line(number + 1, rest)


async def _read_stdin() -> bytes:
    """Not by sys.stdin: a thread that is left waiting there would keep its lock, which the interpreter wants at its end."""
    if sys.stdin is None:
        raise CommandError("stdin is closed", Exit.USAGE)
    return await trio.to_thread.run_sync(
        os.read, sys.stdin.fileno(), _READ_BYTES, abandon_on_cancel=True
    )


def _decode_line(number: int, line: bytes) -> str:
    try:
        return line.rstrip(b"\r").decode()
    except UnicodeDecodeError:
        raise CommandError(f"line {number}: expected text in UTF-8", Exit.USAGE) from None
