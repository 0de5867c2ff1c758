"""What a run tells of its parts: intervals add up to it, receivers and the distribution, too."""

from __future__ import annotations

import pytest

from relay._load import Generator, Interval

from .fake_server import FakeServer

SECONDS = 0.3


def test_intervals_add_up_to_the_run() -> None:
    seen: list[Interval] = []
    with FakeServer() as server:
        generator = Generator(server.port, members=4)
        generator.connect(10)
        report = generator.run(SECONDS, interval_seconds=0.05, watch=seen.append)
        again = generator.run(0.05)
        generator.close()
    assert report.intervals == tuple(seen)
    assert sum(each.delivered for each in seen) == report.delivered
    assert sum(each.sent for each in seen) == report.sent
    assert sum(each.seconds for each in seen) == pytest.approx(report.seconds, abs=1e-6)
    assert seen[-1].ended == pytest.approx(report.seconds, abs=1e-6)
    assert max(each.longest for each in seen) == report.latency.longest
    assert again.intervals == ()


def test_the_distribution_is_of_all_deliveries() -> None:
    with FakeServer() as server:
        generator = Generator(server.port, members=4)
        generator.connect(10)
        report = generator.run(SECONDS)
        generator.close()
    values = [seconds for seconds, _ in report.distribution]
    assert values == sorted(values)
    assert sum(count for _, count in report.distribution) == report.delivered


def test_receivers_are_told_apart() -> None:
    """One of them gets nothing, the sender neither."""
    with FakeServer(misdeliver=lambda receiver, frames: [] if receiver == 2 else frames) as server:
        generator = Generator(
            server.port,
            members=4,
            has_spread=True,
            loss_timeout_seconds=0.1,
            handshakes_in_flight=1,
        )
        generator.connect(10)
        report = generator.run(SECONDS)
        generator.close()
    assert [bool(each.samples) for each in report.receivers] == [False, True, False, True]
    assert sum(each.samples for each in report.receivers) == report.delivered
    assert max(each.longest for each in report.receivers) == report.latency.longest
    for each in report.receivers:
        assert each.p50 <= each.p90 <= each.p99 <= each.p999 <= each.longest


def test_receivers_of_one_run_only() -> None:
    with FakeServer() as server:
        generator = Generator(server.port, members=3, has_spread=True)
        generator.connect(10)
        reports = [generator.run(0.05) for _ in range(2)]
        generator.close()
    for report in reports:
        assert sum(each.samples for each in report.receivers) == report.delivered


def test_a_receiver_s_percentiles_are_close_to_those_of_all() -> None:
    """With one receiver they are of the same values, in coarser buckets."""
    with FakeServer() as server:
        generator = Generator(server.port, members=2, has_spread=True)
        generator.connect(10)
        report = generator.run(SECONDS)
        generator.close()
    [only] = [each for each in report.receivers if each.samples]
    for coarse, exact in zip(only[1:], report.latency[1:], strict=True):
        assert coarse == pytest.approx(exact, rel=0.021)


def test_nobody_asked() -> None:
    with FakeServer() as server:
        generator = Generator(server.port, members=2)
        generator.connect(10)
        assert generator.run(0.02).receivers == ()
        generator.close()


@pytest.mark.parametrize(("channels", "is_allowed"), [(49, True), (50, True), (51, False)])
def test_the_spread_is_bounded(channels: int, is_allowed: bool) -> None:
    arguments = {"channels": channels, "members": 1000, "has_spread": True, "in_flight": 1}
    if is_allowed:
        Generator(1, **arguments)  # type: ignore[arg-type]
        return
    with pytest.raises(ValueError, match=r"^has_spread: "):
        Generator(1, **arguments)  # type: ignore[arg-type]


def test_a_run_can_be_stopped() -> None:
    with FakeServer() as server:
        generator = Generator(server.port, members=3)
        generator.connect(10)
        report = generator.run(30, interval_seconds=0.02, watch=lambda interval: generator.stop())
        assert 0 < report.delivered == report.expected
        assert generator.run(0.02).delivered > 0
        generator.close()
