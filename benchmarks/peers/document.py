"""Puts what was measured into a document, between two markers: no figure is typed by hand."""

from __future__ import annotations

from pathlib import Path

BEGIN = "<!-- peers: what follows is written by `python -m benchmarks.peers --write`; change nothing by hand -->"
END = "<!-- peers: end -->"


def write(path: Path, text: str) -> None:
    """Replace what stands between the markers. Raises ValueError when they are not there once, in this order."""
    path.write_text(replaced(path.read_text(), text, str(path)))


def check(path: Path) -> None:
    """Raise what `write` would raise."""
    replaced(path.read_text(), "", str(path))


def replaced(document: str, text: str, name: str) -> str:
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in after:
        raise ValueError(f"{name}: expected the lines {BEGIN!r} and {END!r}, once each")
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"
