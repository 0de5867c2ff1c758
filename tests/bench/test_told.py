"""What `relay bench` says of a server that does not do what it should: who did what, and what may help."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest
from support.connection import LIMIT_SECONDS
from support.fixtures import StartRelay, VisitAt
from support.process import COMMAND, environment

from relay._load import Generator, Interval
from relay.bench.figures import message_figures
from relay.bench.measured import MeasuredRun, measure_run
from relay.bench.oddities import oddities, why_nothing
from relay.bench.usage import Usage, Watched
from relay.bench.verdict import judge, shares_of, telling_percentile

from .command import SHORT, figures_in, one_line, run, url_of
from .fake_server import TEXT, FakeServer, Misdeliver, close_frame, frame
from .results import LATENCY, REPORT, result_with

LOST = ("--loss-timeout", "0.1")


def spoil(first: int) -> Misdeliver:
    """Every frame with another first byte."""
    return lambda receiver, frames: [bytes([first]) + each[1:] for each in frames]


@pytest.mark.parametrize(
    ("first", "text"), [(0x01, "messages in fragments"), (0xC1, "frames with RSV bits")]
)
def test_frames_that_the_generator_does_not_read(first: int, text: str) -> None:
    with FakeServer(misdeliver=spoil(first)) as server:
        done = run(url_of(server), *SHORT, *LOST)
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1].startswith(
        f"invalid: nothing was delivered; what came were {text}"
    )
    assert f"note: 120 {text}" in done.stdout


def test_echoes_that_nobody_asked_for() -> None:
    with FakeServer(has_echo=True) as server:
        done = run(url_of(server), *SHORT)
    assert "note: 60 messages that came back to their sender: " in done.stdout
    assert "--echo counts them" in done.stdout


def test_echoes_that_are_all_there_is() -> None:
    only_own: Misdeliver = lambda receiver, frames: frames if receiver == 0 else []  # noqa: E731
    arguments = ("--channels", "1", "--members", "2", "--senders", "1", "--warmup", "0")
    with FakeServer(has_echo=True, misdeliver=only_own) as server:
        done = run(url_of(server), *arguments, "--duration", "0.2", "--rate", "100", *LOST)
    assert done.returncode == 3
    assert "nothing was delivered; what came were messages that came back" in done.stdout


def test_connections_that_the_generator_fails_are_not_closed_by_the_server() -> None:
    masked = b"\x81\x85abcdhello"
    with FakeServer(greeting=masked) as server:
        done = run(url_of(server), *SHORT)
    assert done.returncode == 1
    told = one_line(done.stderr)
    assert told.endswith("no connection stayed open: the generator failed 6 for a masked frame")
    assert "1002" not in told


def test_one_that_the_generator_fails_while_it_runs() -> None:
    mask: Misdeliver = lambda receiver, frames: (  # noqa: E731
        [b"\x81\x85abcdhello"] if receiver == 5 else frames
    )
    with FakeServer(misdeliver=mask) as server:
        done = run(url_of(server), *SHORT, "--json", "-")
    figures = figures_in(done)
    assert figures["connections"]["failed_by_generator"] == {"masked frame": 1}
    assert figures["connections"]["ended_by_server"] == 0
    assert "1002" not in figures["connections"]["close_codes"]
    [note] = [note for note in figures["verdict"]["notes"] if "failed" in note]
    assert note.endswith("for what the server had sent: 1 for a masked frame")
    assert not any("ended by the server" in note for note in figures["verdict"]["notes"])


def test_channels_that_all_have_left_are_no_fault_of_who_is_still_there() -> None:
    """What was due in them could not be sent: nobody failed to keep up."""
    with FakeServer(close_after=20, closes_everyone=True) as server:
        done = run(url_of(server), *SHORT[:4], "--rate", "200", "--duration", "0.5", "--warmup", "0", *LOST)  # fmt: skip
    assert "6 connections were ended by the server" in done.stdout
    assert "did not keep up" not in done.stdout


@pytest.mark.parametrize(("sent", "is_noted"), [(50, False), (49, True), (40, True)])
def test_keeping_up_is_of_what_could_be_sent(sent: int, is_noted: bool) -> None:
    notes = judge(result_with(sent=sent, unsent=50)).notes
    assert any("did not keep up" in note for note in notes) is is_noted
    assert "50 messages were due and not sent, for want of anybody to send or to get them" in notes


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, ""),
        ({"sent": 0}, ": nothing was sent, for none was due"),
        ({"sent": 0, "unsent": 5, "members_left": 0}, ": nothing was sent, for all had gone"),
        ({"sent": 0, "unsent": 5}, ": nothing was sent, for nobody was left to send to anybody"),
        ({"fragments": 3, "faults": {"masked frame": 1}}, "; what came were messages in fragments"),
        ({"reserved": 3}, "; what came were frames with RSV bits"),
        ({"echoed": 3}, "; what came were messages that came back"),
        ({"foreign": 3, "echoed": 3}, "; what came were messages of other channels"),
        (
            {"faults": {"masked frame": 2}},
            "; the generator failed connections: 2 for a masked frame",
        ),
        ({"dropped": 2}, "; the server ended 2 connections"),
        (
            {"dropped": 1, "close_codes": {1009: 1}},
            "; the server ended 1 connection: 1 with 1009; 1009 means that a message was larger",
        ),
        ({"unexpected": 2}, "; what came holds nothing of what was sent"),
        ({"events": 2}, "; what came holds nothing of what was sent"),
    ],
)
def test_why_nothing_was_delivered(change: dict[str, object], text: str) -> None:
    report = REPORT._replace(delivered=0)._replace(**change)  # type: ignore[arg-type]
    assert why_nothing(report, has_echo=False).startswith(text)
    assert bool(why_nothing(report, has_echo=False)) is bool(text)


def test_an_echo_that_was_asked_for_is_none_that_was_not() -> None:
    report = REPORT._replace(echoed=3)
    assert list(oddities(report, has_echo=True)) == []
    assert len(list(oddities(report, has_echo=False))) == 1
    assert why_nothing(report, has_echo=True) == ""


@pytest.mark.parametrize(
    ("messages", "percentile"),
    [(0, ""), (9, ""), (10, "p50"), (49, "p50"), (50, "p90"), (499, "p90"), (500, "p99")],
)
def test_lateness_is_told_of_so_many_that_chance_is_out(messages: int, percentile: str) -> None:
    assert telling_percentile(messages) == percentile
    late = LATENCY._replace(samples=messages, p50=0.5, p90=0.5, p99=0.5)
    found = judge(result_with(lateness=late))
    assert found.is_valid is (percentile == "")
    assert percentile == "" or f"late by 500 ms ({percentile})" in found.reason
    assert any("too few messages" in note for note in found.notes) is (percentile == "")


def test_few_messages_of_which_one_was_late_say_nothing() -> None:
    """The p99 of 60 messages is the longest of them."""
    late = LATENCY._replace(samples=60, p50=0.0, p90=0.0001, p99=0.5)
    assert judge(result_with(lateness=late)).is_valid


def test_a_server_that_is_killed_while_it_is_watched(
    start_relay: StartRelay, visit_at: VisitAt
) -> None:
    server = start_relay()
    witness = visit_at(server).join("bench-kill-0")
    host, port = server.address
    url, where = f"ws://{host}:{port}/c/bench-kill-{{channel}}", ("--pid", str(server.pid))
    arguments = (*SHORT[:4], "--rate", "200", "--duration", "60", "--warmup", "0", *LOST)
    process = subprocess.Popen(
        [*COMMAND, "bench", url, *arguments, *where, "--json", "-"],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        witness.receive_through(lambda event: "message" in event)
        server.stop(signal.SIGKILL)  # the run ends by itself: nobody is left
        output, _ = process.communicate(timeout=3 * LIMIT_SECONDS)
    finally:
        process.kill()
        process.wait()
    figures = json.loads(output)
    told = figures["verdict"]["notes"]
    assert f"the server (process {server.pid}) ended while messages were sent" in told
    assert "6 connections were ended by the server" in told
    assert figures["messages"]["sent"] > 0
    assert figures["server"]["cpu_share"] is None


def test_a_server_that_nobody_has_waited_for_has_ended() -> None:
    with FakeServer() as server, subprocess.Popen(["true"], stdout=subprocess.PIPE) as ended:
        assert ended.stdout is not None
        ended.stdout.read()
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        generator = Generator(server.port, members=2)
        generator.connect(10)
        run_of_it = measure_run(generator, Watched(ended.pid), 0.05)
        generator.close()
    assert run_of_it.report.delivered > 0
    assert run_of_it.server is None


def test_a_run_that_a_limit_ends_is_as_long_as_messages_were_sent() -> None:
    """And not as long as the wait for what the limit had dropped."""
    report = REPORT._replace(
        seconds=4.0,
        sending_seconds=0.5,
        sent=100,
        intervals=(Interval(0.6, 0.6, 100, 10, 0.1, 0.1, 0.1), Interval(4.0, 3.4, 0, 0, 0, 0, 0)),
    )
    assert message_figures(report)["sent_per_second"] == 200
    shares = shares_of(MeasuredRun(report, own=Usage(0.3, 0.15), server=Usage(0.06, 0.0)))
    assert (shares.own, shares.own_waited, shares.server) == pytest.approx((0.5, 0.25, 0.1))


@pytest.mark.parametrize(
    ("own", "shares"),
    [
        (Usage(0.1, 0.8), (0.1, 0.8)),
        (Usage(0.1, 0.9), (0.1, 0.9)),
        (Usage(0.1, 1.6), (0.1, 0.9)),
        (Usage(1.2, 0.3), (1.2, 0.0)),
    ],
)
def test_one_thread_waits_for_no_more_than_all_of_the_time(
    own: Usage, shares: tuple[float, float]
) -> None:
    """Though its account goes on while what is lost is waited for, which is no part of the time."""
    report = REPORT._replace(
        seconds=3.0,
        sending_seconds=1.0,
        intervals=(Interval(1.0, 1.0, 100, 10, 0.1, 0.1, 0.1),),
    )
    found = shares_of(MeasuredRun(report, own=own, server=None))
    assert (found.own, found.own_waited) == pytest.approx(shares)


@pytest.mark.parametrize(
    ("template", "size"),
    [("{stamp}   ", 56), ("<{stamp}{padding}>", 300), ("{stamp}" + "y" * 400, 453)],
)
def test_the_size_is_that_of_the_messages(template: str, size: int) -> None:
    """Whatever --size says, where the template has no padding."""
    arguments = ("--channels", "1", "--members", "2", "--duration", "0.1", "--warmup", "0")
    with FakeServer(wrap=lambda payload: frame(TEXT, payload)) as server:
        url = f"{url_of(server)}/x"
        done = run(url, *arguments, "--size", "300", "--template", template, "--json", "-")
    assert figures_in(done)["plan"]["payload_bytes"] == size
    assert {len(message) for message in server.messages} == {size}


def test_an_address_that_is_not_of_this_machine() -> None:
    with FakeServer() as server:
        done = run(url_of(server), *SHORT, "--remote", "--source-address", "192.0.2.1")
    assert done.returncode == 2
    assert "--source-address: expected addresses of this machine" in one_line(done.stderr)


@pytest.mark.parametrize("rate", [0.0, 200.0])
def test_the_wait_for_what_is_lost_is_no_part_of_sending(rate: float) -> None:
    with FakeServer(misdeliver=lambda receiver, frames: []) as server:
        generator = Generator(server.port, members=2, loss_timeout_seconds=0.2)
        generator.connect(10)
        report = generator.run(0.1, rate=rate)
        generator.close()
    assert report.sending_seconds == pytest.approx(0.1)
    assert report.seconds > report.sending_seconds


NOT_APART = ("--channels", "2", "--template", '{"to":"{channel}","text":"{stamp}"}')


@pytest.mark.parametrize("greeting", [(), ("--greeting", "join {channel}")])
def test_messages_of_other_channels_are_no_echoes_and_no_repeats(greeting: tuple[str, ...]) -> None:
    """The server sends everything to everybody on a path, and what else tells channels apart says nothing to it."""
    with FakeServer(wrap=lambda payload: frame(TEXT, payload)) as server:
        done = run(f"{url_of(server)}/room", *SHORT, *NOT_APART[2:], *greeting, "--json", "-")
    figures = figures_in(done)
    deliveries = figures["deliveries"]
    assert deliveries["delivered"] == deliveries["expected"] == 120
    found = deliveries["of_other_channels"]
    assert (
        150 < found < 210
    )  # of 180: nobody waits for the last ones, and the warm-up's may still come
    assert deliveries["unexpected"] == found
    assert deliveries["echoed"] == deliveries["duplicated"] == deliveries["reordered"] == 0
    [note] = [note for note in figures["verdict"]["notes"] if "other channels" in note]
    assert note.startswith(f"{found} messages of other channels: the server does not keep them")
    assert "--channels 1" in note


def test_messages_of_other_channels_that_are_all_there_is() -> None:
    def other_channel_only(receiver: int, frames: list[bytes]) -> list[bytes]:
        own = b'"to":"%d"' % (receiver // 3)
        return [each for each in frames if own not in each]

    with FakeServer(
        wrap=lambda payload: frame(TEXT, payload), misdeliver=other_channel_only
    ) as server:
        done = run(f"{url_of(server)}/room", *SHORT, *NOT_APART, *LOST)
    assert done.returncode == 3
    last = done.stdout.splitlines()[-1]
    assert last.startswith("invalid: nothing was delivered; what came were messages of other")


def test_messages_larger_than_the_relay_takes(start_relay: StartRelay) -> None:
    """Only those who send have gone then, and the others are still there: the run ends all the same, and says so."""
    host, port = start_relay("--max-message", "1000").address
    given = (*SHORT[:4], "--senders", "1", "--size", "1001", "--duration", "600")
    done = run(f"ws://{host}:{port}", *given, "--warmup", "0", "--loss-timeout", "600")
    assert done.returncode == 3
    told = done.stdout.splitlines()[-1]
    assert "nothing was delivered; the server ended 2 connections: 2 with 1009; 1009 means" in told
    assert "that a message was larger than the server takes, and one of 1,001 bytes was;" in told
    assert "start a relay with --max-message 1001" in told
    [early] = [line for line in done.stdout.splitlines() if "it ended early" in line]
    assert early.endswith(" s: nobody was left to send to anybody")
    assert "all had gone" not in done.stdout


def test_messages_larger_than_the_relay_takes_in_the_warm_up(start_relay: StartRelay) -> None:
    host, port = start_relay("--max-message", "1000").address
    given = (*SHORT[:4], "--in-flight", "2", "--size", "1001", "--duration", "600")
    done = run(f"ws://{host}:{port}", *given, "--warmup", "600", "--loss-timeout", "600")
    assert done.returncode == 3
    assert "start a relay with --max-message 1001" in done.stdout.splitlines()[-1]
    assert "note: it ended early, after " in done.stdout


def test_messages_as_large_as_the_relay_takes(start_relay: StartRelay) -> None:
    host, port = start_relay("--max-message", "1000").address
    figures = figures_in(run(f"ws://{host}:{port}", *SHORT, "--size", "1000", "--json", "-"))
    assert figures["deliveries"]["delivered"] == figures["deliveries"]["expected"] == 120
    assert figures["connections"]["close_codes"] == {}


@pytest.mark.parametrize("greeting", [(), ("--greeting", "hello")])
def test_a_greeting_larger_than_the_server_takes(greeting: tuple[str, ...]) -> None:
    """Without one nothing has been sent that could be too large."""
    with FakeServer(greeting=close_frame(1009)) as server:
        done = run(url_of(server), *SHORT, *greeting)
    assert done.returncode == 1
    told = one_line(done.stderr)
    assert "the server closed 6 with 1009" in told
    assert ("; 1009 means" in told) is bool(greeting)
    assert ("--greeting was; start a relay with --max-message" in told) is bool(greeting)


@pytest.mark.parametrize("phase", [(), ("--warmup", "0")])
@pytest.mark.parametrize("loop", [("--rate", "200"), ("--in-flight", "2")])
def test_a_run_ends_when_all_have_gone(loop: tuple[str, ...], phase: tuple[str, ...]) -> None:
    times = ("--duration", "600", *(phase or ("--warmup", "600")))
    with FakeServer(close_after=20, closes_everyone=True) as server:
        done = run(url_of(server), *SHORT[:4], *loop, *times, "--json", "-")
    figures = figures_in(done)
    assert done.returncode == (0 if figures["verdict"]["is_valid"] else 3)
    [note] = [note for note in figures["verdict"]["notes"] if "early" in note]
    assert note.startswith("it ended early, after ")
    assert note.endswith(" s: all had gone")
    assert figures["deliveries"]["delivered"] > 0
    assert figures["connections"]["ended_by_server"] == 6


def test_a_run_goes_on_while_one_channel_has_members_to_talk() -> None:
    with FakeServer(close_after=5) as server:
        generator = Generator(server.port, channels=2, members=2, senders=2)
        generator.connect(10)
        report = generator.run(0.3, rate=100)
        is_deserted = generator.is_deserted
        generator.close()
    assert (is_deserted, report.members_left, report.dropped) == (False, 3, 1)
    assert report.sending_seconds == pytest.approx(0.3)
    assert report.unsent > 0
