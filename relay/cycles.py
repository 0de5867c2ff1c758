"""When Python looks for garbage in cycles, which it does while everybody waits.

A full collection looks at everything that there is: 0.1 s with 5000 channels, 0.8 s with 50 000, of which no member would get a
message meanwhile. (Members are not looked at, a channel is two dozen objects.) So Python takes none of its own accord. What is
new is still looked at, as always, in a millisecond or so. A channel that has ended is no cycle, nor is a connection: there is
nothing to find for a full collection, and one in case is taken when the channels are few.
"""

import gc
from collections.abc import Callable
from typing import Final

import trio

INTERVAL_SECONDS: Final = 60.0
FEW_CHANNELS: Final = 200
"""Some 4 ms, which is a turn."""
_NEVER: Final = 1_000_000_000


async def collect_rarely(count_channels: Callable[[], int]) -> None:
    """Until cancelled, keep full collections to where they take no longer than a turn."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*before[:2], _NEVER)
    try:
        while True:
            await trio.sleep(INTERVAL_SECONDS)
            if count_channels() <= FEW_CHANNELS:
                gc.collect()
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
