"""Tells of messages that are lost with their queue: when the program forgets a channel that could not send them, or ends.

`weakref.finalize` alone would do at the end what it does, but before the background thread has had its time to send.
"""

import logging
import os
import weakref
from collections.abc import Callable
from typing import Final

_logger: Final = logging.getLogger("relay.client")
_counts: Final[dict[object, Callable[[], int]]] = {}


def report_unsent(owner: object, count: Callable[[], int]) -> None:
    """Log a warning if `count` says so when `owner` is gone, to which it must not refer."""
    key = object()
    _counts[key] = count
    weakref.finalize(owner, _end, key).atexit = False


def report_all() -> None:
    """At the interpreter's exit, when nothing more will be sent."""
    for key in list(_counts):
        _end(key)


def _end(key: object) -> None:
    count = _counts.pop(key, None)
    if count is not None and (unsent := count()):
        _logger.warning("queued messages that were never sent: %d", unsent)


if hasattr(os, "register_at_fork"):  # what the parent has queued is not the child's to send
    os.register_at_fork(after_in_child=_counts.clear)
