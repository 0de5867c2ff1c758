"""How `relay top` shows a moment: on a screen that is drawn again, as one table, as a line of columns, or as JSON."""

import sys
from collections import deque
from datetime import datetime
from types import TracebackType
from typing import Final, Protocol, Self

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from relay.commands.figures import PART_INDENT, ROWS, Row, for_programs, rows_of
from relay.commands.quantities import span, sparkline
from relay.commands.rates import Moment
from relay.commands.visible import visible

SPARK_SECONDS: Final = 60.0
_SPARK_PLACES_MOST: Final = 60
_SPARK_PLACES_LEAST: Final = 8
_LABEL_WIDTH: Final = 25
_NUMBER_WIDTH: Final = 13
_HEADER_EVERY: Final = 20
_COLUMNS: Final = (
    "connections",
    "channels",
    "joins_per_second",
    "messages_per_second",
    "deliveries_per_second",
    "bytes_in_per_second",
    "bytes_out_per_second",
    "turn_p99_seconds",
    "loop_utilisation",
    "cpu_utilisation",
    "headroom",
    "resident_bytes",
    "refusals_per_second",
)
_TIME_WIDTH: Final = 8
_COLUMN_WIDTH: Final = 11


class View(Protocol):
    """Takes each moment as it comes."""

    def show(self, moment: Moment) -> None: ...


class JsonView:
    """A moment a line."""

    def show(self, moment: Moment) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(for_programs(moment)) + b"\n")
        sys.stdout.buffer.flush()


class TableView:
    """All figures, once."""

    def show(self, moment: Moment) -> None:
        console = Console(highlight=False)
        if not console.is_terminal:
            console.width = 200  # nothing is cut that a program, or a file, takes
        console.print(_heading(moment), _table(moment), soft_wrap=True)


class ColumnsView:
    """The most important figures in columns: a line for all together and, when there are several, one for each worker."""

    def __init__(self) -> None:
        self._rows = [next(row for row in ROWS if row.key == key) for key in _COLUMNS]
        self._lines_to_header = 0

    def show(self, moment: Moment) -> None:
        has_workers = len(moment.workers) > 1
        if not self._lines_to_header:
            self._write("time", "worker" if has_workers else "", [row.column for row in self._rows])
            self._lines_to_header = _HEADER_EVERY
        self._lines_to_header -= 1
        several = [("all", moment.total)]
        if has_workers:
            several += [(str(number), figures) for number, figures in moment.workers.items()]
        for who, figures in several:
            cells = [row.write(row.read(figures)) for row in self._rows]
            self._write(_clock(moment), who if has_workers else "", cells)

    def _write(self, time: str, who: str, cells: list[str]) -> None:
        parts = [time.ljust(_TIME_WIDTH), *([who.rjust(6)] if who else [])]
        line = " ".join([*parts, *(cell.rjust(_COLUMN_WIDTH) for cell in cells)])
        sys.stdout.buffer.write(f"{line}\n".encode())
        sys.stdout.buffer.flush()


class Screen:
    """What stands on the screen: the last moment, and a minute of them. Times without an answer stay empty in the sparklines."""

    def __init__(self, interval_seconds: float) -> None:
        self._past: deque[Moment | None] = deque(
            maxlen=max(round(SPARK_SECONDS / interval_seconds), 1)
        )
        self._last: Moment | None = None

    def add(self, moment: Moment | None) -> None:
        """None stands for no answer; the first is a moment."""
        self._past.append(moment)
        self._last = moment or self._last

    def picture(self, width: int) -> Group:
        """For a terminal of so many columns."""
        assert self._last is not None, "a screen begins with an answer"
        numbers = 1 + (len(self._last.workers) if len(self._last.workers) > 1 else 0)
        places = width - _LABEL_WIDTH - _NUMBER_WIDTH * numbers
        past = list(self._past) if places >= _SPARK_PLACES_LEAST else None
        return Group(_heading(self._last), "", _table(self._last, past, places))


class ScreenView:
    """The whole terminal, given back at the end."""

    def __init__(self, interval_seconds: float) -> None:
        self._screen = Screen(interval_seconds)
        self._live = Live(screen=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, moment: Moment) -> None:
        self._screen.add(moment)
        self._live.update(self._screen.picture(self._live.console.width), refresh=True)

    def show_silence(self, reason: str, since: datetime) -> None:
        """There was no answer, for the first time at `since`."""
        self._screen.add(None)
        told = Text(f"no answer since {since:%H:%M:%S}: {reason}; still trying", style="bold red")
        picture = self._screen.picture(self._live.console.width)
        self._live.update(Group(told, picture), refresh=True)


def _heading(moment: Moment) -> Text:
    snapshot = moment.snapshot
    up = span(max(snapshot.date - snapshot.started, 0) / 1000)
    text = Text(f"relay {visible(snapshot.version)}", style="bold")
    text.append(
        f"  {_clock(moment)}  up {up}  limits {visible(snapshot.limits)}", style="not bold dim"
    )
    if snapshot.draining:
        text.append("  draining: everyone is being closed", style="bold yellow")
    return text


def _table(moment: Moment, past: list[Moment | None] | None = None, places: int = 0) -> Table:
    """A row for each figure, a column for all and for each of several workers, and the last minute when it is known."""
    table = Table(box=None, pad_edge=False, header_style="dim", show_header=True)
    table.add_column("", no_wrap=True)
    table.add_column("all", justify="right", no_wrap=True, style="bold")
    has_workers = len(moment.workers) > 1
    workers = list(moment.workers.items()) if has_workers else []
    for number, _ in workers:
        table.add_column(f"worker {number}", justify="right", no_wrap=True)
    if past is not None:
        table.add_column("the last minute", no_wrap=True, style="cyan")
    width = min(places, _SPARK_PLACES_MOST)
    for row in rows_of(moment.total):
        cells = [row.write(row.read(figures)) for _, figures in workers]
        sparks = [] if past is None else [sparkline(_values(row, past), width)]
        label = Text(visible(row.label), style="dim" if row.label.startswith(PART_INDENT) else "")
        table.add_row(label, row.write(row.read(moment.total)), *cells, *sparks)
    return table


def _values(row: Row, past: list[Moment | None]) -> list[float | None]:
    return [None if moment is None else row.read(moment.total) for moment in past]


def _clock(moment: Moment) -> str:
    """By the relay's clock, in the local time zone."""
    return f"{datetime.fromtimestamp(moment.snapshot.date / 1000):%H:%M:%S}"
