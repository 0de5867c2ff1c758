"""How a contained fault is logged: what kind it was and where, never with what.

An exception's own text may quote what a peer sent, a channel's name or a key, and none of these may reach a log.
"""

import logging
import traceback

_log = logging.getLogger("relay")


def log_fault(what: str, exc: BaseException) -> None:
    """Log one error: `what` happened, the exception's type, and the stack, without its message."""
    stack = "".join(traceback.format_tb(exc.__traceback__)).rstrip()
    _log.error("%s: %s\n%s", what, type(exc).__name__, stack)
