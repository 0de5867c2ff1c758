"""What the limits did lately, in a line of a log: how many, never who or where.

Knows no trio and no socket; the server asks once a minute.
"""

from collections.abc import Callable, Mapping
from typing import Final

_WORDS: Final = {
    "over_message_rate": "message{s} over {their} rate",
    "over_byte_rate": "message{s} over {their} byte rate",
    "denied": "message{s} without a send key",
    "skipped": "message{s} missed by slow consumers",
    "kicked": "connection{s} kicked",
    "blocks": "address{es} blocked",
    "slow_consumers": "slow consumer{s} closed",
    "crowded_out": "unfinished handshake{s} cut to make room",
    "full_house": "connection{s} refused for want of room",
    "refused_blocked": "request{s} refused: address blocked",
    "refused_connection_rate": "request{s} refused: too often",
    "refused_connections_per_ip": "request{s} refused: too many connections of one address",
    "refused_origin": "request{s} refused: origin",
    "refused_join_key": "request{s} refused: join key",
    "refused_send_key": "request{s} refused: send key",
    "refused_admin_token": "request{s} of operators refused: token",
    "refused_admin_guesses": "request{s} of operators refused: too many wrong tokens",
    "refused_published_rate": "published message{s} over {their} rate",
    "refused_published_byte_rate": "published message{s} over {their} byte rate",
    "bad_proxy_header": "connection{s} refused: no PROXY header, or a malformed one",
    "refused_proxy": "request{s} refused: PROXY header from who is no trusted proxy",
    "spared_blocked": "request{s} while {their} address was blocked",
    "spared_connection_rate": "request{s} too often",
    "spared_connections_per_ip": "request{s} beyond the connections of one address",
    "spared_published_rate": "published message{s} over {their} rate",
    "spared_published_byte_rate": "published message{s} over {their} byte rate",
}

_ONE: Final = {"s": "", "es": "", "their": "its"}
_MANY: Final = {"s": "s", "es": "es", "their": "their"}
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
                (passed if has_passed else done).append(_tell(count, words))
        self._before = now
        lines = (("limits: ", done), ("limits, as a dry run: ", passed))
        return [start + "; ".join(told) for start, told in lines if told]


def _tell(count: int, words: str) -> str:
    return f"{count} {words.format_map(_ONE if count == 1 else _MANY)}"
