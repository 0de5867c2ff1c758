"""The running relay these tests talk to."""

from support.fixtures import bystanders, channel, relay, start_relay, visit, visit_at

__all__ = ["bystanders", "channel", "relay", "start_relay", "visit", "visit_at"]
