"""Fixtures for tests against a running relay; a directory's conftest imports the ones it uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias

import pytest

from support.member import Bystanders, Visitors, new_channel
from support.process import RelayProcess

StartRelay: TypeAlias = Callable[..., RelayProcess]
VisitAt: TypeAlias = Callable[[RelayProcess], Visitors]


@pytest.fixture(scope="session")
def relay() -> Iterator[RelayProcess]:
    """A relay with the default settings, shared by all tests that need nothing else."""
    with RelayProcess(seconds_to_live=3600) as server:
        yield server


@pytest.fixture
def start_relay() -> Iterator[StartRelay]:
    """Starts relays with other flags; each is ended and looked at when the test is over."""
    with ExitStack() as stack:
        yield lambda *flags: stack.enter_context(RelayProcess(*flags))


@pytest.fixture
def visit_at() -> Iterator[VisitAt]:
    """Visitors of any server."""
    with ExitStack() as stack:
        yield lambda server: stack.enter_context(Visitors(server.address))


@pytest.fixture
def visit(relay: RelayProcess, visit_at: VisitAt) -> Visitors:
    """Visitors of the default server."""
    return visit_at(relay)


@pytest.fixture
def channel() -> str:
    return new_channel()


@pytest.fixture
def bystanders(visit: Visitors) -> Iterator[Bystanders]:
    """A pair on the default server whose messages flow before and after whatever the test does."""
    pair = Bystanders(visit)
    pair.exchange()
    yield pair
    pair.exchange()
