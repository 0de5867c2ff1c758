"""How long to wait before the next attempt to connect."""

import random
from typing import Final

import msgspec

from relay.client.checks import check_number


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Growing delays: `first_seconds` times `factor`^k, at most `longest_seconds`, each less by a random part of up to `jitter`.

    `jitter` is from 0 to 1. It keeps the members of a relay that was restarted from coming back all at once. Raises TypeError
    and ValueError.
    """

    first_seconds: float = 1.0
    factor: float = 2.0
    longest_seconds: float = 30.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        check_number("first_seconds", self.first_seconds, 0, _LONGEST_SECONDS)
        check_number("factor", self.factor, 1, _LONGEST_SECONDS)
        check_number("longest_seconds", self.longest_seconds, self.first_seconds, _LONGEST_SECONDS)
        check_number("jitter", self.jitter, 0, 1)

    def delay_seconds(self, failures: int, chance: float | None = None) -> float:
        """The wait after so many attempts (1 or more) that did not stay. `chance`, from 0 to 1, is drawn unless it is given.

        Raises TypeError and ValueError.
        """
        check_number("failures", failures, 1)
        if chance is not None:
            check_number("chance", chance, 0, 1)
        whole = self.longest_seconds
        if failures < _MOST_POWERS:
            whole = min(self.first_seconds * self.factor ** (failures - 1), whole)
        return whole * (1 - self.jitter * (random.random() if chance is None else chance))

    @classmethod
    def of(cls, reconnect: "bool | Backoff") -> "Backoff | None":
        """The policy that the argument `reconnect` stands for; None is never. Raises TypeError."""
        if isinstance(reconnect, Backoff):
            return reconnect
        if not isinstance(reconnect, bool):
            raise TypeError(
                f"reconnect: expected True, False or a Backoff, got {type(reconnect).__name__}"
            )
        return Backoff() if reconnect else None


_LONGEST_SECONDS: Final = 1e6
_MOST_POWERS: Final = (
    64  # beyond it a float may overflow, and any factor but 1 has reached its longest
)
