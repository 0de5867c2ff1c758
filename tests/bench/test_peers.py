"""The peers deliver as they must, and the check that says so notices when one does not."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from benchmarks.contenders import Contender
from benchmarks.peers import installing
from benchmarks.peers.catalogue import PEERS, RELAY, Peer
from benchmarks.peers.check import DeliveryError, check
from benchmarks.peers.installing import MissingError
from benchmarks.process import ServerProcess
from benchmarks.wire import ITTY, Wire

from .fake_server import TEXT, FakeServer, Misdeliver, frame

INSTALL_SECONDS = 300
BY_NAME = {peer.name: peer for peer in PEERS}


def found(peer: Peer) -> Contender:
    """Skip where it cannot be had; with `CI` set only what root alone installs may be missing."""
    if peer is not RELAY and "LD_PRELOAD" in os.environ:
        pytest.skip("a sanitizer is preloaded, and the peers are not built for one")
    try:
        return peer.find()
    except MissingError as error:
        if os.environ.get("CI") and (peer.name != "nchan" or os.geteuid() == 0):
            pytest.fail(f"{peer.name}: {error}")
        pytest.skip(f"{peer.name}: {error}")


@pytest.mark.timeout(INSTALL_SECONDS)
@pytest.mark.slow
@pytest.mark.parametrize("peer", [RELAY, *PEERS], ids=lambda peer: peer.name)
def test_every_message_arrives_once_in_its_envelope(peer: Peer) -> None:
    with ServerProcess(found(peer).command) as server:
        check(server.port, peer.wire, is_stamped=peer.is_relay)


def stamped(date: int, **fields: str) -> Callable[[bytes], bytes]:
    """As a relay would whose members are all one."""
    numbers = count()

    def wrap(payload: bytes) -> bytes:
        stamp = {"id": f"i{next(numbers)}", "uid": "u", "date": date} | fields
        return frame(TEXT, json.dumps(stamp)[:-1].encode() + b', "message": %b}' % payload)

    return wrap


def lose_one(receiver: int, frames: list[bytes]) -> list[bytes]:
    return [each for each in frames if b'"n": 3,' not in each]


def repeat_one(receiver: int, frames: list[bytes]) -> list[bytes]:
    return [each for each in frames for _ in range(2 if b'"n": 3,' in each else 1)]


def alter_one(receiver: int, frames: list[bytes]) -> list[bytes]:
    return [each.replace("éé".encode(), "ée".encode() + b"e", 1) for each in frames]


@pytest.mark.parametrize("misdeliver", [lose_one, repeat_one, alter_one])
def test_what_is_lost_doubled_or_altered_is_found(misdeliver: Misdeliver) -> None:
    with (
        FakeServer(misdeliver=misdeliver) as server,
        pytest.raises(DeliveryError, match=r"member \d got of"),
    ):
        check(server.port, ITTY, is_stamped=False)


def test_a_server_without_a_fault_has_none() -> None:
    with FakeServer() as server:
        check(server.port, ITTY, is_stamped=False)


@pytest.mark.parametrize(
    ("wrap", "fault"),
    [
        (stamped(int(time.time() * 1000), id="i7"), "two messages have the id 'i7'"),
        (stamped(int(time.time() * 1000)), "two members share a uid"),
        (stamped(int(time.time() * 1000), uid=""), "id and uid are"),
        (stamped(int(time.time() * 1000), from_="me"), "an envelope has"),
        (stamped(int(time.time())), "the date is"),
        (lambda payload: frame(TEXT, b"{" + payload), "what came is no message"),
    ],
)
def test_an_envelope_that_is_wrong_is_found(wrap: Callable[[bytes], bytes], fault: str) -> None:
    with FakeServer(wrap=wrap) as server, pytest.raises(DeliveryError, match=fault):
        check(server.port, ITTY)


def test_channels_that_leak_are_found() -> None:
    one_for_all = Wire(path="/c/all")
    with FakeServer() as server, pytest.raises(DeliveryError, match="got messages of"):
        check(server.port, one_for_all, is_stamped=False)


def test_every_peer_says_what_it_is() -> None:
    assert len(BY_NAME) == len(PEERS)
    assert all(peer.runs and peer.lacks for peer in PEERS)


def test_a_peer_that_cannot_be_had_is_left_out_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(MissingError, match="node is missing"):
        installing.need("node", "nodejs")


def test_a_template_stands_around_the_json() -> None:
    speech = replace(ITTY, prefix='42["m",', suffix="]").speech("bench-{channel}", 64)
    assert speech["template"] == '42["m","{stamp}{padding}"]'
    assert speech["payload_bytes"] == 64 + len('42["m",]')
