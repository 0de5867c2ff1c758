"""The tables of docs/performance.md, in Markdown: the rows down, the servers across."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from benchmarks.figures import DISTURBANCE_MAX, Figures
from benchmarks.peers.catalogue import PEERS, RELAY
from benchmarks.peers.outcome import CEILING_NAME, RELAY_NAME, Outcome

Cell = Callable[[str, str], str]
NOTHING = "-"


def markdown(outcome: Outcome) -> str:
    """Everything that was found, in the order in which it is read."""
    parts = [
        *machine(outcome),
        "### Processor time per delivery",
        "",
        "Microseconds of the server's processor time, system time included.",
        "",
        *table(
            outcome, outcome.load_rows(), lambda row, name: cell(outcome, row, name, "server_us")
        ),
        *pictures("cpu", "Processor time per delivery, every server, every row"),
        "### Ratios",
        "",
        "What the relay takes for each microsecond that the other takes: below 1, the relay is ahead.",
        "",
        *table(
            outcome, outcome.load_rows(), lambda row, name: ratio_cell(outcome, row, name), skip=1
        ),
        "### Latency, p99",
        "",
        "Milliseconds from when a message was due to when a member had it. The loop is closed: a full server's is its queue.",
        "",
        *table(outcome, outcome.load_rows(), lambda row, name: cell(outcome, row, name, "p99_ms")),
        *pictures("p99", "p99 of the latency of a delivery, every server, every row"),
        "### Deliveries per second",
        "",
        *table(
            outcome,
            outcome.load_rows(),
            lambda row, name: cell(outcome, row, name, "units_per_second"),
        ),
        "### Connections",
        "",
        *connection_table(outcome),
        *pictures("connections", "Opening handshakes and idle connections, every server"),
        *marks(outcome),
        "### Where the relay is not ahead",
        "",
        *not_ahead(outcome),
        "### What each of them is",
        "",
        *what_each_is(outcome),
    ]
    return "\n".join(parts).strip() + "\n"


def machine(outcome: Outcome) -> Iterator[str]:
    date, _, revision = outcome.machine[0].partition(", ")
    quiet = outcome.machine[-1].rpartition("; ")[2]
    yield (
        f"{date}, {revision}. {outcome.machine[1]}. "
        f"{outcome.rounds} rounds of {outcome.seconds:g} s, the servers in turn; {quiet}."
    )
    yield ""
    versions = (f"{name} {version}" for name, version in outcome.versions.items())
    yield f"{', '.join(versions)}; Python and libraries of the relay: {outcome.machine[2].rpartition('; ')[2]}."
    for name, reason in outcome.skipped.items():
        yield f"{name} was left out: {reason}."
    yield ""


def table(outcome: Outcome, rows: Iterable[str], cell: Cell, skip: int = 0) -> Iterator[str]:
    """`skip` leaves out so many servers from the front: a ratio of the relay to itself says nothing."""
    names = list(outcome.versions)[skip:]
    yield f"| row | {' | '.join(names)} |"
    yield f"|---|{'---|' * len(names)}"
    for row in rows:
        cells = (cell(row, name) for name in names)
        yield f"| {title(row)} | {' | '.join(cells)} |"
    yield ""


def title(row: str) -> str:
    return row.replace(" x ", " \N{MULTIPLICATION SIGN} ")


def cell(outcome: Outcome, row: str, name: str, figure: str) -> str:
    middle = outcome.middle(row, name)
    if middle is None:
        return NOTHING
    text = amount(getattr(middle, figure)) + mark(middle)
    return f"**{text}**" if name == RELAY_NAME else text


def ratio_cell(outcome: Outcome, row: str, name: str, figure: str = "server_us") -> str:
    ratio = outcome.ratio(row, name, figure)
    if ratio is None:
        return NOTHING
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.1g}"


def amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def mark(middle: Figures) -> str:
    """Why a figure should not be taken at its word; empty when it may."""
    if middle.wrong:
        return "‡"
    if middle.disturbance > DISTURBANCE_MAX:
        return "~"
    return (
        "†" if middle.is_load and middle.generator_utilisation >= middle.server_utilisation else ""
    )


def connection_table(outcome: Outcome) -> Iterator[str]:
    names = list(outcome.versions)
    yield f"| | {' | '.join(names)} |"
    yield f"|---|{'---|' * len(names)}"
    for row in outcome.open_rows():
        for text, figure in (
            ("CPU µs per opening handshake", "server_us"),
            ("resident bytes per idle connection", "bytes_per_connection"),
        ):
            cells = [cell(outcome, row, name, figure) for name in names]
            yield f"| {text} | {' | '.join(cells)} |"
            ratios = [ratio_cell(outcome, row, name, figure) for name in names[1:]]
            yield f"| relay / other | | {' | '.join(ratios)} |"
    yield ""


def marks(outcome: Outcome) -> Iterator[str]:
    yield (
        f"† the generator was the busier side: the server could do more. ~ something else on the machine had more than "
        f"{DISTURBANCE_MAX:.0%} of a core. ‡ not every delivery came once and in order. {NOTHING} not measured."
    )
    for row, reasons in outcome.failed.items():
        for name, reason in reasons.items():
            yield f"{name} failed at {title(row)}: {reason}."
    yield ""


def not_ahead(outcome: Outcome) -> Iterator[str]:
    """Every row and figure in which another relay takes less than ours, by as much as a ratio is written with."""
    found = [
        f"- {title(row)}, {what}: {name} takes less, the ratio is **{ratio:.2f}**"
        for row in outcome.rows
        for what, figure in figures_of(outcome, row)
        for name in outcome.peers()
        if name != CEILING_NAME and (ratio := outcome.ratio(row, name, figure) or 0.0) >= 1.005
    ]
    yield from found or ["- In no row."]
    yield ""


def figures_of(outcome: Outcome, row: str) -> Sequence[tuple[str, str]]:
    if row in outcome.open_rows():
        return (("processor time", "server_us"), ("memory", "bytes_per_connection"))
    return (("processor time", "server_us"), ("p99", "p99_ms"))


def what_each_is(outcome: Outcome) -> Iterator[str]:
    yield "| | what runs | what it does not do |"
    yield "|---|---|---|"
    for peer in (RELAY, *PEERS):
        if peer.name in outcome.versions:
            yield f"| {peer.name} | {peer.runs} | {peer.lacks} |"
    yield ""


def pictures(name: str, alternative: str) -> Iterator[str]:
    yield f"![{alternative}](images/peers-{name}.svg)"
    yield ""
