"""The running relay that the Python clients connect to, and its URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fixtures import channel, relay, start_relay, visit, visit_at
from support.process import CHANNEL_MARK, RelayProcess

from relay.client import unsent

from .heard import url_of

__all__ = ["channel", "relay", "start_relay", "visit", "visit_at"]


@pytest.fixture
def base_url(relay: RelayProcess, monkeypatch: pytest.MonkeyPatch) -> str:
    """The default server's, which clients take from the environment."""
    monkeypatch.setenv("RELAY_URL", url_of(relay))
    return url_of(relay)


@pytest.fixture(autouse=True)
def nothing_of_the_test_before() -> Iterator[None]:
    """What a test leaves queued is none of the next one's, in whose time the collector may find it."""
    yield
    unsent._counts.clear()


@pytest.fixture
def namespace_file(tmp_path: Path) -> str:
    """Settings that ask for keys in the channels of these tests."""
    path = tmp_path / "relay.toml"
    path.write_text(
        f'[namespaces."{CHANNEL_MARK}"]\njoin_keys = ["come in"]\nsend_keys = ["speak"]\n'
    )
    return str(path)
