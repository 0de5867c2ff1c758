"""What becomes of errors that callbacks raise: they are logged, and end nothing of others."""

import logging
import os
import threading
from typing import Final

_here: Final = threading.local()
_logger: Final = logging.getLogger("relay.client")


def mark_background_thread() -> None:
    """This thread is the background thread; a child that is forked in it is another process, and has none."""
    _here.pid = os.getpid()


def is_background_thread() -> bool:
    """Whether the caller runs in the background thread."""
    return getattr(_here, "pid", None) == os.getpid()


def faults() -> tuple[type[BaseException], ...]:
    """What of a callback is logged and goes no further, in this thread.

    In the background thread nobody is above who could take SystemExit or KeyboardInterrupt: they would only end the connections
    of all. Elsewhere they are the caller's. Never trio's Cancelled.
    """
    if is_background_thread():
        return (Exception, SystemExit, KeyboardInterrupt)
    return (Exception,)


def log_error(error: BaseException, place: str) -> None:
    """What was raised and where; not its text, which may quote a message."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    line = f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})" if trace else ""
    _logger.error("%s in %s%s", type(error).__name__, place, line)
