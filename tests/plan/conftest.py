"""A running relay, for plans that learn from one."""

from __future__ import annotations

from support.fixtures import channel, start_relay, visit_at

__all__ = ["channel", "start_relay", "visit_at"]
