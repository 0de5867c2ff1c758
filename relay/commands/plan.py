"""`relay plan`: how much of what a workload needs, by the prices of a machine that was measured."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from relay.commands import like
from relay.commands.amounts import Amount, amount
from relay.commands.shared import Exit, fail, require_generator
from relay.plan.observed import Observed
from relay.plan.plots import load_plot
from relay.plan.prices import (
    Calibration,
    CalibrationError,
    read_calibration,
    write_calibration,
)
from relay.plan.quantities import parse_count, parse_share
from relay.plan.show import (
    Report,
    calibration_lines,
    lines,
    to_json,
    verification_lines,
    verification_to_json,
)
from relay.plan.sizing import CannotFit, Goals, most_connections, size, sizing_of
from relay.plan.workload import Workload, check
from relay.settings.units import parse_duration, parse_rate, parse_size

if TYPE_CHECKING:
    from relay.plan.verify import Verification

_VARIABLE: Final = "RELAY_CALIBRATION"


def default_path() -> Path:
    """Where a calibration is kept when no other file is named."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "relay" / "calibration.json"


@click.command(
    short_help="What a workload needs: processes, memory, network, limits.",
    epilog="""\b
Exit codes: 0 done, 1 it cannot be carried, or measured, 2 a wrong command line.""",
)
@click.option(
    "--calibrate",
    "calibrates",
    is_flag=True,
    help="Measure this machine's prices, in about a minute, on two cores.",
)
@click.option(
    "--connections",
    type=Amount("count", parse_count),
    metavar="NUMBER",
    help='Connected at the same time, such as "50k".',
)
@amount("--channel-size", parse_count, "10", "NUMBER", "Members of a channel.")
@amount(
    "--messages",
    parse_rate,
    "0.1/s",
    "RATE",
    'What each connection sends, such as "0.5/s" or "10/m".',
)
@amount("--bytes", parse_size, "200B", "SIZE", "Payload of a message.", name="payload_bytes")
@amount("--joins", parse_rate, "0/s", "RATE", "New connections in all; as many leave.")
@amount("--ping-interval", parse_duration, "25s", "TIME", "As the relay's setting of this name.")
@amount(
    "--target-p99",
    parse_duration,
    "50ms",
    "TIME",
    "From a message's arrival to 99 % of its deliveries, inside the relay.",
)
@amount("--headroom", parse_share, "30%", "SHARE", "Of each core and of the memory, to stay free.")
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    metavar="NUMBER",
    help="Processes on one host.  [the cores of the machine that was measured]",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 4096),
    metavar="NUMBER",
    help="Tell how so many would fare, instead of how many are needed.",
)
@click.option(
    "--like",
    "like_url",
    metavar="URL",
    help="Take the habits from a running relay, by its admin URL; RELAY_ADMIN_TOKEN has the token.",
)
@amount("--watch", parse_duration, "5s", "TIME", "How long --like looks.")
@click.option(
    "--inverse", is_flag=True, help="How many connections with these habits one host holds."
)
@click.option(
    "--verify",
    "verifies",
    is_flag=True,
    help="Run the planned load of one process here, and compare.",
)
@click.option(
    "--calibration",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar=_VARIABLE,
    metavar="FILE",
    help=f"Prices, to read or to write.  [{_VARIABLE}, or ~/.config/relay/calibration.json]",
)
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Load against latency and processor time, as an SVG picture.",
)
@click.pass_context
def plan(context: click.Context, /, **options: Any) -> None:
    """Say what a workload needs, by prices that were measured.

    A machine is measured once with --calibrate. Then, for example:

    \b
      relay plan --connections 50k --channel-size 20 --messages 0.5/s --bytes 300
      relay plan --like http://127.0.0.1:8788 --inverse
    """
    path = options["path"] or default_path()
    if options["calibrates"]:
        _calibrate(path)
        return
    if options["like_url"] is not None:
        like.check_options(context, options["watch"])
    elif options["connections"] is None and not options["inverse"]:
        raise click.UsageError(
            "--connections: expected how many connect at the same time, or --inverse, or --like"
        )
    try:
        calibration = read_calibration(path)
    except CalibrationError as exc:
        fail(str(exc), Exit.CONNECTION)
    workers = options["workers"] or calibration.machine.cores
    observed = _observe(options)
    workload = _workload(options) if observed is None else _scaled(observed, options["connections"])
    if options["inverse"]:
        _tell_inverse(calibration, workload, options, workers, observed)
        return
    report = _report(calibration, workload, options, workers)
    verification = _verify(report) if options["verifies"] else None
    if options["plot"]:
        options["plot"].write_text(load_plot(report), encoding="utf-8")
    _tell(report, observed, options, verification)
    if report.exceeds:
        sys.exit(Exit.CONNECTION)


def _observe(options: dict[str, Any]) -> Observed | None:
    if options["like_url"] is None:
        return None
    return like.watch(options["like_url"], options["watch"], options["ping_interval"])


def _scaled(observed: Observed, connections: float | None) -> Workload:
    """What was observed, with as many connections as are asked for, if any are."""
    if connections is None:
        return observed.workload
    return _checked(observed.workload.scaled_to(round(connections)))


def _workload(options: dict[str, Any]) -> Workload:
    """Raises click.UsageError for what does not go together."""
    connections = options["connections"]
    if connections is None:
        connections = options["channel_size"]  # of the inverse, which finds their number
    workload = Workload(
        connections=round(connections),
        channel_size=options["channel_size"],
        messages=options["messages"],
        payload_bytes=options["payload_bytes"],
        joins=options["joins"],
        ping_interval=options["ping_interval"],
    )
    return _checked(workload)


def _checked(workload: Workload) -> Workload:
    """Raises click.UsageError."""
    try:
        check(workload)
    except ValueError as exc:
        raise click.UsageError(str(exc)) from None
    return workload


def _goals(options: dict[str, Any]) -> Goals:
    if options["target_p99"] <= 0:
        raise click.UsageError("--target-p99: expected more than 0")
    return Goals(target_p99=options["target_p99"], headroom=options["headroom"])


def _report(
    calibration: Calibration, workload: Workload, options: dict[str, Any], workers: int
) -> Report:
    goals = _goals(options)
    try:
        if options["processes"]:
            sizing = sizing_of(calibration, workload, options["processes"], workers)
        else:
            sizing = size(calibration, workload, goals, workers)
    except CannotFit as exc:
        fail(str(exc), Exit.CONNECTION)
    return Report(
        calibration=calibration,
        workload=workload,
        goals=goals,
        sizing=sizing,
        processes_per_host=workers,
    )


def _tell_inverse(
    calibration: Calibration,
    habits: Workload,
    options: dict[str, Any],
    workers: int,
    observed: Observed | None,
) -> None:
    """How many connections the processes of one host carry, and the plan for so many."""
    connections = most_connections(calibration, habits, _goals(options), workers)
    if not connections:
        fail(
            "not even one channel can be carried within the target and the headroom",
            Exit.CONNECTION,
        )
    report = _report(
        calibration, habits.scaled_to(connections), {**options, "processes": workers}, workers
    )
    if options["plot"]:
        options["plot"].write_text(load_plot(report), encoding="utf-8")
    _tell(report, observed, options)


def _tell(
    report: Report,
    observed: Observed | None,
    options: dict[str, Any],
    verification: "Verification | None" = None,
) -> None:
    prices, seconds = report.calibration.prices, options["watch"]
    if options["as_json"]:
        plain = to_json(report)
        if observed is not None:
            plain["observed"] = like.to_json(observed, prices, seconds)
        if verification is not None:
            plain["verification"] = verification_to_json(verification)
        click.echo(json.dumps(plain, indent=1))
        return
    if observed is not None:
        for line in like.lines(observed, prices, seconds):
            click.echo(line)
    for line in lines(report):
        click.echo(line)
    if verification is not None:
        click.echo()
        for line in verification_lines(verification):
            click.echo(line)


def _calibrate(path: Path) -> None:
    from relay.plan.calibrate import calibrate
    from relay.plan.subject import SubjectError

    require_generator()
    try:
        calibration = calibrate(lambda text: click.echo(f"measuring: {text}", err=True))
    except (SubjectError, RuntimeError) as exc:
        fail(f"cannot measure: {exc}", Exit.CONNECTION)
    try:
        write_calibration(path, calibration)
    except OSError as exc:
        fail(f"{path} cannot be written: {exc.strerror}", Exit.CONNECTION)
    for line in calibration_lines(calibration):
        click.echo(line)
    click.echo(f"written to {path}")


def _verify(report: Report) -> "Verification":
    from relay.bench.usage import file_room
    from relay.plan.subject import SubjectError
    from relay.plan.verify import runnable, verify

    require_generator()
    share = runnable(report.sizing.share, file_room())
    try:
        return verify(report.calibration, share)
    except (SubjectError, RuntimeError, ConnectionError) as exc:
        fail(f"cannot verify: {exc}", Exit.CONNECTION)
