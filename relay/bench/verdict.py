"""Whether a run says something of the server: only when the generator was not what limited it."""

from dataclasses import dataclass
from typing import Final

from relay._load import RunReport
from relay.bench.drive import RATE_LIMITED, Result, remedy
from relay.bench.measured import MeasuredOpening, MeasuredRun, busy_seconds
from relay.bench.oddities import oddities, told_refusals, who_is_left, why_nothing
from relay.bench.usage import share_one_core
from relay.bench.words import counted

FULL: Final = 0.85
"""From this share of its core on, the generator counts as full, unless the server was seen to be fuller."""

LATE_SECONDS: Final = 0.001
LATE_SHARE: Final = 0.25  # of the latency's p99 that may be the generator's own lateness
LATE_MESSAGES: Final = (
    5  # that must have been late: a percentile with fewer above it tells of chance
)
KEPT_UP: Final = 0.99  # of what was offered and could be sent
DISTURBED: Final = 0.1  # of the time, in which something else had a core


@dataclass(frozen=True)
class Verdict:
    """`reason` is empty when the run is valid; `notes` are what a reader must know in any case."""

    reason: str
    notes: tuple[str, ...]
    valid_text: str = "the generator was not the limit"

    @property
    def is_valid(self) -> bool:
        return not self.reason

    def __str__(self) -> str:
        return f"invalid: {self.reason}" if self.reason else f"valid: {self.valid_text}"


@dataclass(frozen=True)
class Shares:
    """Of one core, while messages were sent: what each ran, and what it waited for a core. The server's are None if unseen.

    The generator is one thread: its two are 1 together at most.
    """

    own: float
    own_waited: float
    server: float | None
    server_waited: float | None


def shares_of(run: MeasuredRun) -> Shares:
    seconds = max(busy_seconds(run.report), 1e-9)
    own = run.own.ran / seconds
    return Shares(
        own,
        # what it waited while it only looked out for what was lost is counted, too, and may be more than there was
        min(run.own.waited / seconds, max(1 - own, 0.0)),
        run.server.ran / seconds if run.server else None,
        run.server.waited / seconds if run.server else None,
    )


def judge(result: Result) -> Verdict:
    """The verdict of a run."""
    if result.run is None:
        told = (_told_early(result),) if result.first_error else ()
        notes = (*told, *_connecting_notes(result.opening), *_opening_notes(result))
        return Verdict("", notes, "every connection was opened")
    shares = shares_of(result.run)
    return Verdict(
        _reason(result, result.run.report, shares),
        (*_notes(result, result.run.report, shares), *_opening_notes(result)),
    )


def _reason(result: Result, report: RunReport, shares: Shares) -> str:
    if result.is_limited:
        return RATE_LIMITED
    if report.delivered == 0:
        return f"nothing was delivered{why_nothing(report, result.plan.has_echo, result.message_bytes)}"
    if result.is_warm_up:
        return "it ended in the warm-up"
    if is_full(shares):
        return (
            f"the generator was the limit: it ran for {shares.own:.0%} of the time,"
            f" and something else had its core for {shares.own_waited:.0%}"
        )
    if is_late(report):
        percentile = telling_percentile(report.lateness.samples)
        late = getattr(report.lateness, percentile)
        return (
            "the generator was the limit: it was late by"
            f" {late * 1e3:.3g} ms ({percentile}) for messages it should have sent"
        )
    return ""


def busy(shares: Shares) -> float:
    """What the generator would have run, had its core been its own."""
    return shares.own + shares.own_waited


def is_full(shares: Shares) -> bool:
    """In a closed loop a full server keeps its generator busy, too: then the fuller of them was the limit."""
    return busy(shares) >= FULL and (shares.server is None or busy(shares) >= shares.server)


def is_late(report: RunReport) -> bool:
    """Lateness is in the latency, for that runs from when a message was due: it must be a small part of it.

    It is not the generator's fault while the server had not even delivered what went before.
    """
    percentile = telling_percentile(report.lateness.samples)
    if not percentile:
        return False
    late = getattr(report.lateness, percentile)
    latency = getattr(report.latency, percentile)
    return late > LATE_SECONDS and late > LATE_SHARE * latency and has_kept_up(report)


def telling_percentile(messages: int) -> str:
    """The highest that enough of so many messages are above; empty when there are too few for any."""
    shares = {"p99": 0.01, "p90": 0.1, "p50": 0.5}
    return next((name for name, share in shares.items() if messages * share >= LATE_MESSAGES), "")


def has_kept_up(report: RunReport) -> bool:
    """Whether what was offered was sent, but for what had nobody left to send it, or to get it."""
    return report.sent >= KEPT_UP * (report.offered - report.unsent)


def _notes(result: Result, report: RunReport, shares: Shares) -> tuple[str, ...]:
    plan = result.plan
    wrong = {
        "lost": report.lost,
        "duplicated": report.duplicated,
        "reordered": report.reordered,
        "unexpected": report.unexpected,
    }
    told = ", ".join(f"{count:,} {name}" for name, count in wrong.items() if count)
    notes = {
        f"not all was delivered once and in order: {told}": bool(told),
        f"the server (process {plan.pid}) ended while messages were sent": _has_ended(result),
        f"{_told_errors(report)}: {result.first_error}": report.errors > 0,
        _told_early(result): not report.errors and bool(result.first_error),
        f"{_laggard(shares)} did not keep up: {report.sent:,} of {counted(report.offered, 'message')} could be sent": (
            not has_kept_up(report) and not result.is_interrupted
        ),
        f"too few messages to tell whether the generator was late: {report.lateness.samples:,}": (
            plan.is_open_loop and not telling_percentile(report.lateness.samples)
        ),
        _told_refused(report): report.not_returned > 0,
        "a party room drops what is over the rate limit without a word: was the server started without limits?": (
            report.lost > 0 and plan.target.protocol == "party"
        ),
        "closed loop: latency is how long the queue was, not what a lone message takes": not plan.is_open_loop,
        f"something else had the server's core for {shares.server_waited or 0:.0%} of the time": (
            (shares.server_waited or 0) > DISTURBED
        ),
        f"something else had the generator's core for {shares.own_waited:.0%} of the time": (
            shares.own_waited > DISTURBED
        ),
        "it was interrupted: the figures are of the part before that": result.is_interrupted,
        "it ended early: a sender had used all of its hundred million numbers": result.is_exhausted,
        f"it ended early, after {report.sending_seconds:.3g} s: {who_is_left(report)}": result.is_deserted,
    }
    told_first = tuple(text for text, holds in notes.items() if holds)
    return (*told_first, *oddities(report, plan.has_echo, result.message_bytes))


def _told_errors(report: RunReport) -> str:
    return "1 error event" if report.errors == 1 else f"{report.errors:,} error events, the first"


def _told_early(result: Result) -> str:
    """Of what the run does not count: a greeting that the server does not take is answered before there is a message."""
    return f"error events came before what was measured, the first: {result.first_error}"


def _told_refused(report: RunReport) -> str:
    """With what may help against it, as when nobody is let in at first."""
    text = f"{counted(report.not_returned, 'time')} a visitor was not let in again"
    if report.refusals:
        text += f": {told_refusals(report.refusals)}"
    advice = remedy(
        {status for status in (429, 503, 403) if f"with HTTP {status}" in report.refusals}
    )
    return f"{text}; {advice}" if advice else text


def _has_ended(result: Result) -> bool:
    return bool(result.plan.pid) and result.run is not None and result.run.server is None


def _laggard(shares: Shares) -> str:
    return "the generator" if is_full(shares) else "the server"


def _connecting_notes(opening: MeasuredOpening) -> tuple[str, ...]:
    """Of a run without messages. A full generator is no fault of it: what the server used holds all the same."""
    seconds = max(opening.report.seconds, 1e-9)
    own = opening.report.cpu_seconds / seconds
    # more than that is from before the first and after the last of them
    own_waited = min(opening.own.waited / seconds, max(1 - own, 0.0))
    # of the server it is known with the half second after it, in which it may have waited, too
    server_waited = min(opening.server.waited / seconds, 1.0) if opening.server else 0.0
    notes = {
        f"how fast they were opened was up to the generator, too: meanwhile it ran for {own:.0%} of the time,"
        f" and something else had its core for {own_waited:.0%}": own + own_waited >= FULL,
        f"something else had the server's core for {server_waited:.0%} of the time": (
            server_waited > DISTURBED
        ),
        f"something else had the generator's core for {own_waited:.0%} of the time": (
            own_waited > DISTURBED and own + own_waited < FULL
        ),
    }
    return tuple(text for text, holds in notes.items() if holds)


def _opening_notes(result: Result) -> tuple[str, ...]:
    is_shared = share_one_core(result.plan.pid) and not result.plan.target.is_remote
    return ("server and generator share one core: each slows the other",) if is_shared else ()
