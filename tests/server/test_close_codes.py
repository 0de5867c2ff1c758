"""Closing handshakes, and every close code seen on a wire. 1001 is in test_signals, 1013 in test_slow_consumer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.fixtures import StartRelay, VisitAt
from support.member import Bystanders, Visitors
from support.process import RelayProcess
from support.websocket import CLOSE, CONTINUATION, TEXT, close_payload, encode_frame, frame_header

DEFAULT_MAX = 100 * 1024
SMALL_MAX = 1000

VALID = (
    1000,
    1001,
    1002,
    1003,
    1007,
    1008,
    1009,
    1010,
    1011,
    1012,
    1013,
    1014,
    3000,
    3999,
    4000,
    4001,
    4999,
)


@pytest.mark.parametrize("reason", [b"", b"done", "日本".encode(), b"x" * 123], ids=len)
@pytest.mark.parametrize("code", VALID)
def test_the_clients_own_code_comes_back(
    visit: Visitors, channel: str, code: int, reason: bytes
) -> None:
    witness, member = visit.join(channel), visit.join(channel)
    witness.receive_event()
    member.send_close(code, reason)
    answer, _ = member.receive_close()
    assert answer == code
    member.expect_end()
    assert witness.receive_event()["type"] == "leave"


def test_a_close_without_a_code(visit: Visitors, channel: str) -> None:
    member = visit.join(channel)
    member.send_close(None)
    code, _ = member.receive_close()
    assert code in (None, 1000)
    member.expect_end()


def test_nothing_is_taken_after_a_close(visit: Visitors, channel: str) -> None:
    witness, member = visit.join(channel), visit.join(channel)
    witness.receive_event()
    late = encode_frame(TEXT, b'"late"') + encode_frame(0x3)
    member.send(encode_frame(TEXT, b'"in time"') + encode_frame(CLOSE, close_payload(4000)) + late)
    assert witness.receive_message() == "in time"
    assert witness.receive_event()["type"] == "leave"
    assert witness.settle() == []
    assert member.receive_close()[0] == 4000


def test_nothing_arrives_after_the_answer(visit: Visitors, channel: str) -> None:
    talker, member = visit.join(channel), visit.join(channel)
    talker.receive_event()
    talker.send_text(*["1"] * 50)
    member.send_close(1000)
    talker.send_text(*["2"] * 50)
    while (received := member.receive())[0] == TEXT:
        pass
    assert received == (CLOSE, close_payload(1000))
    member.expect_end()


def test_a_reason_that_is_not_utf8(visit: Visitors, channel: str) -> None:
    member = visit.join(channel)
    member.send_close(1000, b"\xff\xfe")
    member.expect_close(1007, 1002)


def test_a_peer_that_never_answers_a_close_is_let_go(visit: Visitors, channel: str) -> None:
    """It has left at once; the socket itself may linger for a bounded time."""
    witness, member = visit.join(channel), visit.join(channel)
    witness.receive_event()
    member.send(encode_frame(0x3))
    assert witness.receive_event()["type"] == "leave"
    member.receive_close()


def quoted(size: int) -> bytes:
    return b'"' + b"x" * (size - 2) + b'"'


@pytest.fixture(scope="module")
def small() -> Iterator[RelayProcess]:
    with RelayProcess("--max-message", str(SMALL_MAX)) as server:
        yield server


class TestMaxMessage:
    @pytest.fixture(params=[DEFAULT_MAX, SMALL_MAX])
    def limit(self, request: pytest.FixtureRequest) -> int:
        limit: int = request.param
        return limit

    @pytest.fixture
    def visitors(
        self, limit: int, relay: RelayProcess, small: RelayProcess, visit_at: VisitAt
    ) -> Visitors:
        return visit_at(relay if limit == DEFAULT_MAX else small)

    @pytest.mark.parametrize("below", [1, 0])
    def test_up_to_the_limit(
        self, visitors: Visitors, channel: str, limit: int, below: int
    ) -> None:
        witness, sender = visitors.join(channel), visitors.join(channel)
        witness.receive_event()
        sender.send_text(quoted(limit - below))
        assert len(witness.receive_message()) == limit - below - 2

    def test_above_the_limit(self, visitors: Visitors, channel: str, limit: int) -> None:
        witness, sender = visitors.join(channel), visitors.join(channel)
        witness.receive_event()
        sender.send_text(quoted(limit + 1))
        sender.expect_close(1009)
        assert witness.receive_event()["type"] == "leave"

    @pytest.mark.parametrize("excess", [1, 1 << 20, 1 << 32, (1 << 62) - 1])
    def test_the_header_alone_decides(
        self, visitors: Visitors, channel: str, limit: int, excess: int
    ) -> None:
        sender = visitors.join(channel)
        sender.send(frame_header(TEXT, limit + excess))
        sender.expect_close(1009)

    @pytest.mark.parametrize("below", [1, 0])
    def test_fragments_up_to_the_limit(
        self, visitors: Visitors, channel: str, limit: int, below: int
    ) -> None:
        witness, sender = visitors.join(channel), visitors.join(channel)
        witness.receive_event()
        text = quoted(limit - below)
        sender.send_frame(TEXT, text[:700], fin=False)
        sender.send_frame(CONTINUATION, text[700:])
        assert len(witness.receive_message()) == limit - below - 2

    def test_the_header_of_a_fragment_decides(
        self, visitors: Visitors, channel: str, limit: int
    ) -> None:
        sender = visitors.join(channel)
        sender.send_frame(TEXT, b"x" * (limit - 10), fin=False)
        sender.send(frame_header(CONTINUATION, 11, fin=False))
        sender.expect_close(1009)

    def test_an_address_counts(self, visitors: Visitors, channel: str, limit: int) -> None:
        sender = visitors.join(channel)
        prefix = f"@@{sender.uid}@@".encode()
        sender.send_text(prefix + quoted(limit - len(prefix)))
        assert len(sender.receive_message()) == limit - len(prefix) - 2
        sender.send_text(prefix + quoted(limit - len(prefix) + 1))
        sender.expect_close(1009)


def test_much_more_than_the_limit_is_still_answered(
    visit: Visitors, channel: str, bystanders: Bystanders
) -> None:
    """What was on its way when the server closed must not reset the connection before the code has been read."""
    sender = visit.join(channel)
    sender.send(encode_frame(TEXT, quoted(300_000)))
    sender.expect_close(1009)


def test_reasons_of_closes_are_short_text(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    visitors = visit_at(start_relay())
    for stream, code in (
        (encode_frame(0x3), 1002),
        (encode_frame(TEXT, b"\xff"), 1007),
        (frame_header(TEXT, 1 << 40), 1009),
    ):
        member = visitors.join(channel)
        member.send(stream)
        assert member.expect_close(code), "a reason helps the one who has to find the fault"
