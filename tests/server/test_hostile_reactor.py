"""Everyone sees what the witnesses see, in the hostile world of `hostile_world`.

Two witnesses in each room, with `list` and without, read all the time and are never meddled with: what they saw is what everyone
else must have seen, from its own join on, to the end if it is still there, to some frame otherwise. That holds for readers of
event streams as for members. Where slow consumers are spared, each gap must stand for as many messages as it says.
"""

from __future__ import annotations

import pytest

from .hostile_peers import SHARED_EVENTS, Peer, Seen
from .hostile_world import World

STEPS = 600


def what_it_should_have_seen(world: World, peer: Peer) -> list[Seen]:
    """Everything the room was told since it joined, less its own, in the order of its room's witness."""
    witness = world.peers[peer.room + 2 * peer.lists]
    joined = peer.texts[0]
    assert joined["event"] == "self", joined
    start = witness.story.index((joined["serial"] - 1, "join", peer.uid)) + 1
    return [seen for seen in witness.story[start:] if peer.echo or seen[1] != peer.uid]


def check_story(world: World, peer: Peer, is_here: bool) -> None:
    """All that it should have seen, in order; and behind a gap what came so many messages later."""
    expected = what_it_should_have_seen(world, peer)
    place = missed = 0
    for seen in peer.story:
        if seen[0] == "gap":
            assert world.skips
            missed += seen[1]
            continue
        next_place = expected.index(seen, place)
        check_gap(peer, expected[place:next_place], missed, world.skips)
        place, missed = next_place + 1, 0
    if is_here:
        check_gap(peer, expected[place:], missed, world.skips)


def check_gap(peer: Peer, between: list[Seen], missed: int, skips: bool) -> None:
    assert skips or not between, f"{peer.uid} did not see {between}"
    messages = sum(seen[1] not in SHARED_EVENTS for seen in between)
    assert messages == missed, f"{peer.uid} missed {messages} messages and was told of {missed}"


def check_own(peer: Peer, is_here: bool) -> None:
    """What each sender sent arrived in its order, direct messages and the room's; the last ping was answered."""
    numbers: dict[str, int] = {}
    for text in peer.texts:
        message = text.get("message")
        if isinstance(message, dict):
            assert message["to"] in (None, peer.uid), message
            assert numbers.get(message["from"], -1) < message["number"], message
            numbers[message["from"]] = message["number"]
    if is_here and peer.is_polite and peer.last_ping:
        assert peer.pongs[-1] == peer.last_ping


def check_counts(world: World) -> None:
    """Who is there is who came less who left, and each of these was closed by one code."""
    counts = world.reactor.stats()
    here = sum(len(room.members) for room in world.rooms)
    closed = sum(count for name, count in counts.items() if name.startswith("closed_"))
    assert counts["admitted"] - closed == here
    assert counts["published"] == sum(room.posted for room in world.rooms)
    fanout = world.reactor.histograms()["fanout_members"]
    assert fanout["sum"] == counts["deliveries"]


@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_everyone_sees_what_the_witnesses_see(seed: int, skips: bool) -> None:
    world = World(seed, skips=skips)
    try:
        for number in range(STEPS):
            world.step(number)
        world.settle()
        here = {member.uid for room in world.rooms for member in room.members}
        witnesses = world.peers[:4]
        assert all(witness.uid in here for witness in witnesses), "a witness was cut"
        arrived = [peer for peer in world.peers if len(peer.frames) > 1]
        assert sum(peer.is_stream for peer in arrived) > 5
        assert sum(not peer.is_stream for peer in arrived) > 5
        for peer in arrived:
            is_here = peer.is_open and peer.uid in here
            check_own(peer, is_here)
            if peer not in witnesses:
                check_story(world, peer, is_here)
        check_counts(world)
    finally:
        world.close()
