"""Numbers with their nouns, and what is said where there is no number."""

from typing import Final

NOTHING: Final = "-"


def counted(number: int, one: str, many: str = "") -> str:
    """As in "1 error" and "1,200 errors"; `many` is for what does not just get an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def was(number: int) -> str:
    """The verb for so many."""
    return "was" if number == 1 else "were"
