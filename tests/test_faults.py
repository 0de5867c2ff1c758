"""A contained fault says what kind it was and where, and nothing that came from a peer."""

import logging
import secrets
import time

import pytest

from relay.faults import FaultLog, log_fault


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


def test_faults_that_peers_cause_are_logged_once_a_second(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    faults = FaultLog("a connection failed")
    for _ in range(3):
        faults.note(ValueError())
    now = 100.999
    faults.note(ValueError())
    now = 101.0
    faults.note(ValueError())
    first, second = (record.getMessage() for record in caplog.records)
    assert "more" not in first
    assert "(3 more since the last report)" in second
