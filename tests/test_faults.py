"""A contained fault says what kind it was and where, and nothing that came from a peer."""

import logging

import pytest

from relay.faults import log_fault


def raise_with(secret: str) -> None:
    raise ValueError(f"bad {secret}")


def test_a_fault_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise_with("payload-of-a-peer")
    except ValueError as exc:
        log_fault("a connection failed", exc)
    [record] = caplog.records
    text = record.getMessage()
    assert record.levelno == logging.ERROR
    assert "a connection failed: ValueError" in text
    assert "raise_with" in text
    assert "payload-of-a-peer" not in text
