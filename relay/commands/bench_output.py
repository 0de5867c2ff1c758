"""Where the reports of `relay bench` go: looked at before the run, written after it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from relay.bench.faults import PlanError
from relay.commands.files import STDOUT, cannot_write, is_special, try_writing
from relay.commands.shared import Exit, fail, leave_stdout


class Outputs:
    """What --json and --html say: a file, `-` for stdout instead of the text, or None."""

    def __init__(self, json_path: str | None, html_path: str | None) -> None:
        self._paths = {"json": json_path, "html": html_path}

    @property
    def has_text(self) -> bool:
        """Whether stdout is for people to read."""
        return STDOUT not in self._paths.values()

    def check(self) -> None:
        """Before the run: nobody wants to learn after it that the report cannot be kept. Raises PlanError."""
        if self._paths["json"] == self._paths["html"] == STDOUT:
            raise PlanError("--html: only one of --json and --html can be -, which is stdout")
        files = [os.path.realpath(path) for _, path in self._files() if not is_special(path)]
        if len(set(files)) < len(files):
            raise PlanError(f"--html: {self._paths['html']} is the file of --json, too")
        for name, path in self._files():
            try:
                try_writing(path)
            except OSError as exc:
                raise PlanError(cannot_write(f"--{name}", path, exc)) from None

    def write(self, figures: dict[str, Any]) -> None:
        """Stdout first, for that is where a report is safe when a file fails. Ends the command when one does."""
        lost = _print(self._on_stdout(figures))
        reasons = [
            reason
            for name, path in self._files()
            if (reason := _save(name, path, _report(name, figures)))
        ]
        if reasons:
            fail("; ".join(reasons), Exit.CONNECTION)
        if lost is not None:
            raise lost

    def _files(self) -> Iterator[tuple[str, str]]:
        for name, path in self._paths.items():
            if path is not None and path != STDOUT:
                yield name, path

    def _on_stdout(self, figures: dict[str, Any]) -> str:
        name = next((name for name, path in self._paths.items() if path == STDOUT), "text")
        return _report(name, figures)


def _report(name: str, figures: dict[str, Any]) -> str:
    from relay.bench.page import page_of
    from relay.bench.text import text_of

    if name == "json":
        return json.dumps(figures, indent=1) + "\n"
    return page_of(figures) if name == "html" else text_of(figures)


def _print(text: str) -> OSError | None:
    try:
        click.echo(text, nl=False)
    except OSError as exc:
        leave_stdout()
        return exc
    return None


def _save(name: str, path: str, text: str) -> str:
    """Empty, or what went wrong."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as exc:
        return cannot_write(f"--{name}", path, exc)
    return ""
