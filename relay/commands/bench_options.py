"""The options of `relay bench`, and how their values are read."""

from collections.abc import Callable
from typing import Any, Final

import click

from relay.units import parse_duration, parse_rate, parse_size, parse_whole


class Quantity(click.ParamType):
    """A value with a unit, in a range; what is wrong with one is told in the words of all settings."""

    def __init__(
        self, name: str, parse: Callable[[str], Any], least: float, most: float, zero: bool = False
    ) -> None:
        self.name = name
        self._parse, self._least, self._most, self._zero = parse, least, most, zero

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            number = self._parse(value)
        except ValueError as exc:
            raise _usage(param, str(exc)) from None
        if not (self._least <= number <= self._most or (self._zero and number == 0)):
            zero = "0, or " if self._zero else ""
            raise _usage(param, f"expected {zero}from {self._least:g} to {self._most:g}, got {value}")
        return number


def _usage(param: click.Parameter | None, text: str) -> click.UsageError:
    return click.UsageError(f"{param.opts[0] if param else 'value'}: {text}")


def _whole(least: int, most: int) -> Quantity:
    return Quantity("N", parse_whole, least, most)


_RATE: Final = Quantity("RATE", parse_rate, 0.01, 10_000_000)
_RATE_OR_NONE: Final = Quantity("RATE", parse_rate, 0.01, 10_000_000, zero=True)

_OPTIONS: Final = (
    click.option("--channels", type=_whole(1, 1_000_000), default=10, show_default=True, help="Channels."),
    click.option(
        "--members", type=_whole(1, 99_999), default=50, show_default=True, help="Members of each channel."
    ),
    click.option(
        "--senders",
        type=_whole(1, 99_999),
        help="Members of each channel that send, in turn.  [all, at most 100]",
    ),
    click.option(
        "--rate",
        type=_RATE,
        help="Open loop: so many messages a second in all channels together, by the clock.  [1000/s]",
    ),
    click.option(
        "--in-flight",
        type=_whole(1, 99_999),
        help="Closed loop: so many messages under way in each channel; the next follows as one is done.",
    ),
    click.option(
        "--size",
        type=Quantity("SIZE", parse_size, 61, 1_048_576),
        default="64",
        show_default=True,
        help="Bytes of a message's JSON.",
    ),
    click.option(
        "--duration",
        type=Quantity("TIME", parse_duration, 0.05, 3600, zero=True),
        default="5s",
        show_default=True,
        help="How long to measure; 0 opens connections and sends nothing.",
    ),
    click.option(
        "--warmup",
        type=Quantity("TIME", parse_duration, 0, 3600),
        default="1s",
        show_default=True,
        help="The same load before that, not measured.",
    ),
    click.option(
        "--protocol",
        type=click.Choice(("itty", "party", "template")),
        help="What to speak: itty channels, party rooms, or what --template says.  [itty]",
    ),
    click.option(
        "--template",
        metavar="TEXT",
        help="A message for another server: holds {stamp} once, and maybe {channel}, {sender}, {sequence}, {sent}, {padding}.",
    ),
    click.option(
        "--greeting",
        metavar="TEXT",
        help="What each connection sends when it is open, such as a subscription; may hold {channel} and {member}.",
    ),
    click.option("--echo", is_flag=True, help="Senders get their own messages, too, and these count."),
    click.option(
        "--connect-rate",
        type=_RATE_OR_NONE,
        default="0",
        help="Connections to open a second.  [as fast as they are accepted]",
    ),
    click.option(
        "--connect-timeout",
        type=Quantity("TIME", parse_duration, 0.05, 3600),
        default="30s",
        show_default=True,
        help="How long that may take, beyond what the rate asks for.",
    ),
    click.option(
        "--handshakes",
        type=_whole(1, 4096),
        default=64,
        show_default=True,
        help="Opening handshakes under way at one time: more of them are a storm.",
    ),
    click.option(
        "--churn",
        type=_RATE_OR_NONE,
        default="0",
        help="Visitors that leave a second, and join again at once.  [none]",
    ),
    click.option(
        "--slow-readers",
        type=_whole(0, 10_000),
        default=0,
        help="More members, which read nothing until the end.  [none]",
    ),
    click.option(
        "--source-address",
        "source_addresses",
        metavar="ADDRESS",
        multiple=True,
        help="Connect from this address, or from a range such as 127.0.0.1-127.0.0.20, in turn; may be repeated.",
    ),
    click.option(
        "--loss-timeout",
        type=Quantity("TIME", parse_duration, 0.05, 600),
        default="2s",
        show_default=True,
        help="A delivery later than this is lost.",
    ),
    click.option(
        "--pid",
        type=_whole(1, 2**31 - 1),
        help="The server's process: tells its CPU per delivery and memory per connection.",
    ),
    click.option("--cpu", type=_whole(0, 4095), help="Pin the generator to this core."),
    click.option("--remote", is_flag=True, help="Allow a server that is not on this machine: yours only."),
    click.option(
        "--json", "json_path", metavar="FILE", help="Write all figures as JSON; - is stdout, instead of the text."
    ),
    click.option("--html", "html_path", metavar="FILE", help="Write a page with plots, in one file."),
)


def bench_options(command: Callable[..., None]) -> Callable[..., None]:
    """All of them, in the order of the help text."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
