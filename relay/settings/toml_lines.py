"""On which line of a TOML document a setting stands: tomllib tells values, not places."""

import tomllib
from collections.abc import Iterator
from typing import Any, Final

Path = tuple[str, ...]

# What any statement of more than one line has on its last one. Only there a parse is tried, as each costs the whole statement.
_CLOSERS: Final = ("]", "}", '"""', "'''")


def find_lines(text: str) -> dict[Path, int]:
    """The line, from 1, of each key and table of a valid document, by its path."""
    lines: dict[Path, int] = {}
    table: Path = ()
    for number, statement, value in _statements(text):
        paths = list(_paths(value))
        is_header = statement.lstrip().startswith("[")
        around = () if is_header else table
        for path in paths:
            lines.setdefault(around + path, number)
        if is_header:
            table = paths[-1]
    return lines


def nearest_line(lines: dict[Path, int], path: Path) -> int | None:
    """The line of the path, or else of the closest one around it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Each statement with its first line and what it says by itself.

    A valid document's lines up to some line are valid by themselves exactly when no statement goes on after it.
    """
    pending = ""
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        is_first = not pending
        start = number if is_first else start
        pending += f"{line}\n"
        if not is_first and not any(closer in line for closer in _CLOSERS):
            continue
        try:
            value = tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            continue
        yield start, pending, value
        pending = ""


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all keys, those around before those within."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
