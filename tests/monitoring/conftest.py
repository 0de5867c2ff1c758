"""A running relay, and what stands in for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.admin_stand_in import AdminStandIn, serve_stand_in
from support.fixtures import channel, start_relay, visit_at

__all__ = ["channel", "stand_in", "start_relay", "visit_at"]


@pytest.fixture
def stand_in() -> Iterator[AdminStandIn]:
    with serve_stand_in() as stand_in:
        yield stand_in
