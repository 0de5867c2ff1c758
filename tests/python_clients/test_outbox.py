"""Messages that wait for a connection."""

from __future__ import annotations

import pytest

from relay.client.outbox import Outbox, amount, checked_message


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_it_takes_as_many_as_its_limit(limit: int) -> None:
    outbox = Outbox()
    assert [outbox.add(str(number), limit) for number in range(limit + 1)] == [
        *[True] * limit,
        False,
    ]
    assert len(outbox) == limit
    assert outbox.drain() == [str(number) for number in range(limit)]
    assert len(outbox) == 0


def test_what_is_put_back_comes_first() -> None:
    outbox = Outbox()
    outbox.add("c", 1)
    outbox.put_back(["a", "b"])
    assert outbox.drain() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("message", "size"), [("", 0), ("abc", 3), ("é", 1), ("日", 1), ("🦆", 2), (b"abc", 3)]
)
def test_amount(message: str | bytes, size: int) -> None:
    assert amount([message, message]) == 2 * size


def test_messages_are_copied_when_they_could_change() -> None:
    data = bytearray(b"abc")
    message = checked_message(memoryview(data))
    data[0] = 0
    assert message == b"abc"
