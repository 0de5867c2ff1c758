"""Text that others have written, made harmless for a terminal."""

import re
import unicodedata
from typing import Final

# Categories of what a terminal may obey, or what turns the direction of writing, or what cannot be written at all: controls,
# formats, surrogates, separators of lines and paragraphs. The two joiners are formats that scripts and emoji need.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS: Final = "\u200c\u200d"
_MAY_BE_HIDDEN: Final = re.compile(r"[^\x20-\x7e]")


def visible(text: str) -> str:
    """The text, with escapes in place of what would not be seen but obeyed."""
    return _MAY_BE_HIDDEN.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if unicodedata.category(character) not in _HIDDEN or character in _JOINERS:
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
