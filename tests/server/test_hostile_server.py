"""What an attack on the whole server once found, each as short as it can be."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest
from support.fixtures import StartRelay, VisitAt
from support.member import Bystanders, Visitors
from support.process import COMMAND, environment, flags_if_known
from support.websocket import CLOSE, PING, PONG, TEXT, encode_frame, upgrade_head

MEBIBYTE = 1 << 20
HEALTH = b"GET /health HTTP/1.1\r\nHost: relay.test\r\n\r\n"


def test_a_message_behind_a_late_upgrade_has_the_present_date(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    """The reactor has had no turn since the connection was accepted, so its clock stood."""
    caller = visit_at(start_relay()).dial()
    accepted_at = time.monotonic()
    while time.monotonic() - accepted_at < 0.3:
        caller.send(HEALTH)
        assert caller.receive_response().status == 200
    head = upgrade_head(f"/c/{channel}?echo=1")
    sent_at = time.time() * 1000
    caller.send(head + encode_frame(TEXT, b'"now"'))
    caller.expect_join(head)
    assert caller.receive_event()["date"] >= sent_at - 1


def test_nobody_is_admitted_while_it_drains(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay()
    visitors = visit_at(server)
    holdout, late = visitors.join(channel), visitors.dial()
    head = upgrade_head(f"/c/{channel}")
    late.send(head[:20])
    holdout.settle()
    server.send_signal(signal.SIGTERM)
    assert holdout.receive_close()[0] == 1001
    late.send(head[20:])
    assert late.receive_response().status == 503
    holdout.close()
    assert server.wait() == 0


def test_a_channel_that_is_closed_as_a_whole_tells_no_leaves(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    """Else each of N members would be sent up to N leaves before its own close."""
    server = start_relay()
    visitors = visit_at(server)
    members = [visitors.join(channel, announce="1") for _ in range(30)]
    for total, member in enumerate(members, 1):
        while total < len(members):
            total = member.receive_event()["total"]
    server.send_signal(signal.SIGTERM)
    for member in members:
        frame = member.receive_frame()
        assert (frame.opcode, frame.payload[:2]) == (CLOSE, b"\x03\xe9")
        member.close()
    assert server.wait() == 0


def test_pings_of_changing_length_and_no_reading(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    """Only the newest pong waits, whatever the length of the one before it."""
    server = start_relay()
    pair = Bystanders(visit_at(server))
    pair.exchange()
    flooder = visit_at(server).enter(f"/c/{channel}", receive_buffer_bytes=4096)
    memory = server.memory_bytes()
    chunk = (encode_frame(PING) + encode_frame(PING, b"x")) * 20_000
    for _ in range(20):
        flooder.send(chunk)
        pair.exchange()
    assert server.memory_bytes() - memory <= 4 * MEBIBYTE
    flooder.send(encode_frame(PING, b"the last"))
    while (frame := flooder.receive_frame()).payload != b"the last":
        assert frame.opcode == PONG


def test_refused_heads_are_not_kept(start_relay: StartRelay, visit_at: VisitAt) -> None:
    """Two hundred callers whose head is far too large, all still in the linger that lets them read the refusal."""
    server = start_relay()
    visitors = visit_at(server)
    pair = Bystanders(visitors)
    callers = [visitors.connect() for _ in range(200)]
    for caller in callers:
        caller.send(b"G")
    pair.exchange()
    memory = server.memory_bytes()
    for caller in callers:
        caller.send(b"G" * 65_535)
        assert caller.receive_response().status == 431
    pair.exchange()
    assert server.memory_bytes() - memory <= 4 * MEBIBYTE


def test_resets_in_the_middle_of_http_are_no_news(
    start_relay: StartRelay, visit_at: VisitAt
) -> None:
    """A peer that can write a traceback into the log by hanging up can fill the disk."""
    server = start_relay()
    visitors = visit_at(server)
    for _ in range(5):
        for second in (b"BAD\r\n\r\n", HEALTH, b"GET /c/x HTTP/1.1\r\nContent-Length: 9\r\n\r\n"):
            caller = visitors.connect()
            caller.send(HEALTH)
            assert caller.receive_response().status == 200
            caller.send(second)
            caller.reset()
    pair = Bystanders(visitors)
    pair.exchange()
    visitors.close()
    assert server.stop() == 0
    assert server.errors == ""


def test_half_surrogates_among_very_many_values(
    visit: Visitors, channel: str, bystanders: Bystanders
) -> None:
    """What the fast check of JSON refuses is looked at again, and that must neither take long nor be lax."""
    receiver, sender = visit.join(channel), visit.join(channel)
    receiver.receive_event()
    values = b",[]" * 30_000
    for text in (b'["\\ud800"' + values + b"]", b'["\\\\ud800"' + values + b"]"):
        sender.send_text(text)
        assert len(receiver.receive_message()) == 30_001
    for text in (b'["\\ud800"' + values, b'["\\ud80"]', b'["\\\\\\ud8"]', b'\\ud800"', b"\\ud800"):
        sender.send_text(text)
        assert "JSON" in sender.receive_error()


@pytest.mark.parametrize("limit", range(7, 12))
def test_too_few_descriptors_to_start(limit: int) -> None:
    """It says so in one line, or it runs."""
    command = [*COMMAND, "serve", "--port", "0", *flags_if_known(("--admin", "off"))]
    shell = f'ulimit -n {limit}; exec "$@"'
    process = subprocess.Popen(
        ["bash", "-c", shell, "bash", *command],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        if any("listening on" in line for line in process.stdout):
            process.send_signal(signal.SIGTERM)
        errors = process.stderr.read()
    assert len(errors.splitlines()) <= 1, errors
    assert "Traceback" not in errors
