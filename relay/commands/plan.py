"""`relay plan`: how much of what a workload needs, by the prices of a machine that was measured."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from relay.commands import like
from relay.commands.files import cannot_write, require_file
from relay.commands.plan_options import check_options, default_path, is_default, plan_options
from relay.commands.shared import Exit, fail, require_generator
from relay.plan.calibration_file import CalibrationError, read_calibration, write_calibration
from relay.plan.observed import Observed
from relay.plan.plots import load_plot
from relay.plan.prices import Calibration
from relay.plan.quantities import counted
from relay.plan.refusals import why_not, why_not_on_one_host
from relay.plan.show import Report, lines, to_json
from relay.plan.show_measured import (
    calibration_lines,
    doubts,
    verification_lines,
    verification_to_json,
)
from relay.plan.sizing import CannotFit, Goals, most_connections, size, sizing_of
from relay.plan.workload import Workload, check

MAX_VERIFIED_BYTES: Final = 1 << 20
"""The largest messages of the load generator."""

if TYPE_CHECKING:
    from relay.plan.verify import Verification


@click.command(
    short_help="What a workload needs: processes, memory, network, limits.",
    epilog="""\b
Exit codes: 0 done, 1 it cannot be carried, or measured, 2 a wrong command line,
3 the relay of --like answered with an error, 130 Ctrl-C.""",
)
@plan_options
@click.pass_context
def plan(context: click.Context, /, **options: Any) -> None:
    """Say what a workload needs, by prices that were measured.

    A machine is measured once with --calibrate. Then, for example:

    \b
      relay plan --connections 50k --channel-size 20 --messages 0.5/s --bytes 300
      relay plan --like http://127.0.0.1:8788 --inverse
    """
    check_options(context, options)
    path = options["path"] or default_path()
    try:
        if options["calibrates"]:
            _calibrate(path, options["passes"])
        else:
            _plan(context, path, options)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)


def _plan(context: click.Context, path: Path, options: dict[str, Any]) -> None:
    asked = None if options["like_url"] is not None else _workload(context, options)
    try:
        calibration = read_calibration(path)
    except CalibrationError as exc:
        fail(str(exc), Exit.CONNECTION)
    observed = None
    if asked is None:
        observed = like.watch(options["like_url"], options["watch"], options["ping_interval"])
        asked = _scaled(observed, options["connections"])
    _check_delivers(asked, options)
    goals = Goals(target_p99=options["target_p99"], headroom=options["headroom"])
    workers = options["workers"] or calibration.machine.cores
    if options["inverse"]:
        report = _inverse(calibration, asked, goals, workers, observed)
    else:
        report = _forward(calibration, asked, goals, workers, options["processes"])
    verification = _verify(report) if options["verifies"] else None
    _tell(report, observed, options, verification)
    if options["plot"]:
        _write_plot(options["plot"], report)
    if report.exceeds:
        resources = " and ".join(report.exceeded)
        asked_for = counted(options["processes"], "process", "processes")
        fail(
            f"--processes: {asked_for} would use more {resources} than may be; without the option the plan says how"
            " many are needed",
            Exit.CONNECTION,
        )
    if verification is not None and verification.trouble:
        fail(f"--verify: what was measured does not count: {verification.trouble}", Exit.CONNECTION)


def _scaled(observed: Observed, connections: float | None) -> Workload:
    """What was observed, with as many connections as are asked for, if any are."""
    if connections is None:
        return observed.workload
    size = observed.workload.channel_size
    if 1 <= connections < size:
        raise click.UsageError(
            f"--connections: expected at least {size:.12g}, the size of a channel of the relay, got {connections:g}"
        )
    return _checked(observed.workload.scaled_to(round(connections)))


def _workload(context: click.Context, options: dict[str, Any]) -> Workload:
    """Raises click.UsageError for what does not go together."""
    connections, channel_size = options["connections"], options["channel_size"]
    if connections is None:
        connections = channel_size  # of the inverse, which finds their number
    elif 1 <= connections < channel_size and is_default(context, "channel_size"):
        raise click.UsageError(
            f"--channel-size: it is {channel_size:g} unless told, more than the number of connections, {connections:g}"
        )
    workload = Workload(
        connections=round(connections),
        channel_size=channel_size,
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


def _check_delivers(workload: Workload, options: dict[str, Any]) -> None:
    """Raises click.UsageError for what needs deliveries when there are none."""
    for name, flag in (("verifies", "--verify"), ("plot", "--plot")):
        if options[name] and not workload.deliveries_per_second:
            raise click.UsageError(
                f"{flag}: expected a load with deliveries: messages, and channels of more than one"
            )
    if options["verifies"] and workload.payload_bytes > MAX_VERIFIED_BYTES:
        raise click.UsageError(
            "--verify: expected messages of at most 1MiB, as the load generator sends"
        )
    processes = options["processes"]
    if processes and processes > workload.channels:
        raise click.UsageError(
            f"--processes: expected at most the number of channels, {workload.channels}, got {processes};"
            " a channel lives in one process"
        )


def _forward(
    calibration: Calibration,
    workload: Workload,
    goals: Goals,
    workers: int,
    processes: int | None,
) -> Report:
    """Ends the process when it cannot be carried."""
    if processes:
        sizing = sizing_of(calibration, workload, goals, processes, workers)
    else:
        try:
            sizing = size(calibration, workload, goals, workers)
        except CannotFit:
            fail(why_not(calibration, workload, goals), Exit.CONNECTION)
    return Report(calibration=calibration, workload=workload, goals=goals, sizing=sizing)


def _inverse(
    calibration: Calibration,
    habits: Workload,
    goals: Goals,
    workers: int,
    observed: Observed | None,
) -> Report:
    """How many connections the processes of one host carry, and the plan for so many. Joins that were asked for are those of all;
    joins that were observed are a habit, and grow with the connections. Ends the process when not
    even one channel fits."""
    grown = habits.with_connections if observed is None else habits.scaled_to
    found = most_connections(calibration, habits, goals, workers, grown)
    if found is None:
        asked = grown(max(round(habits.channel_size), 1) * workers)
        fail(why_not_on_one_host(calibration, asked, goals, workers), Exit.CONNECTION)
    connections, sizing = found
    return Report(calibration=calibration, workload=grown(connections), goals=goals, sizing=sizing)


def _tell(
    report: Report,
    observed: Observed | None,
    options: dict[str, Any],
    verification: "Verification | None",
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
        for line in verification_lines(verification, report.sizing.share.connections):
            click.echo(line)


def _write_plot(path: Path, report: Report) -> None:
    """The answer has been told by now; it could be written when the work began."""
    try:
        path.write_text(load_plot(report), encoding="utf-8")
    except OSError as exc:
        fail(cannot_write("--plot", str(path), exc), Exit.CONNECTION)


def _calibrate(path: Path, passes: int | None) -> None:
    from relay.plan.calibrate import PASSES, calibrate
    from relay.plan.subject import SubjectError

    require_generator()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        text = f"--calibration: {path.parent} cannot be made: {exc.strerror}"
        raise click.UsageError(text) from None
    require_file("--calibration", path)
    try:
        calibration = calibrate(
            lambda text: click.echo(f"measuring: {text}", err=True), passes or PASSES
        )
    except (SubjectError, RuntimeError) as exc:
        fail(f"cannot measure: {exc}", Exit.CONNECTION)
    for line in calibration_lines(calibration):
        click.echo(line)
    for line in doubts(calibration):
        click.echo(f"relay: {line}", err=True)
    try:
        write_calibration(path, calibration)
    except OSError as exc:
        fail(cannot_write("--calibration", str(path), exc), Exit.CONNECTION)
    click.echo(f"written to {path}")


def _verify(report: Report) -> "Verification":
    from relay.plan.subject import SubjectError
    from relay.plan.verify import room, runnable, verify

    require_generator()
    share = runnable(report.sizing.share, room())
    try:
        return verify(report.calibration, share)
    except (SubjectError, RuntimeError, ConnectionError, ValueError) as exc:
        fail(f"cannot verify: {exc}", Exit.CONNECTION)
