"""Files that a command is to write: it is asked before the work whether they can be, so that no answer is lost."""

import errno
import os
import stat
from pathlib import Path

import click

STDOUT = "-"


def require_file(flag: str, path: Path) -> None:
    """Raises click.UsageError that names the option. What is no file, such as a pipe, is refused, and so is `-`: nobody means a
    file of that name."""
    if str(path) == STDOUT:
        raise click.UsageError(f"{flag}: expected the name of a file, got -")
    if is_special(str(path)):
        raise click.UsageError(f"{flag}: {path} is no file")
    try:
        try_writing(str(path))
    except OSError as exc:
        raise click.UsageError(cannot_write(flag, str(path), exc)) from None


def try_writing(path: str) -> None:
    """By opening it: permissions alone do not tell of a file system that is read-only. Leaves no file behind, and no change.
    Raises OSError."""
    real = os.path.realpath(path) if path else ""
    if is_special(real):
        if not os.access(real, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return
    is_new = not os.path.exists(real)
    os.close(os.open(real, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666))
    if is_new:
        os.unlink(real)


def is_special(path: str) -> bool:
    """A pipe or a device: to open it for a try would be noticed at its other end."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def cannot_write(flag: str, path: str, exc: OSError) -> str:
    """What went wrong, by the option that the path came from."""
    return f"{flag}: cannot write {path or 'a file without a name'}: {str(exc.strerror).lower()}"
