"""A load run from the first connection to the last: open, settle, warm up, measure, close."""

import contextlib
import errno
import signal
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Final, Protocol

from relay._load import CloseReport, Generator, Interval
from relay.bench.faults import PlanError, UnreachableError
from relay.bench.measured import MeasuredOpening, MeasuredRun, measure_opening, measure_run
from relay.bench.oddities import TOO_BIG, told_codes, told_faults, too_big
from relay.bench.plan import FILES_BESIDE_CONNECTIONS, Plan
from relay.bench.text import ms
from relay.bench.usage import Watched, ancestors, ports, raise_file_limit
from relay.bench.words import counted

_CLOSE_SECONDS: Final = 5.0
_NO_LIMITS: Final = (
    "relay serve --message-rate 0 --byte-rate 0 --connection-rate 0 --max-connections-per-ip 0"
)
RATE_LIMITED: Final = (
    f"the server's rate limit stood in the way; for load runs start a relay with: {_NO_LIMITS}"
)


class Watcher(Protocol):
    """Is told how a run goes, some ten times a second."""

    def begin(self, phase: str, total: float) -> None: ...
    def advance(self, done: float, note: str) -> None: ...


@dataclass(frozen=True)
class Result:
    """All that a run found. `run` is None when no messages were sent; `is_warm_up` when the measured part was not reached.

    `message_bytes` is the size of each message: a template may have another than the plan asks for.
    """

    plan: Plan
    started_at: datetime
    opening: MeasuredOpening
    run: MeasuredRun | None
    closing: CloseReport
    message_bytes: int = 0
    first_error: str = ""
    is_warm_up: bool = False
    is_limited: bool = False
    is_interrupted: bool = False
    is_exhausted: bool = False
    is_deserted: bool = False


def run_plan(plan: Plan, watcher: Watcher) -> Result:
    """Do it. Ctrl-C while messages are sent ends the run early, with a result; before that it raises KeyboardInterrupt, and
    after it, while connections are closed, it changes nothing. A second one always raises it.

    Raises PlanError, and UnreachableError when not every connection can be opened.
    """
    generator = plan.generator()
    plan.require_ports(ports())
    server = _watched(plan.pid)
    _raise_file_limit(plan)
    started_at = datetime.now(UTC)
    try:
        opening = _open(generator, server, plan, watcher)
        with _stopped_by_interrupt(generator) as interrupted:
            runs = _runs(generator, server, plan, watcher, interrupted)
            is_interrupted = bool(interrupted)
            watcher.begin("closing", 0)
            # within the context: to interrupt this is no cause to lose the report
            closing = generator.close(_CLOSE_SECONDS)
    except (FileNotFoundError, ProcessLookupError):  # of /proc, where it was before
        raise UnreachableError(f"the server (process {plan.pid}) ended") from None
    return Result(
        plan,
        started_at,
        opening,
        runs[-1] if runs else None,
        closing,
        message_bytes=len(generator.payload),
        first_error=generator.first_error.decode("utf-8", "replace"),
        is_warm_up=plan.warm_up_seconds > 0 and len(runs) == 1,
        is_limited=generator.is_limited,
        is_interrupted=is_interrupted,
        is_exhausted=generator.is_exhausted,
        is_deserted=generator.is_deserted,
    )


def _watched(pid: int) -> Watched | None:
    if not pid:
        return None
    _require_another(pid)
    server = Watched(pid)
    try:
        server.usage()
        has_memory = server.resident_bytes() > 0
    except (FileNotFoundError, ProcessLookupError):
        raise PlanError(f"--pid: there is no process {pid}") from None
    except OSError as exc:
        raise PlanError(
            f"--pid: process {pid} cannot be looked at: {str(exc.strerror).lower()}"
        ) from None
    if not has_memory:
        raise PlanError(f"--pid: process {pid} has no memory: it is the kernel's, or has ended")
    return server


def _require_another(pid: int) -> None:
    """What the generator uses counts as used by each process above it, and none of these serves what it loads."""
    for number, (each, name) in enumerate(ancestors()):
        if each == pid:
            who = (
                f"the process ({name}) that relay bench was started by"
                if number
                else "relay bench itself"
            )
            raise PlanError(f"--pid: expected the server's process, and {pid} is {who}")


def _raise_file_limit(plan: Plan) -> None:
    try:
        raise_file_limit(plan.connections + FILES_BESIDE_CONNECTIONS)
    except RuntimeError as exc:
        raise PlanError(f"--members: {exc} (ulimit -Hn)") from None


def _open(
    generator: Generator, server: Watched | None, plan: Plan, watcher: Watcher
) -> MeasuredOpening:
    watcher.begin("connecting", plan.connections)
    timeout_seconds = plan.connect_seconds
    if plan.connect_rate:
        timeout_seconds += plan.connections / plan.connect_rate
    try:
        opening = measure_opening(
            generator,
            server,
            timeout_seconds=min(timeout_seconds, 3600.0),
            rate=plan.connect_rate,
            watch=lambda opened: watcher.advance(opened, counted(opened, "connection")),
        )
    except (ConnectionError, TimeoutError) as exc:
        raise UnreachableError(_refusal(generator, plan, exc)) from None
    except OSError as exc:
        if exc.filename is not None:
            raise
        if exc.errno == errno.EADDRNOTAVAIL:
            raise PlanError(
                "--source-address: expected addresses of this machine, and one is not"
            ) from None
        raise UnreachableError(
            f"cannot open {counted(plan.connections, 'connection')}: {exc.strerror}"
        ) from None
    if not generator.open_connections:
        raise UnreachableError(_all_closed(generator, plan))
    return opening


def _all_closed(generator: Generator, plan: Plan) -> str:
    closing = generator.close(0)
    codes = told_codes(closing.close_codes)
    faults = told_faults(closing.faults)
    told = [f"the server closed {codes}"] if codes else []
    told += [f"the generator failed {faults}"] if faults else []
    text = f"{plan.target.url}: no connection stayed open: {'; '.join(told)}"
    if 1008 in closing.close_codes:
        return f"{text}; {RATE_LIMITED}"
    # nothing has been sent but the greeting, and that only if there is one
    is_too_big = TOO_BIG in closing.close_codes and bool(plan.greeting)
    return f"{text}; {too_big()}" if is_too_big else text


def _refusal(generator: Generator, plan: Plan, exc: OSError) -> str:
    text = f"{plan.target.url}: {exc}"
    advice = remedy(generator.statuses)
    if not advice and isinstance(exc, TimeoutError):
        advice = "--connect-timeout lets it take longer"
    return f"{text}; {advice}" if advice else text


def remedy(statuses: Collection[int]) -> str:
    """What may help when opening handshakes were answered so; empty when nothing is known."""
    if 429 in statuses:
        return RATE_LIMITED
    if 503 in statuses:
        return "the server has no room for so many; of a relay see --max-connections and the file limit"
    if 403 in statuses:
        return "a key is asked for (for a relay put it into the URL, as ?joinKey=...), or an origin"
    return ""


def _runs(
    generator: Generator,
    server: Watched | None,
    plan: Plan,
    watcher: Watcher,
    interrupted: list[int],
) -> list[MeasuredRun]:
    """The warm-up and the measured run, as far as they come. A rate limit ends them: what follows it is no load."""
    runs: list[MeasuredRun] = []
    if not plan.has_load:
        return runs
    for phase, seconds in (("warming up", plan.warm_up_seconds), ("measuring", plan.seconds)):
        is_over = bool(interrupted) or generator.is_limited or generator.is_deserted
        is_over = is_over or not generator.open_connections
        if seconds and not (runs and is_over):
            runs.append(_run(generator, server, plan, watcher, phase, seconds))
    return runs


def _run(
    generator: Generator,
    server: Watched | None,
    plan: Plan,
    watcher: Watcher,
    phase: str,
    seconds: float,
) -> MeasuredRun:
    watcher.begin(phase, seconds)

    def watch(interval: Interval) -> None:
        per_second = interval.delivered / interval.seconds
        p99 = ms(interval.p99 * 1e3 if interval.delivered else None)
        watcher.advance(interval.ended, f"{per_second:,.0f} deliveries/s, p99 {p99}")
        if generator.is_limited:
            generator.stop()

    return measure_run(
        generator,
        server,
        seconds,
        rate=plan.rate if plan.is_open_loop else 0.0,
        churn=plan.churn,
        interval_seconds=plan.interval_seconds,
        watch=watch,
    )


@contextlib.contextmanager
def _stopped_by_interrupt(generator: Generator) -> Iterator[list[int]]:
    """Ctrl-C lets the run end with its report, and is in the list then; a second one is KeyboardInterrupt."""
    interrupted: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        interrupted.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        generator.stop()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
