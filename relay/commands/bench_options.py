"""The options of `relay bench`, and how their values are read."""

from collections.abc import Callable
from typing import Final

import click

from relay.settings.units import parse_duration, parse_rate, parse_size, parse_whole, show_amount


class Quantity:
    """A value in a range, with a unit maybe; what is wrong with one is told in the words of all settings."""

    def __init__(
        self,
        metavar: str,
        parse: Callable[[str], float],
        least: float,
        most: float,
        zero: bool = False,
    ) -> None:
        self.metavar = metavar
        self._parse, self._least, self._most, self._zero = parse, least, most, zero

    def read(self, ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
        """A callback of click's. None stays None: the option was not given."""
        if value is None:
            return None
        try:
            number = self._parse(value)
        except ValueError as exc:
            raise click.UsageError(f"{param.opts[0]}: {exc}", ctx) from None
        if not (self._least <= number <= self._most or (self._zero and number == 0)):
            expected = f"{'0, or ' if self._zero else ''}from {show_amount(self._least)} to {show_amount(self._most)}"
            raise click.UsageError(f"{param.opts[0]}: expected {expected}, got {value}", ctx)
        return number


def _quantity(
    flag: str, quantity: Quantity, help: str, default: str | None = None, show_default: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        flag,
        metavar=quantity.metavar,
        callback=quantity.read,
        default=default,
        show_default=show_default,
        help=help,
    )


def _whole(least: int, most: int) -> Quantity:
    return Quantity("N", parse_whole, least, most)


def _time(least: float, most: float, zero: bool = False) -> Quantity:
    return Quantity("TIME", parse_duration, least, most, zero)


_RATE: Final = Quantity("RATE", parse_rate, 0.01, 10_000_000)
_RATE_OR_NONE: Final = Quantity("RATE", parse_rate, 0.01, 10_000_000, zero=True)

_OPTIONS: Final = (
    _quantity("--channels", _whole(1, 1_000_000), "Channels.", "10", True),
    _quantity("--members", _whole(1, 99_999), "Members of each channel.", "50", True),
    _quantity(
        "--senders",
        _whole(1, 99_999),
        "Members of each channel that send, in turn.  [all, at most 100; fewer with a million connections]",
    ),
    _quantity(
        "--rate",
        _RATE,
        "Open loop: so many messages a second in all channels together, by the clock.  [1000/s]",
    ),
    _quantity(
        "--in-flight",
        _whole(1, 99_999),
        "Closed loop: so many messages under way in each channel; the next follows as one is done.",
    ),
    _quantity(
        "--size",
        Quantity("SIZE", parse_size, 61, 1_048_576),
        "Bytes of a message's JSON, 61 at least; a --template follows it only with {padding}."
        " For more than its default of 100KiB a relay needs --max-message.",
        "64",
        True,
    ),
    _quantity(
        "--duration",
        _time(0.05, 3600, zero=True),
        "How long to measure; 0 opens connections and sends nothing.",
        "5s",
        True,
    ),
    _quantity("--warmup", _time(0, 3600), "The same load before that, not measured.", "1s", True),
    click.option(
        "--protocol",
        type=click.Choice(("itty", "party", "template")),
        help="What to speak: itty channels, party rooms, or what --template says.  [itty]",
    ),
    click.option(
        "--template",
        metavar="TEXT",
        help="A message for another server: holds {stamp} once, and maybe {channel}, {sender}, {sequence}, {sent}, {padding};"
        " 56 bytes at least, of which {stamp} makes 53.",
    ),
    click.option(
        "--greeting",
        metavar="TEXT",
        help="What each connection sends when it is open, such as a subscription; may hold {channel} and {member}.",
    ),
    click.option(
        "--echo", is_flag=True, help="Senders get their own messages, too, and these count."
    ),
    _quantity(
        "--connect-rate",
        _RATE_OR_NONE,
        "Connections to open a second.  [as fast as they are accepted]",
        "0",
    ),
    _quantity(
        "--connect-timeout",
        _time(0.05, 3600),
        "How long that may take, beyond what the rate asks for.",
        "30s",
        True,
    ),
    _quantity(
        "--handshakes",
        _whole(1, 4096),
        "Opening handshakes under way at one time: more of them are a storm.",
        "64",
        True,
    ),
    _quantity(
        "--churn",
        _RATE_OR_NONE,
        "Visitors that leave a second, and join again at once.  [none]",
        "0",
    ),
    _quantity(
        "--slow-readers",
        _whole(0, 10_000),
        "More members, which read nothing until the end.  [none]",
        "0",
    ),
    click.option(
        "--source-address",
        "source_addresses",
        metavar="ADDRESS",
        multiple=True,
        help="Connect from this address, or from a range such as 127.0.0.1-127.0.0.20, in turn; may be repeated.",
    ),
    _quantity(
        "--loss-timeout", _time(0.05, 600), "A delivery later than this is lost.", "2s", True
    ),
    _quantity(
        "--pid",
        _whole(1, 2**31 - 1),
        "The server's process: tells its CPU per delivery and memory per connection.",
    ),
    _quantity("--cpu", _whole(0, 4095), "Pin the generator to this core."),
    click.option(
        "--remote", is_flag=True, help="Allow a server that is not on this machine: yours only."
    ),
    click.option(
        "--json",
        "json_path",
        metavar="FILE",
        help="Write all figures as JSON; - is stdout, instead of the text.",
    ),
    click.option(
        "--html",
        "html_path",
        metavar="FILE",
        help="Write a page with plots, in one file; - is stdout, instead of the text.",
    ),
)


def bench_options(command: Callable[..., None]) -> Callable[..., None]:
    """All of them, in the order of the help text."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
