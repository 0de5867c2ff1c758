"""PartySocket in a page: everything that is tested of it in Node."""

from __future__ import annotations

from clients.test_party_socket import *  # noqa: F403
