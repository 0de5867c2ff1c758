"""How a server is spoken to: what the generator asks for, what it sends, and what it expects back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

STAMP_MIN_BYTES = 55  # of a payload that is a string: the generator's stamp and two quotes


class Speech(TypedDict, total=False):
    """Arguments of the generator."""

    path: str
    payload_bytes: int
    template: str
    greeting: str
    has_echo: bool


@dataclass(frozen=True)
class Wire:
    """`path` holds `{channel}`. A message is its JSON between `prefix` and `suffix`; `greeting` is sent once one is connected.

    With `has_echo` a sender gets its own messages too; without `has_envelope` the JSON comes back as it was sent.
    """

    path: str = "/c/{channel}"
    prefix: str = ""
    suffix: str = ""
    greeting: str = ""
    has_echo: bool = False
    has_envelope: bool = True

    def speech(self, channels: str, payload_bytes: int) -> Speech:
        """For channels of that name, with `{channel}` in it, and messages whose JSON has so many bytes."""
        speech = Speech(
            path=self.path.replace("{channel}", channels),
            payload_bytes=payload_bytes + len(self.prefix + self.suffix),
            greeting=self.greeting,
            has_echo=self.has_echo,
        )
        if self.prefix:  # what stands around the JSON is not the relay's: the message is a template
            assert payload_bytes >= STAMP_MIN_BYTES
            speech["template"] = f'{self.prefix}"{{stamp}}{{padding}}"{self.suffix}'
        return speech


ITTY = Wire()
