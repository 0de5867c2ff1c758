"""The npm client in a page: everything that is tested of it in Node."""

from __future__ import annotations

from clients.test_itty_client import *  # noqa: F403
