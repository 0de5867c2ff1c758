"""The table as text: a line per row and contender, printed as soon as it is known."""

from __future__ import annotations

from benchmarks.figures import Figures

COLUMNS = (
    ("row", 26),
    ("server", 14),
    ("per s", 11),
    ("CPU us", 8),
    ("p50 ms", 8),
    ("p99 ms", 8),
    ("wrong", 6),
    ("server core", 12),
    ("load core", 10),
    ("B/conn", 7),
)
NAMES = 2  # columns of text, to the left; the rest are figures, to the right


def line(cells: tuple[str, ...]) -> str:
    padded = [
        cell.ljust(width) if i < NAMES else cell.rjust(width)
        for i, (cell, (_, width)) in enumerate(zip(cells, COLUMNS, strict=True))
    ]
    return " ".join(padded)


def heading() -> str:
    return line(tuple(name for name, _ in COLUMNS)) + "  verdict"


def row_line(name: str, contender: str, figures: Figures) -> str:
    cells = (
        name,
        contender,
        f"{figures.units_per_second:,.0f}",
        f"{figures.server_us:.3g}",
        f"{figures.p50_ms:.3g}",
        f"{figures.p99_ms:.3g}",
        f"{figures.wrong:.0f}",
        f"{figures.server_utilisation:.0%}",
        f"{figures.generator_utilisation:.0%}",
        f"{figures.bytes_per_connection:,.0f}" if figures.bytes_per_connection else "",
    )
    return f"{line(cells)}  {figures.verdict}"
