"""The running relay that the Python clients connect to."""

from support.fixtures import channel, relay, start_relay, visit, visit_at

__all__ = ["channel", "relay", "start_relay", "visit", "visit_at"]
