"""The envelope, for the peers in Python: as cheap as their language allows, and no check of the JSON."""

from __future__ import annotations

import secrets
import time
from itertools import count

_BOOT = secrets.token_hex(3).encode()
_messages = count(1)
_members = count(1)


def channel_in(path: str) -> str:
    """The channel of `/c/<channel>?…`; empty when the path is another."""
    return path.partition("?")[0].removeprefix("/c/") if path.startswith("/c/") else ""


def stamp_of_new_member() -> bytes:
    """The part of its envelopes that never changes."""
    return b'","uid":"%b%x","date":' % (_BOOT, next(_members))


def envelope(stamp: bytes, payload: bytes) -> bytes:
    now_ms = time.time_ns() // 1_000_000
    return b'{"id":"%b%x%b%d,"message":%b}' % (_BOOT, next(_messages), stamp, now_ms, payload)
