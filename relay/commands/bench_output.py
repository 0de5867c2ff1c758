"""Where the reports of `relay bench` go: looked at before the run, written after it."""

import errno
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from relay.bench.faults import PlanError
from relay.commands.shared import Exit, fail, leave_stdout

_STDOUT: Final = "-"


class Outputs:
    """What --json and --html say: a file, `-` for stdout instead of the text, or None."""

    def __init__(self, json_path: str | None, html_path: str | None) -> None:
        self._paths = {"json": json_path, "html": html_path}

    @property
    def has_text(self) -> bool:
        """Whether stdout is for people to read."""
        return _STDOUT not in self._paths.values()

    def check(self) -> None:
        """Before the run: nobody wants to learn after it that the report cannot be kept. Raises PlanError."""
        if self._paths["json"] == self._paths["html"] == _STDOUT:
            raise PlanError("--html: only one of --json and --html can be -, which is stdout")
        files = [os.path.realpath(path) for _, path in self._files() if not _is_special(path)]
        if len(set(files)) < len(files):
            raise PlanError(f"--html: {self._paths['html']} is the file of --json, too")
        for name, path in self._files():
            _require_writable(name, path)

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
            if path is not None and path != _STDOUT:
                yield name, path

    def _on_stdout(self, figures: dict[str, Any]) -> str:
        name = next((name for name, path in self._paths.items() if path == _STDOUT), "text")
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
        return _cannot_write(name, path, exc)
    return ""


def _cannot_write(name: str, path: str, exc: OSError) -> str:
    return f"--{name}: cannot write {path or 'a file without a name'}: {str(exc.strerror).lower()}"


def _is_special(path: str) -> bool:
    """A pipe or a device: to open it for a try would be noticed at its other end."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _require_writable(name: str, path: str) -> None:
    """By opening it: permissions alone do not tell of a file system that is read-only. Leaves no file behind, and no change."""
    real = os.path.realpath(path) if path else ""
    try:
        if _is_special(real):
            if not os.access(real, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        is_new = not os.path.exists(real)
        os.close(os.open(real, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666))
        if is_new:
            os.unlink(real)
    except OSError as exc:
        raise PlanError(_cannot_write(name, path, exc)) from None
