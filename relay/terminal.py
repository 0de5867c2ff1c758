"""The terminal that the relay was started on, if it was.

A terminal that is closed sends SIGHUP, which for services means to load the settings again. A relay that did so in both cases
would stay behind every window that is closed, keep its port, and have nowhere to say so.
"""

import os
from typing import Final

_STANDARD_DESCRIPTORS: Final = (0, 1, 2)


class Terminal:
    """Made at the start, while it is there."""

    def __init__(self) -> None:
        self._descriptors = [number for number in _STANDARD_DESCRIPTORS if os.isatty(number)]

    def is_gone(self) -> bool:
        """Whether there was one and it has been closed: the kernel then answers for no descriptor of it."""
        return bool(self._descriptors) and not any(map(os.isatty, self._descriptors))
