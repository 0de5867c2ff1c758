"""What the limits did lately, in one line of a log: how many, never who or where.

Knows no trio and no socket; the server asks once a minute.
"""

from collections.abc import Callable, Mapping
from typing import Final

_WORDS: Final = {
    "over_message_rate": "messages over their rate",
    "over_byte_rate": "messages over their byte rate",
    "denied": "messages without a send key",
    "skipped": "messages missed by slow consumers",
    "kicked": "connections kicked",
    "blocks": "addresses blocked",
    "slow_consumers": "slow consumers closed",
    "crowded_out": "unfinished handshakes cut to make room",
    "full_house": "connections refused for want of room",
    "refused_blocked": "requests refused: address blocked",
    "refused_connection_rate": "requests refused: too often",
    "refused_connections_per_ip": "requests refused: too many connections of one address",
    "refused_origin": "requests refused: origin",
    "refused_join_key": "requests refused: join key",
    "refused_send_key": "requests refused: send key",
    "refused_published_rate": "published messages over their rate",
    "refused_published_byte_rate": "published messages over their byte rate",
    "refused_proxy": "requests refused: PROXY header from who is no trusted proxy",
    "spared_connection_rate": "requests too often",
    "spared_connections_per_ip": "requests beyond the connections of one address",
    "spared_published_rate": "published messages over their rate",
    "spared_published_byte_rate": "published messages over their byte rate",
}


class LimitsReport:
    """Compares counters with what they were when it last told."""

    def __init__(self, stats: Callable[[], Mapping[str, int]]) -> None:
        self._stats = stats
        self._before: Mapping[str, int] = {}

    def take(self, *, is_dry_run: bool) -> str | None:
        """What was counted since the last call, or None when there is nothing to tell.

        `is_dry_run` says that what was over a limit has passed.
        """
        now = self._stats()
        told = [
            f"{now[name] - self._before.get(name, 0)} {words}"
            for name, words in _WORDS.items()
            if now.get(name, 0) > self._before.get(name, 0)
        ]
        self._before = now
        if not told:
            return None
        return ("limits, as a dry run: " if is_dry_run else "limits: ") + "; ".join(told)
