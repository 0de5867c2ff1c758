"""The token bucket for bytes. The rate is so low that not a token comes back while a test runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from support.fixtures import StartRelay, VisitAt
from support.member import Visitors
from support.process import RelayProcess
from support.websocket import CLOSE, PING, TEXT

BURST = 1000


def bucket(burst: int, kick_after: int = 100) -> tuple[str, ...]:
    return ("--byte-rate", "1", "--byte-burst", str(burst), "--kick-after", str(kick_after))


def text_of(size: int) -> str:
    return '"' + "x" * (size - 2) + '"'


@pytest.fixture(scope="module")
def strict() -> Iterator[RelayProcess]:
    with RelayProcess(*bucket(BURST)) as server:
        yield server


@pytest.fixture
def guests(strict: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(strict)


@pytest.mark.parametrize(
    "sizes", [[BURST - 1], [BURST], [BURST // 2] * 2], ids=["below", "at", "at in two"]
)
def test_up_to_the_burst_all_is_relayed(guests: Visitors, channel: str, sizes: list[int]) -> None:
    witness, sender = guests.join(channel), guests.join(channel)
    witness.receive_event()
    sender.send_text(*map(text_of, sizes))
    assert [len(witness.receive_message()) + 2 for _ in sizes] == sizes
    assert sender.settle_by_ping() == []


@pytest.mark.parametrize("excess", [20, BURST // 2], ids=["just above", "above"])
def test_what_is_above_is_dropped_with_one_error(
    guests: Visitors, channel: str, excess: int
) -> None:
    witness, sender = guests.join(channel), guests.join(channel)
    witness.receive_event()
    sender.send_text(
        text_of(BURST // 2), text_of(BURST // 2 + excess), text_of(BURST // 2 + excess)
    )
    [error] = sender.settle_by_ping()
    assert error["type"] == "error"
    assert error["message"].startswith("rate limit exceeded: too many bytes")
    assert len(witness.receive_message()) == BURST // 2 - 2
    assert witness.settle() == []


def test_a_message_that_fits_is_relayed_after_one_that_did_not(
    guests: Visitors, channel: str
) -> None:
    """A refused message costs none of the tokens it did not get."""
    witness, sender = guests.join(channel), guests.join(channel)
    witness.receive_event()
    sender.send_text(text_of(BURST // 2), text_of(BURST), text_of(BURST // 2))
    assert [len(witness.receive_message()) for _ in range(2)] == [BURST // 2 - 2] * 2


def test_a_message_larger_than_the_burst_is_told_so(guests: Visitors, channel: str) -> None:
    sender = guests.join(channel)
    sender.send_text(text_of(BURST + 1))
    [error] = sender.settle_by_ping()
    assert "larger than the burst" in error["message"]


def test_fragments_are_charged_together(guests: Visitors, channel: str) -> None:
    witness, sender = guests.join(channel), guests.join(channel)
    witness.receive_event()
    payload = text_of(BURST).encode()
    sender.send_frame(1, payload[:600], fin=False)
    sender.send_frame(0, payload[600:])
    assert len(witness.receive_message()) == BURST - 2
    sender.send_text("1")
    assert [event["type"] for event in sender.settle_by_ping()] == ["error"]


@pytest.mark.parametrize(("path", "warnings"), [("/c/", 1), ("/parties/main/", 0)])
def test_the_kick(
    start_relay: StartRelay, visit_at: VisitAt, channel: str, path: str, warnings: int
) -> None:
    """In a party room there is no warning frame, only the kick."""
    sender = visit_at(start_relay(*bucket(10, kick_after=1))).open(path + channel)
    errors = 0
    while True:
        with suppress(BrokenPipeError, ConnectionResetError):
            sender.send_text("[1,2,3,4,5,6]")
            sender.send_frame(PING)
        while (received := sender.receive())[0] == TEXT:
            errors += b"rate limit exceeded" in received[1]
        if received[0] == CLOSE:
            break
    assert int.from_bytes(received[1][:2], "big") == 1008
    assert errors == warnings


def test_a_rate_of_0_turns_it_off(start_relay: StartRelay, visit_at: VisitAt, channel: str) -> None:
    visitors = visit_at(start_relay("--byte-rate", "0", "--byte-burst", "10"))
    witness, sender = visitors.join(channel), visitors.join(channel)
    witness.receive_event()
    sender.send_text(*[text_of(5000)] * 5)
    assert [len(witness.receive_message()) for _ in range(5)] == [4998] * 5
