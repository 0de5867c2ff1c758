"""Messages that wait for a connection. Pure."""

from collections import deque
from collections.abc import Iterable

Message = str | bytes


def checked_message(data: object) -> Message:
    """What can be sent as it is now. Raises TypeError for what is no message, ValueError for text that UTF-8 cannot encode."""
    if isinstance(data, str):
        try:
            data.encode()
        except UnicodeEncodeError:
            raise ValueError("data: expected text without lone surrogates") from None
        return data
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise TypeError(f"data: expected a string or bytes, not {type(data).__name__}")


def amount(messages: Iterable[Message]) -> int:
    """Bytes, strings being counted in UTF-16 code units as JavaScript does."""
    return sum(_size(message) for message in messages)


def _size(message: Message) -> int:
    if isinstance(message, bytes) or message.isascii():
        return len(message)
    return len(message.encode("utf-16-le")) // 2


class Outbox:
    """At most `limit` messages, in the order in which they were added."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def amount(self) -> int:
        return amount(self._messages)

    def add(self, message: Message, limit: float) -> bool:
        """Whether there was room; if not, the message is dropped."""
        if len(self._messages) >= limit:
            return False
        self._messages.append(message)
        return True

    def put_back(self, messages: Iterable[Message]) -> None:
        """In front of the others: they had been taken to be sent, and were not."""
        self._messages.extendleft(reversed(list(messages)))

    def drain(self) -> list[Message]:
        """All of them, which are then no longer here."""
        drained = list(self._messages)
        self._messages.clear()
        return drained
