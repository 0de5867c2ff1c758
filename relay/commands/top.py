"""`relay top`: the figures of a running relay, in a terminal."""

import os
import sys
from datetime import datetime
from typing import Final

import click
import trio

from relay.client.dial import ConnectError, rejected
from relay.client.fetch import fetch
from relay.commands.rates import Moment, Snapshot, moment_of, read_snapshot
from relay.commands.screen import ColumnsView, JsonView, ScreenView, TableView, View
from relay.commands.shared import EXIT_CODES, CommandError, Exit, run_command

TOKEN_VARIABLE: Final = "RELAY_ADMIN_TOKEN"
DEFAULT_URL: Final = "http://127.0.0.1:8788"
ANSWER_TIMEOUT_SECONDS: Final = 5.0

_UNAUTHORIZED: Final = 401


@click.command(short_help="Show what a relay does, live.", epilog=EXIT_CODES)
@click.option(
    "--url", default=DEFAULT_URL, show_default=True, metavar="URL", help="The relay's admin listener, as http or https."
)  # fmt: skip
@click.option(
    "--interval", type=click.FloatRange(0.1, 3600), default=1.0, show_default=True, metavar="SECONDS", help="Time between looks."
)  # fmt: skip
@click.option("--once", is_flag=True, help="Write one table, after one interval, and exit.")
@click.option("--json", "is_json", is_flag=True, help="Write JSON, an object a line.")
def top(url: str, interval: float, once: bool, is_json: bool) -> None:
    """Show the figures of a running relay, each second, until Ctrl-C: the same that its dashboard shows.

    On a terminal it fills the screen, and goes on when the relay is away for a while; into a pipe it writes a line each time,
    and ends when there is no answer. With several workers each has its figures. The admin token, where one is asked for, comes
    from RELAY_ADMIN_TOKEN.
    """
    source = Source(url, os.environ.get(TOKEN_VARIABLE, ""))
    if sys.stdout.isatty() and not (once or is_json):
        run_command(_fill_screen, source, interval)
    view: View = JsonView() if is_json else TableView() if once else ColumnsView()
    run_command(_write_lines, source, interval, view, once)


class Source:
    """Asks a relay's admin listener, whose URL came from `option`. Raises click.UsageError for what cannot be asked."""

    def __init__(self, url: str, token: str, option: str = "--url") -> None:
        if not url.lower().startswith(("http://", "https://")) or {"?", "#"} & {*url}:
            raise click.UsageError(f"{option}: expected http://HOST:PORT or https://HOST:PORT")
        if token and not (token.isascii() and token.isprintable() and " " not in token):
            raise click.UsageError(f"{TOKEN_VARIABLE}: expected printable ASCII without spaces")
        self._option = option
        self._url = url.rstrip("/") + "/api/stats"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._before: Snapshot | None = None

    async def look(self) -> Moment:
        """The figures since the last look. Raises ConnectError, and CommandError for an answer that is none of these."""
        answer = await trio.to_thread.run_sync(self._ask, abandon_on_cancel=True)
        self._before, before = answer, self._before
        return moment_of(before, answer)

    def _ask(self) -> Snapshot:
        try:
            response = fetch(
                self._url, headers=self._headers, timeout_seconds=ANSWER_TIMEOUT_SECONDS
            )
        except ValueError as exc:
            reason = (
                str(exc)
                .removeprefix("url: ")
                .replace("a ws:// or wss://", "an http:// or https://")
            )
            raise CommandError(f"{self._option}: {reason}", Exit.USAGE) from None
        if not response.is_ok:
            text = str(rejected(response.status, response.body))
            hint = f"; set {TOKEN_VARIABLE}" if response.status == _UNAUTHORIZED else ""
            raise CommandError(text + hint, Exit.ANSWERED_ERROR)
        try:
            return read_snapshot(response.body)
        except ValueError as exc:
            raise CommandError(
                f"what answers there is no admin listener: {exc}", Exit.CONNECTION
            ) from None


async def _write_lines(source: Source, interval: float, view: View, is_once: bool) -> None:
    """The first look has nothing to compare with, and is not shown."""
    await source.look()
    due = trio.current_time()
    while True:
        due = max(due + interval, trio.current_time())
        await trio.sleep_until(due)
        view.show(await source.look())
        if is_once:
            return


async def _fill_screen(source: Source, interval: float) -> None:
    """A relay that is not there at the beginning is an error; one that is away later is waited for."""
    first = await source.look()
    silent_since: datetime | None = None
    with ScreenView(interval) as screen:
        screen.show(first)
        due = trio.current_time()
        while True:
            due = max(due + interval, trio.current_time())
            await trio.sleep_until(due)
            try:
                screen.show(await source.look())
                silent_since = None
            except ConnectError as exc:
                silent_since = silent_since or datetime.now()
                screen.show_silence(str(exc), silent_since)
