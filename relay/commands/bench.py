"""`relay bench`: load a server, and say what it did and whether the figures are worth anything."""

import os
import sys
from typing import Any, Final

import click

from relay.commands.bench_options import bench_options
from relay.commands.shared import Exit, fail, require_generator

_INVALID: Final = 3

_EPILOG: Final = """\b
Examples:
  relay bench ws://127.0.0.1:8787
  relay bench ws://127.0.0.1:8787 --rate 20000 --html report.html
  relay bench ws://127.0.0.1:8787 --in-flight 8 --channels 1 --members 1000 \\
      --pid "$(pgrep -of 'relay serve')"
  relay bench ws://127.0.0.1:9000/room/{channel} --echo \\
      --template '{"room":"{channel}","text":"{stamp}"}'

\b
Exit codes: 0 valid, 1 not all could connect or a file was not written,
2 wrong command line, 3 the figures say nothing of the server,
130 Ctrl-C (what was measured is told).

docs/load-testing.md says how to read the report."""


@click.command(short_help="Load a server and measure it.", epilog=_EPILOG)
@bench_options
@click.argument("url")
def bench(url: str, **options: Any) -> None:
    """Load the server at URL (ws://HOST:PORT, its own path if you like) and report what came of every message.

    Without options: 10 channels of 50 members, 1000 messages a second in all, for 5 seconds; a relay with its default limits
    carries that. For more, start it without limits: relay serve --message-rate 0 --byte-rate 0; for large messages also with
    --max-message and --backlog-limit.
    """
    require_generator()
    from relay.bench.drive import run_plan
    from relay.bench.faults import PlanError, UnreachableError
    from relay.bench.progress import progress
    from relay.commands.bench_output import Outputs

    outputs = Outputs(options["json_path"], options["html_path"])
    try:
        plan = _plan(url, options)
        outputs.check()
        _pin(options["cpu"])
        with progress() as watcher:
            result = run_plan(plan, watcher)
    except PlanError as exc:
        raise click.UsageError(str(exc)) from None
    except UnreachableError as exc:
        fail(str(exc), Exit.CONNECTION)
    except KeyboardInterrupt:
        fail("interrupted before there was anything to report", Exit.INTERRUPTED)
    _write(result, outputs)


def _plan(url: str, options: dict[str, Any]) -> Any:
    """Raises PlanError for options that do not go together, UnreachableError for a name without an address."""
    from relay.bench.plan import DEFAULT_RATE, Plan, default_senders
    from relay.bench.target import sources_of, target_of

    _require_one_loop(options)
    has_echo, channels, members = options["echo"], options["channels"], options["members"]
    target = target_of(url, _protocol(options), is_remote=options["remote"], has_echo=has_echo)
    return Plan(
        target,
        channels=channels,
        members=members,
        senders=options["senders"] or default_senders(channels, members),
        rate=options["rate"] or DEFAULT_RATE,
        in_flight=options["in_flight"] or 0,
        payload_bytes=options["size"],
        seconds=options["duration"],
        warm_up_seconds=options["warmup"],
        connect_rate=options["connect_rate"],
        connect_seconds=options["connect_timeout"],
        handshakes=options["handshakes"],
        churn=options["churn"],
        stalled=options["slow_readers"],
        has_echo=has_echo,
        template=options["template"] or "",
        greeting=options["greeting"] or "",
        loss_seconds=options["loss_timeout"],
        sources=sources_of(options["source_addresses"]),
        pid=options["pid"] or 0,
    )


def _require_one_loop(options: dict[str, Any]) -> None:
    from relay.bench.faults import PlanError

    if options["rate"] and options["in_flight"]:
        raise PlanError(
            "--in-flight: means a closed loop, and --rate an open one: give one of them"
        )
    for name in ("rate", "in_flight", "churn"):
        if options[name] and not options["duration"]:
            flag = "--" + name.replace("_", "-")
            raise PlanError(
                f"{flag}: --duration 0 opens connections and sends nothing: give one of them"
            )
    if options["members"] < 2 and options["duration"] and not options["echo"]:
        raise PlanError(
            "--members: expected 2 or more, for one alone has nobody to deliver to; or give --echo"
        )


def _protocol(options: dict[str, Any]) -> str:
    from relay.bench.faults import PlanError

    protocol, template = options["protocol"], options["template"]
    if protocol == "template" and not template:
        raise PlanError("--template: expected a message for --protocol template")
    if template and protocol in ("itty", "party"):
        raise PlanError(
            f"--template: is for servers that speak neither itty nor party, and --protocol is {protocol}"
        )
    return "template" if template else protocol or "itty"


def _pin(cpu: int | None) -> None:
    from relay.bench.faults import PlanError

    if cpu is None:
        return
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError:
        raise PlanError(f"--cpu: core {cpu} is not there, or not for this process") from None


def _write(result: Any, outputs: Any) -> None:
    """The reports that were asked for; then the exit code."""
    from relay.bench.figures import figures_of

    figures = figures_of(result)
    outputs.write(figures)
    if result.is_interrupted:
        sys.exit(Exit.INTERRUPTED)
    if not figures["verdict"]["is_valid"]:
        if not outputs.has_text:  # a person reads only stderr then
            click.echo(f"relay: {figures['verdict']['text']}", err=True)
        sys.exit(_INVALID)
