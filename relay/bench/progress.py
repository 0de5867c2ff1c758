"""The progress bar, on a terminal; nothing at all elsewhere."""

import sys
from types import TracebackType
from typing import Self


class Silence:
    """Says nothing: the output is a pipe, or a file."""

    def begin(self, phase: str, total: float) -> None: ...

    def advance(self, done: float, note: str) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Bar(Silence):
    """On stderr, so that stdout can be redirected. Drawn when the run tells of itself: a thread would take time from it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("{task.description:<11}"),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            auto_refresh=False,
            transient=True,
        )
        self._task = self._progress.add_task("", total=1, note="")

    def begin(self, phase: str, total: float) -> None:
        self._progress.reset(self._task, total=total or None, description=phase, note="")
        self._progress.refresh()

    def advance(self, done: float, note: str) -> None:
        self._progress.update(self._task, completed=done, note=note)
        self._progress.refresh()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()


def progress() -> Silence:
    """What suits stderr."""
    return Bar() if sys.stderr.isatty() else Silence()
