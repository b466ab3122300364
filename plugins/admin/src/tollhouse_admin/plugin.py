"""The plugin: remembers, measures, protects what no other plugin protects, and brings the routes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

from tollhouse import Attempt, Endpoint, Event, Exchange, Principal, Rejected, Skip, hookimpl
from tollhouse.edition import Edition
from tollhouse.gateway import Gateway
from tollhouse.measuring import measure

from .capture import Capture
from .guard import check_origin
from .http import endpoint
from .node import Node
from .operations import ORIGIN, TARGET
from .routes import ROUTES
from .settings import AdminSettings
from .token import bearer, find_token, same, token_file

log = logging.getLogger("tollhouse.admin")

KEY = "admin-token"
"""The name of the key in the token file."""


class Admin:
    """The admin API below `/admin/v1`."""

    Settings = AdminSettings

    def __new__(cls, settings: AdminSettings) -> Admin:
        """One that captures is another: it alone has to look at every reply."""
        return super().__new__(Capturing if settings.capture and cls is Admin else cls)

    def __init__(self, settings: AdminSettings) -> None:
        self.settings = settings
        self._opened: tuple[Node, Edition] | None = None
        self._token = ""
        self._hosts: tuple[str, ...] = ()

    @hookimpl
    async def startup(self, gateway: Gateway, edition: Edition) -> None:
        """Raises ConfigError when the token file cannot be used."""
        node: Node = gateway.keep("admin", lambda: Node(gateway, self.settings.recent))
        self._node = node
        self._hosts = (*(name.lower() for name in self.settings.hosts), edition.config.server.listen.host)
        if not edition.chain["authenticate"]:
            file = token_file(edition.config.store.url)
            fresh = not file.exists()
            self._token = find_token(file)
            if fresh:
                log.debug("the key of the admin API is in %s", file)
        measure(edition.chain)
        node.ring.resize(self.settings.recent)
        node.captured.resize(self.settings.recent if self.settings.capture else 0)
        self._opened = node, edition
        await node.start()

    @hookimpl
    def endpoints(self) -> Sequence[Endpoint]:
        """The routes."""
        return [endpoint(route, self._working, lambda: self._hosts) for route in ROUTES]

    @hookimpl
    async def vouch(self, exchange: Exchange) -> Principal | None:
        """Who has the token may do everything. By another host's name nobody is let in."""
        given = bearer(exchange.headers.get("authorization", ""))
        if not given or not self._token or not same(given, self._token):
            return None
        check_origin(exchange.headers, self._hosts)
        return Principal(key=KEY, access="admin")

    @hookimpl
    async def dispatch(self, exchange: Exchange, attempt: Attempt) -> None:
        """Keep drained targets out; a test goes to its own target only."""
        name = attempt.target.name
        if exchange.origin == f"submit:{ORIGIN}" and (wanted := exchange.headers.get(TARGET)):
            if name != wanted:
                raise Skip(f"a test of {wanted}")
        elif (drain := self._node.drained.targets.get(name)) is not None:
            raise Skip(f"drained by {drain.by}")

    @hookimpl
    async def settle(self, exchange: Exchange) -> None:
        """Remember it."""
        self._node.ended(exchange)

    def _working(self) -> tuple[Node, Edition]:
        if self._opened is None:
            raise Rejected("The gateway is starting.", status=503, code="starting", retry_after=1.0)
        return self._opened


class Capturing(Admin):
    """The same, with the beginnings of what is asked and answered."""

    def __init__(self, settings: AdminSettings) -> None:
        super().__init__(settings)
        self._capture = Capture(settings)

    @hookimpl
    async def relay(self, exchange: Exchange, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        """Listen to the text, and change nothing."""
        wanted = self._capture.wanted(exchange)
        said: list[str] = []
        exchange.state["admin"] = said
        async for event in events:
            if wanted:
                self._capture.hear(event, said)
            yield event

    @hookimpl
    async def settle(self, exchange: Exchange) -> None:
        """Remember it, with its bodies."""
        await super().settle(exchange)
        said: Any = exchange.state.get("admin", [])
        if exchange.began and self._capture.wanted(exchange):
            self._node.captured.put(exchange.id, self._capture.bodies(exchange, said))
