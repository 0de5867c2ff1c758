"""`relay plan --like URL`: the habits of a running relay, for a plan."""

import os
from typing import Any, Final

import click
import trio

from relay.client.dial import ConnectError
from relay.commands.rates import Moment
from relay.commands.shared import CommandError, Exit, fail
from relay.commands.top import TOKEN_VARIABLE, Source
from relay.plan.observed import NothingToSee, Observed, observe
from relay.plan.prices import Prices
from relay.plan.quantities import show_bytes, show_count

LEAST_WATCH_SECONDS: Final = 0.1
HABITS: Final = ("channel_size", "messages", "payload_bytes", "joins")
_FLAGS: Final = {name: "--" + name.replace("_", "-") for name in HABITS} | {
    "payload_bytes": "--bytes"
}


def check_options(context: click.Context, watch_seconds: float) -> None:
    """Raises click.UsageError for habits that are given though they are watched, and for too short a time."""
    for name in HABITS:
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{_FLAGS[name]}: --like takes this from the relay; expected only one of both")  # fmt: skip
    if watch_seconds < LEAST_WATCH_SECONDS:
        raise click.UsageError(f"--watch: expected at least {LEAST_WATCH_SECONDS:g} seconds")


def watch(url: str, seconds: float, ping_interval: float) -> Observed:
    """What the relay with this admin URL carried in so many seconds. Ends the process when there is nothing to see."""
    source = Source(url, os.environ.get(TOKEN_VARIABLE, ""), option="--like")
    try:
        total = trio.run(_look_twice, source, seconds).total
    except CommandError as exc:
        fail(str(exc), exc.code)
    except ConnectError as exc:
        fail(f"--like: {exc}", Exit.CONNECTION)
    except KeyboardInterrupt:
        raise SystemExit(Exit.INTERRUPTED) from None
    if total.rates is None:
        fail("--like: the relay was started again meanwhile", Exit.CONNECTION)
    try:
        return observe(total.rates, total.gauges, total.worker_count, ping_interval)
    except NothingToSee as exc:
        fail(f"--like: there is nothing to learn from this relay: {exc}", Exit.CONNECTION)


async def _look_twice(source: Source, seconds: float) -> Moment:
    await source.look()
    await trio.sleep(seconds)
    return await source.look()


def lines(observed: Observed, prices: Prices, seconds: float) -> list[str]:
    """What was seen, and how near the model comes to what it cost."""
    load = observed.workload
    each = "" if observed.processes == 1 else f" in each of {observed.processes} processes"
    return [
        f"Watched for {seconds:g} seconds: {show_count(load.connections)} connections, messages that go to"
        f" {load.channel_size - 1:.3g} others each,",
        f"{load.messages:.3g} a second from each connection, of {show_bytes(load.payload_bytes)};"
        f" {load.joins:.3g} joins a second.",
        f"Processor: {observed.predict(prices):.1%} of a core predicted, {observed.utilisation:.1%} measured{each}.",
        "",
    ]


def to_json(observed: Observed, prices: Prices, seconds: float) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "seconds": seconds,
        "connections": observed.workload.connections,
        "processes": observed.processes,
        "utilisation_predicted": observed.predict(prices),
        "utilisation_measured": observed.utilisation,
    }
