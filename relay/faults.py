"""How a contained fault is logged: what kind it was and where, never with what.

An exception's own text may quote what a peer sent, a channel's name or a key, and none of these may reach a log.
"""

import logging
import traceback
from collections.abc import Iterator

_log = logging.getLogger("relay")


def log_fault(what: str, exc: BaseException) -> None:
    """Log one error: `what` happened, and of each exception its type and its stack, without its text."""
    _log.error("%s: %s", what, "\n".join(map(_describe, _leaves(exc))))


def _leaves(exc: BaseException) -> Iterator[BaseException]:
    """The exceptions that a nursery has wrapped into groups."""
    if isinstance(exc, BaseExceptionGroup):
        for inner in exc.exceptions:
            yield from _leaves(inner)
    else:
        yield exc


def _describe(exc: BaseException) -> str:
    return "\n".join([type(exc).__name__, *traceback.format_tb(exc.__traceback__)]).rstrip()
