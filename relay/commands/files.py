"""Files that a command is to write: it is asked before the work whether they can be, so that no answer is lost."""

import stat
from pathlib import Path

import click


def require_writable(flag: str, path: Path) -> None:
    """Raises click.UsageError that names the option. What is no file, such as a pipe, is refused, and so is `-`: nobody means a
    file of that name."""
    if str(path) == "-":
        raise click.UsageError(f"{flag}: expected the name of a file, got -")
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise click.UsageError(f"{flag}: {path} is no file")
        _try(path)
    except OSError as exc:
        raise click.UsageError(f"{flag}: {path} cannot be written: {exc.strerror}") from None


def _try(path: Path) -> None:
    """Nothing is left behind, nor changed in a file that is there. Raises OSError."""
    is_new = not path.exists()
    path.open("ab").close()
    if is_new:
        path.unlink()
