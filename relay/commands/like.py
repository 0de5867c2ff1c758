"""`relay plan --like URL`: the habits of a running relay, for a plan."""

import os
from typing import Any

import trio

from relay.client.dial import ConnectError
from relay.commands.rates import Moment
from relay.commands.shared import CommandError, Exit, fail
from relay.commands.top import TOKEN_VARIABLE, Source
from relay.plan.observed import NothingToSee, Observed, observe
from relay.plan.prices import Prices
from relay.plan.quantities import counted, show_bytes, show_number, show_share


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
        f"Watched for {counted(seconds, 'second', 'seconds')}: {counted(load.connections, 'connection', 'connections')},"
        f" messages that go to {counted(load.channel_size - 1, 'other', 'others')} each,",
        f"{show_number(load.messages)} a second from each connection, of {show_bytes(load.payload_bytes)};"
        f" {counted(load.joins, 'join', 'joins')} a second.",
        f"Processor: {show_share(observed.predict(prices))} of a core predicted,"
        f" {show_share(observed.utilisation)} measured{each}.",
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
