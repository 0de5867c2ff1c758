"""What `relay plan` can be asked, and which of it goes together."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from relay.commands.amounts import Amount, amount, whole_number
from relay.commands.files import require_file
from relay.plan.quantities import parse_count, parse_share
from relay.plan.sizing import MAX_PROCESSES
from relay.settings.units import parse_duration, parse_rate, parse_size

CALIBRATION_VARIABLE: Final = "RELAY_CALIBRATION"
WATCH_SECONDS: Final = (0.1, 3600.0)
PASSES: Final = (1, 100)
HABITS: Final = ("channel_size", "messages", "payload_bytes", "joins")

_OPTIONS: Final = (
    click.option(
        "--calibrate",
        "calibrates",
        is_flag=True,
        help="Measure this machine's prices, in about 100 seconds when it is quiet, on two cores.",
    ),
    click.option(
        "--passes",
        type=Amount("number", whole_number(*PASSES)),
        metavar="NUMBER",
        help="How often --calibrate runs all of its loads, half a minute each time.  [3]",
    ),
    click.option(
        "--connections",
        type=Amount("count", parse_count),
        metavar="NUMBER",
        help='Connected at the same time, such as "50k".',
    ),
    amount("--channel-size", parse_count, "10", "NUMBER", "Members of a channel."),
    amount(
        "--messages",
        parse_rate,
        "0.1/s",
        "RATE",
        'What each connection sends, such as "0.5/s" or "10/m".',
    ),
    amount(
        "--bytes", parse_size, "200B", "SIZE", "Payload of a message, up to 1GiB.", "payload_bytes"
    ),
    amount("--joins", parse_rate, "0/s", "RATE", "New connections in all; as many leave."),
    amount(
        "--ping-interval", parse_duration, "25s", "TIME", "As the relay's setting of this name."
    ),
    amount(
        "--target-p99",
        parse_duration,
        "50ms",
        "TIME",
        "From a message's arrival to 99 % of its deliveries, inside the relay.",
    ),
    amount(
        "--headroom", parse_share, "30%", "SHARE", "Of each core and of the memory, to stay free."
    ),
    click.option(
        "--workers",
        type=Amount("number", whole_number(1, 1024)),
        metavar="NUMBER",
        help="Processes on one host, if its memory suffices.  [the cores of the machine that was measured]",
    ),
    click.option(
        "--processes",
        type=Amount("number", whole_number(1, MAX_PROCESSES)),
        metavar="NUMBER",
        help="Tell how so many would fare, instead of how many are needed.",
    ),
    click.option(
        "--like",
        "like_url",
        metavar="URL",
        help="Take the habits from a running relay, by its admin URL; RELAY_ADMIN_TOKEN has the token.",
    ),
    amount("--watch", parse_duration, "5s", "TIME", "How long --like looks."),
    click.option(
        "--inverse",
        is_flag=True,
        help="How many connections with these habits one host holds, by its cores and its memory.",
    ),
    click.option(
        "--verify",
        "verifies",
        is_flag=True,
        help="Run the planned load of one process here, and compare.",
    ),
    click.option(
        "--calibration",
        "path",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar=CALIBRATION_VARIABLE,
        metavar="FILE",
        help=f"Prices, to read or to write.  [{CALIBRATION_VARIABLE}, or ~/.config/relay/calibration.json]",
    ),
    click.option("--json", "as_json", is_flag=True, help="The answer as JSON."),
    click.option(
        "--plot",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Load against latency and processor time, as an SVG picture.",
    ),
)


def plan_options(command: Callable[..., None]) -> Callable[..., None]:
    """All options of the command, in the order in which its help tells them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def default_path() -> Path:
    """Where a calibration is kept when no other file is named."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "relay" / "calibration.json"


def check_options(context: click.Context, options: dict[str, Any]) -> None:
    """Raises click.UsageError for what does not go together, so that nothing given is ignored, and for a picture that could not
    be written."""
    given = _given(context)
    for name, flag in (("path", "--calibration"), ("plot", "--plot")):
        if options[name] == Path():
            raise click.UsageError(f"{flag}: expected the name of a file")
    if options["calibrates"]:
        for flag in given.keys() - {"calibrates", "passes", "path"}:
            raise click.UsageError(
                f"{given[flag]}: --calibrate measures this machine, and takes --passes and --calibration only"
            )
        return
    _refuse(given, ("passes",), "it is how often --calibrate measures; expected with --calibrate only")  # fmt: skip
    if options["inverse"]:
        _refuse(given, ("connections",), "--inverse finds their number; expected only one of both")
        _refuse(given, ("processes",), "--inverse takes all of one host; --workers tells how many")
        _refuse(given, ("verifies",), "--inverse does not run what it finds; plan --connections of that number")  # fmt: skip
    if options["like_url"] is not None:
        _refuse(given, HABITS, "--like takes this from the relay; expected only one of both")
        _check_watch(options["watch"])
    else:
        _refuse(given, ("watch",), "it is how long --like looks; expected with --like only")
        if options["connections"] is None and not options["inverse"]:
            raise click.UsageError(
                "--connections: expected how many connect at the same time, or --inverse, or --like"
            )
    if options["target_p99"] <= 0:
        raise click.UsageError('--target-p99: expected more than 0, such as "50ms", got 0')
    if options["plot"] is not None:
        _check_plot(options["plot"], options["path"] or default_path())


def is_default(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.DEFAULT


def _given(context: click.Context) -> dict[str, str]:
    """The flags of this command line, by the names of their values."""
    source = click.core.ParameterSource.COMMANDLINE
    return {
        each.name: each.opts[0]
        for each in context.command.params
        if each.name is not None and context.get_parameter_source(each.name) is source
    }


def _refuse(given: dict[str, str], names: tuple[str, ...], why: str) -> None:
    for name in names:
        if name in given:
            raise click.UsageError(f"{given[name]}: {why}")


def _check_watch(seconds: float) -> None:
    least, most = WATCH_SECONDS
    if not least <= seconds <= most:
        raise click.UsageError(f"--watch: expected {least:g} to {most:g} seconds, got {seconds:g}")


def _check_plot(plot: Path, calibration: Path) -> None:
    if plot.exists() and calibration.exists() and plot.samefile(calibration):
        raise click.UsageError(f"--plot: {plot} is the calibration, and would be overwritten")
    require_file("--plot", plot)
