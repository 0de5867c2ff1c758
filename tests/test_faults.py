"""A contained fault says what kind it was and where, and nothing that came from a peer."""

import logging
import secrets

import pytest

from relay.faults import log_fault


def raise_with(secret: str) -> None:
    raise ValueError(f"bad {secret}")


def test_a_fault_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    payload = secrets.token_hex()
    try:
        raise_with(payload)
    except ValueError as exc:
        log_fault("a connection failed", exc)
    [record] = caplog.records
    text = record.getMessage()
    assert record.levelno == logging.ERROR
    assert "a connection failed: ValueError" in text
    assert "raise_with" in text
    assert payload not in text
