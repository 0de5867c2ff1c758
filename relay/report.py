"""What the limits did lately, in a line of a log: how many, never who or where.

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
    "refused_admin_token": "operators' requests refused: token",
    "refused_admin_guesses": "operators' requests refused: too many wrong tokens",
    "refused_published_rate": "published messages over their rate",
    "refused_published_byte_rate": "published messages over their byte rate",
    "bad_proxy_header": "connections refused: no PROXY header, or a malformed one",
    "refused_proxy": "requests refused: PROXY header from who is no trusted proxy",
    "spared_blocked": "requests while their address was blocked",
    "spared_connection_rate": "requests too often",
    "spared_connections_per_ip": "requests beyond the connections of one address",
    "spared_published_rate": "published messages over their rate",
    "spared_published_byte_rate": "published messages over their byte rate",
}

_PASS_IN_DRY_RUNS: Final = frozenset({"over_message_rate", "over_byte_rate", "kicked"})
_SPARED: Final = "spared_"


class LimitsReport:
    """Compares counters with what they were when it last told."""

    def __init__(self, stats: Callable[[], Mapping[str, int]]) -> None:
        self._stats = stats
        self._before: Mapping[str, int] = {}

    def take(self, *, is_dry_run: bool) -> list[str]:
        """What was counted since the last call: a line of what was done, and one of what a dry run let pass; none without counts.

        `is_dry_run` says whether there has been one since.
        """
        done: list[str] = []
        passed: list[str] = []
        now = self._stats()
        for name, words in _WORDS.items():
            count = now.get(name, 0) - self._before.get(name, 0)
            if count:
                has_passed = name.startswith(_SPARED) or (is_dry_run and name in _PASS_IN_DRY_RUNS)
                (passed if has_passed else done).append(f"{count} {words}")
        self._before = now
        lines = (("limits: ", done), ("limits, as a dry run: ", passed))
        return [start + "; ".join(told) for start, told in lines if told]
