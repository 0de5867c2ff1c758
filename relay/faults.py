"""How a contained fault is logged: what kind it was and where, never with what.

An exception's own text may quote what a peer sent, a channel's name or a key, and none of these may reach a log.
"""

import logging
import math
import time
import traceback
from collections.abc import Iterator
from typing import Final

FAULT_INTERVAL_SECONDS: Final = 1.0

_log = logging.getLogger("relay")


def log_fault(what: str, exc: BaseException) -> None:
    """Log one error: `what` happened, and of each exception its type and its stack, without its text."""
    _log.error("%s: %s", what, "\n".join(map(_describe, _leaves(exc))))


class FaultLog:
    """Logs faults that a peer may be able to cause as often as it likes: one a second, with how many were not."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next_at = -math.inf
        self._untold = 0

    def note(self, exc: BaseException) -> None:
        """Log this fault, or count it."""
        now = time.monotonic()
        if now < self._next_at:
            self._untold += 1
            return
        more = f" ({self._untold} more since the last report)" if self._untold else ""
        log_fault(self._what + more, exc)
        self._next_at = now + FAULT_INTERVAL_SECONDS
        self._untold = 0


def _leaves(exc: BaseException) -> Iterator[BaseException]:
    """The exceptions that a nursery has wrapped into groups."""
    if isinstance(exc, BaseExceptionGroup):
        for inner in exc.exceptions:
            yield from _leaves(inner)
    else:
        yield exc


def _describe(exc: BaseException) -> str:
    return "\n".join([type(exc).__name__, *traceback.format_tb(exc.__traceback__)]).rstrip()
