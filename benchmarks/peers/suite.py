"""All servers under all rows: each is checked first, and then they take turns within every round of every row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.contenders import Contender
from benchmarks.figures import Figures, medians
from benchmarks.machine import describe
from benchmarks.measure import measure
from benchmarks.peers.catalogue import RELAY, Peer
from benchmarks.peers.check import DeliveryError, check
from benchmarks.peers.installing import MissingError
from benchmarks.peers.outcome import Outcome
from benchmarks.process import ServerProcess
from benchmarks.rows import OpenRow, Row
from benchmarks.table import heading, row_line

Say = Callable[[str], None]
Save = Callable[[Outcome], None]
Found = tuple[Peer, Contender]

# What a server that cannot take a load does to its clients; the message tells which.
Trouble = (OSError, RuntimeError)


def run(
    peers: Sequence[Peer],
    rows: Sequence[Row | OpenRow],
    rounds: int,
    seconds: float,
    say: Say,
    save: Save,
) -> Outcome:
    """Measure, tell of each figure as soon as it is known, and save after each row: all of them take half an hour."""
    outcome = Outcome([], rounds, seconds)
    found = ready(peers, outcome, say)
    outcome.machine = describe([contender for _, contender in found]).splitlines()
    say("\n".join(("", *outcome.machine, "", heading())))
    for row in rows:
        run_row(row, found, outcome, say)
        save(outcome)
    return outcome


def ready(peers: Sequence[Peer], outcome: Outcome, say: Say) -> list[Found]:
    """Those that are there and deliver as they must. Raises what the relay itself does wrong."""
    found: list[Found] = []
    for peer in peers:
        try:
            contender = peer.find()
            with ServerProcess(contender.command) as server:
                check(server.port, peer.wire, is_stamped=peer.is_relay)
        except (MissingError, DeliveryError, *Trouble) as error:
            if peer is RELAY:
                raise
            outcome.skipped[peer.name] = str(error)
            say(f"{peer.name}: left out: {error}")
            continue
        found.append((peer, contender))
        outcome.versions[peer.name] = contender.version
        say(f"{peer.name} {contender.version}: delivers every message once")
    return found


def run_row(row: Row | OpenRow, found: Sequence[Found], outcome: Outcome, say: Say) -> None:
    kept: dict[str, list[Figures]] = {peer.name: [] for peer, _ in found}
    for _ in range(outcome.rounds):
        for peer, contender in found:
            if peer.name not in kept:
                continue
            try:
                figures = measure(row, contender.command, outcome.seconds, peer.wire)
            except Trouble as error:
                del kept[peer.name]
                outcome.failed.setdefault(row.name, {})[peer.name] = str(error)
                say(f"{row.name}: {peer.name} failed: {error}")
                continue
            kept[peer.name].append(figures)
    outcome.rows[row.name] = kept
    for name, rounds in kept.items():
        say(row_line(row.name, name, medians(rounds)))
    say(f"{'':33} CPU relay / {ratios(outcome, row.name, kept)}")
    say(goal_line(outcome, row))


def ratios(outcome: Outcome, row: str, names: dict[str, list[Figures]]) -> str:
    found = ((name, outcome.ratio(row, name)) for name in names if name in outcome.peers())
    return ", ".join(f"{name} {ratio:.2f}" for name, ratio in found if ratio is not None)


def goal_line(outcome: Outcome, row: Row | OpenRow) -> str:
    """The goals are held against Bun, the fastest of them."""
    goals = [("CPU", "server_us", row.goal)]
    if isinstance(row, OpenRow):
        goals.append(("memory", "bytes_per_connection", row.memory_goal))
    told = []
    for what, figure, goal in goals:
        ratio = outcome.ratio(row.name, "bun", figure)
        if ratio is not None:
            told.append(
                f"{what} at most {goal:.2f} of bun: {ratio:.2f}, {'met' if ratio <= goal else 'MISSED'}"
            )
    return f"{'':33} goal: {'; '.join(told) or 'bun was not measured'}"
