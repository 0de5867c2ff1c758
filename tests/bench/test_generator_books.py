"""What the generator counts, against a server that misdelivers in known ways."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from relay._load import Generator, RunReport

from .fake_server import TEXT, FakeServer, envelope, frame

SECONDS = 0.15
PATIENCE_SECONDS = 10.0  # where nothing is lost, a slow machine must not look like a loss
LOSS_TIMEOUT_SECONDS = 0.3


def run(
    server: FakeServer,
    *,
    channels: int = 1,
    members: int = 4,
    in_flight: int = 4,
    payload_bytes: int = 64,
    everyone_sends: bool = False,
    loss_timeout_seconds: float = PATIENCE_SECONDS,
) -> RunReport:
    generator = Generator(
        server.port,
        channels=channels,
        members=members,
        in_flight=in_flight,
        payload_bytes=payload_bytes,
        senders=members if everyone_sends else 1,
        loss_timeout_seconds=loss_timeout_seconds,
    )
    generator.connect(10)
    report = generator.run(SECONDS)
    generator.close()
    return report


def oddities(report: RunReport) -> dict[str, int]:
    names = (
        "lost",
        "duplicated",
        "reordered",
        "stale",
        "unexpected",
        "given_up",
        "errors",
        "dropped",
    )
    return {name: value for name in names if (value := getattr(report, name))}


@pytest.mark.parametrize("everyone_sends", [False, True])
@pytest.mark.parametrize(("channels", "members", "in_flight"), [(1, 2, 1), (1, 5, 8), (3, 4, 7)])
def test_a_faithful_server_shows_no_oddity(
    channels: int, members: int, in_flight: int, everyone_sends: bool
) -> None:
    with FakeServer() as server:
        report = run(
            server,
            channels=channels,
            members=members,
            in_flight=in_flight,
            everyone_sends=everyone_sends,
        )
    assert report.sent == len(server.messages) > in_flight
    assert report.delivered == report.expected == report.sent * (members - 1)
    assert report.latency.samples == report.delivered
    assert not oddities(report)


def test_each_message_is_json_of_the_asked_size_and_numbered_per_sender() -> None:
    with FakeServer() as server:
        run(server, channels=2, members=3, payload_bytes=200, everyone_sends=True)
    assert {len(message) for message in server.messages} == {200}
    numbers: dict[tuple[int, int], list[int]] = {}
    for message in map(json.loads, server.messages):
        assert set(message) == {"s", "k", "n", "t", "p"}
        numbers.setdefault((message["s"], message["n"]), []).append(message["t"])
    assert {sender for sender, _ in numbers} == {0, 1, 2}
    assert {len(times) for times in numbers.values()} <= {1, 2}  # once in each channel


def test_lost_deliveries() -> None:
    dropped = 0

    def lose(receiver: int, frames: list[bytes]) -> list[bytes]:
        nonlocal dropped
        kept = frames[1:] if receiver == 2 and dropped < 3 else frames
        dropped += len(frames) - len(kept)
        return kept

    with FakeServer(misdeliver=lose) as server:
        report = run(server, loss_timeout_seconds=LOSS_TIMEOUT_SECONDS)
    assert report.lost == dropped == 3
    assert report.delivered == report.expected - 3
    assert report.given_up >= 3
    assert set(oddities(report)) == {"lost", "given_up"}


def test_duplicated_deliveries() -> None:
    repeated = 0

    def repeat(receiver: int, frames: list[bytes]) -> list[bytes]:
        nonlocal repeated
        if receiver != 1:
            return frames
        repeated += 1
        return [frames[0], *frames]

    with FakeServer(misdeliver=repeat) as server:
        report = run(server, everyone_sends=True)
    assert report.duplicated == repeated > 0
    assert report.delivered == report.expected
    assert set(oddities(report)) == {"duplicated"}


def test_reordered_deliveries() -> None:
    swapped = 0

    def swap(receiver: int, frames: list[bytes]) -> list[bytes]:
        nonlocal swapped
        if receiver != 3 or len(frames) < 2:
            return frames
        swapped += 1
        return [frames[1], frames[0], *frames[2:]]

    with FakeServer(misdeliver=swap) as server:
        report = run(server)
    assert report.reordered == swapped > 0
    assert report.delivered == report.expected
    assert set(oddities(report)) == {"reordered"}


def test_a_late_delivery_that_is_repeated_is_reordered_once_and_duplicated_once() -> None:
    swapped = 0

    def swap_and_repeat(receiver: int, frames: list[bytes]) -> list[bytes]:
        nonlocal swapped
        if receiver != 3 or len(frames) < 2:
            return frames
        swapped += 1
        return [frames[1], frames[0], frames[0], *frames[2:]]

    with FakeServer(misdeliver=swap_and_repeat) as server:
        report = run(server)
    assert report.reordered == report.duplicated == swapped > 0
    assert report.delivered == report.expected


def test_a_delivery_after_its_message_was_given_up_still_counts_as_delivered() -> None:
    held: list[bytes] = []

    def hold_one_until_its_slot_is_used_again(receiver: int, frames: list[bytes]) -> list[bytes]:
        if receiver != 1:
            return frames
        if not held:
            held.append(frames[0])
            return frames[1:]
        held.append(b"")
        return [*frames, held[0]] if len(held) == 2 else frames

    with FakeServer(misdeliver=hold_one_until_its_slot_is_used_again) as server:
        generator = Generator(
            server.port, members=3, in_flight=1, loss_timeout_seconds=LOSS_TIMEOUT_SECONDS
        )
        generator.connect(10)
        report = generator.run(2 * LOSS_TIMEOUT_SECONDS)
        generator.close()
    assert report.sent > 2
    assert oddities(report) == {"reordered": 1, "given_up": 1}


def test_a_delivery_of_an_earlier_run_is_stale() -> None:
    held: list[bytes] = []

    def hold_the_last(receiver: int, frames: list[bytes]) -> list[bytes]:
        if receiver != 1:
            return frames
        if second_run:
            return [*(held.pop() for _ in range(len(held))), *frames]
        if not held:
            held.append(frames[0])
            return frames[1:]
        return frames

    second_run = False
    with FakeServer(misdeliver=hold_the_last) as server:
        generator = Generator(
            server.port, members=3, in_flight=2, loss_timeout_seconds=LOSS_TIMEOUT_SECONDS
        )
        generator.connect(10)
        first = generator.run(SECONDS)
        second_run = True
        second = generator.run(SECONDS)
        generator.close()
    assert (first.lost, first.stale) == (1, 0)
    assert oddities(second) == {"stale": 1}
    assert second.delivered == second.expected


def test_two_runs_are_counted_apart() -> None:
    with FakeServer() as server:
        generator = Generator(server.port, members=3)
        generator.connect(10)
        reports = [generator.run(SECONDS) for _ in range(2)]
        generator.close()
    assert sum(report.sent for report in reports) == len(server.messages)
    assert all(report.delivered == report.sent * 2 for report in reports)


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        (b'{"type":"join","uid":"u","users":3,"total":3,"date":1}', "joins"),
        (b'{"type":"leave","users":3,"total":3,"date":1}', "leaves"),
        (b'{"type":"error","message":"no","date":1}', "errors"),
        (b'{"type":"gap","missed":3,"date":1}', "events"),
        (b'{"other":1}', "unexpected"),
        (b'{"id":"i","uid":"u","date":1,"message":{"s":' + b"9" * 58 + b"}", "unexpected"),
    ],
)
def test_frames_that_carry_none_of_our_messages_are_counted_apart(extra: bytes, name: str) -> None:
    def add(receiver: int, frames: list[bytes]) -> list[bytes]:
        added.update([name])
        return [frame(TEXT, extra), *frames]

    added: Counter[str] = Counter()
    with FakeServer(misdeliver=add) as server:
        report = run(server)
    assert getattr(report, name) == added[name] > 0
    assert report.delivered == report.expected


def test_an_echo_to_the_sender_is_unexpected() -> None:
    echoed: list[bytes] = []

    def wrap(payload: bytes) -> bytes:
        """Make the message look as if the receiver itself had sent it."""
        echoed.append(payload)
        return envelope(payload) + envelope(payload.replace(b'{"s":    0', b'{"s":    1'))

    with FakeServer(wrap=wrap) as server:
        report = run(server, members=2)
    assert report.unexpected == report.echoed == len(echoed)
    assert report.delivered == report.expected


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (0x01, "fragments"),
        (0x02, "fragments"),
        (0x00, "fragments"),
        (0x80, "fragments"),
        (0xC1, "reserved"),
        (0xA2, "reserved"),
        (0x91, "reserved"),
        (0x41, "reserved"),  # compressed, and the first of several
        (0x83, ""),
        (0x8B, ""),
    ],
)
def test_frames_that_are_no_whole_message_are_unexpected_and_named(first: int, name: str) -> None:
    """None is taken for a delivery, whatever is in it."""

    def spoil(receiver: int, frames: list[bytes]) -> list[bytes]:
        return [bytes([first]) + each[1:] for each in frames]

    with FakeServer(misdeliver=spoil) as server:
        report = run(server, loss_timeout_seconds=0.05)
    assert (report.delivered, report.events) == (0, 0)
    assert report.unexpected > 0
    counts = {"fragments": report.fragments, "reserved": report.reserved, "": report.unexpected}
    assert counts[name] == report.unexpected
    assert report.fragments + report.reserved == (report.unexpected if name else 0)


def test_a_server_that_sends_every_second_message_first() -> None:
    """On the wire, not within a read: each is held until the next one came."""
    held: dict[int, bytes] = {}

    def swap(receiver: int, frames: list[bytes]) -> list[bytes]:
        swapped: list[bytes] = []
        for each in frames:
            if receiver in held:
                swapped += [each, held.pop(receiver)]
            else:
                held[receiver] = each
        return swapped

    with FakeServer(misdeliver=swap) as server:
        report = run(server, members=3, in_flight=4, loss_timeout_seconds=0.05)
    assert report.lost == len(held) <= 2
    assert report.reordered == report.delivered // 2 > 0
    assert (report.duplicated, report.unexpected) == (0, 0)


def test_verbatim_rooms_deliver_the_bare_payload() -> None:
    with FakeServer(wrap=lambda payload: frame(TEXT, payload)) as server:
        report = run(server)
    assert report.delivered == report.expected > 0
    assert not oddities(report)


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 7, 64, 133])
def test_frames_cut_anywhere_are_put_together(piece_bytes: int) -> None:
    with FakeServer(piece_bytes=piece_bytes) as server:
        report = run(server, members=3, in_flight=3)
    assert report.delivered == report.expected > 0
    assert not oddities(report)


@pytest.mark.parametrize("payload_bytes", [61, 62, 72, 73, 125, 126, 4096, 65_535, 65_536, 300_000])
def test_every_length_form(payload_bytes: int) -> None:
    with FakeServer() as server:
        report = run(server, members=3, in_flight=2, payload_bytes=payload_bytes)
    assert {len(message) for message in server.messages} == {payload_bytes}
    assert report.delivered == report.expected > 0
    assert not oddities(report)


def test_a_connection_that_ends_leaves_the_rest_running() -> None:
    with FakeServer(close_after=20) as server:
        generator = Generator(server.port, members=4)
        generator.connect(10)
        report = generator.run(SECONDS)
        assert generator.open_connections == 3
        closing = generator.close()
    assert report.dropped == 1
    assert report.sent > 20
    assert report.lost <= 8  # what was on its way to it
    assert closing.close_codes == {1000: 3, 1013: 1}
