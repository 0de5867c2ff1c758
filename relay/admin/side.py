"""Puts the operator's side together, for the server to open, to serve and to finish."""

import contextlib
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from relay.admin.access import Access
from relay.admin.api import Api
from relay.admin.listener import AdminListener
from relay.admin.operations import Operations
from relay.admin.routes import AdminRoutes
from relay.admin.snapshot import Relay
from relay.admin.watch import Watch
from relay.hub import Hub
from relay.limits import AddressLimits
from relay.listeners import open_admin_listeners, url_of
from relay.settings.admin import Endpoint, parse_endpoint
from relay.settings.config import Settings
from relay.static import StaticFile, read_pages

MAX_CONNECTIONS: Final = 100


def make_admin_side(settings: Settings, file_limit: int) -> "AdminSide | None":
    """None when the settings want none. It takes a twentieth of the descriptors, and no more than a hundred."""
    endpoint = parse_endpoint(settings.admin)
    if endpoint is None:
        return None
    return AdminSide(endpoint, settings, max(min(MAX_CONNECTIONS, file_limit // 20), 1))


class AdminSide:
    """The operator's listener, its access, its pages and its API. It takes `max_connections` at once."""

    def __init__(self, endpoint: Endpoint, settings: Settings, max_connections: int) -> None:
        self.urls: list[str] = []
        self.max_connections = max_connections
        self._endpoint = endpoint
        self._access = Access(settings.admin_token)
        self._pages: Mapping[bytes, StaticFile] = {}
        self._sockets: list[socket.socket] = []
        self._listener: AdminListener | None = None
        self._watch = Watch()

    def open(self, stack: contextlib.ExitStack) -> None:
        """Listen, until the stack is left. Raises ListenError, and OSError when the pages are not there."""
        self._pages = read_pages("dashboard")
        self._sockets = open_admin_listeners(*self._endpoint)
        for each in self._sockets:
            stack.enter_context(each)
        self.urls = [url_of(each) for each in self._sockets]

    def configure(self, settings: Settings) -> None:
        """Go by this token from now on."""
        self._access.configure(settings.admin_token)

    async def serve(
        self,
        relay: Relay,
        hub: Hub,
        limits: AddressLimits,
        refusals: Counter[str],
        drain: Callable[[], None],
    ) -> None:
        """Answer until cancelled. Refusals are counted in `refusals`, by reason; `drain` begins to close the server down."""
        operations = Operations(hub, limits, lambda: relay.settings)
        api = Api(relay, self._watch, operations, hub.channels, drain)
        routes = AdminRoutes(self._access, api, self._pages)
        self._listener = AdminListener(
            routes.answer,
            refusals,
            lambda: relay.settings.handshake_timeout,
            self.max_connections,
        )
        await self._listener.serve(self._sockets)

    async def watch(self, relay: Relay) -> None:
        """Look at the load until cancelled."""
        await self._watch.run(relay)

    async def finish(self) -> None:
        """Let the answers that are under way get out."""
        if self._listener is not None:
            await self._listener.finish()
