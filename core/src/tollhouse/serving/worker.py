"""One worker: a gateway, the engine around it, and the orders it obeys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from socket import socket

from ..config import Loaded
from ..errors import ConfigError
from ..events import ConfigRefused
from ..front import Front
from ..gateway import Gateway
from .engine import Terms, engine
from .fixed import check_fixed
from .tls import context, renew


class Worker:
    """Serves until it is told to drain. Making one raises ConfigError, and opens nothing yet."""

    def __init__(self, loaded: Loaded, listeners: Sequence[socket], say: Callable[[str], None]) -> None:
        server = loaded.config.server
        self._listeners, self._say = listeners, say
        self._engine = engine(server.engine)
        self._tls = context(loaded, self._engine.alpn)
        self.gateway = Gateway(loaded, workers=server.workers)
        self._drain, self._cut = asyncio.Event(), asyncio.Event()

    async def serve(self, ready: Callable[[], None]) -> None:
        """Serve, and call `ready` once requests are taken. Raises ConfigError when the gateway does not start.

        Told to drain, readiness fails at once and new work is refused, on connections that are still taken; what
        is under way may end within `server.drain`, and is told an error after that.
        """
        gateway = self.gateway
        await gateway.start()
        terms = Terms(lambda: gateway.edition.config.server, self._tls)
        closing: asyncio.Future[None] | None = None
        try:
            async with self._engine.serving(Front(gateway), self._listeners, terms):
                ready()
                await self._drain.wait()
                await self._drained()
                closing = asyncio.ensure_future(gateway.close())
                await asyncio.wait([closing])
        finally:
            closing = closing or asyncio.ensure_future(gateway.close())
            await asyncio.wait([closing])
        closing.result()

    def drain(self) -> None:
        """Begin to drain; once is enough."""
        self._drain.set()

    def cut(self) -> None:
        """Do not wait for what is under way."""
        self._drain.set()
        self._cut.set()

    @property
    def draining(self) -> bool:
        """Whether it was told to drain."""
        return self._drain.is_set()

    async def reload(self, fresh: Loaded) -> None:
        """Serve by a new configuration from now on. Raises ConfigError, and the old one keeps serving."""
        gateway = self.gateway
        try:
            check_fixed(gateway.edition.loaded, fresh)
            context(fresh, self._engine.alpn)
        except ConfigError as error:
            self.refused(error)
            raise
        await gateway.reload(fresh)
        renew(self._tls, fresh)

    def refused(self, error: ConfigError) -> None:
        """Let the gateway's followers know that a configuration could not be used."""
        self.gateway.emit(ConfigRefused(at=self.gateway.clock.time(), why=str(error)))

    async def _drained(self) -> None:
        gateway = self.gateway
        grace = float(gateway.edition.config.server.drain)
        self._say(f"Draining: {len(gateway.in_flight)} in flight, up to {grace:g} s.")
        draining = asyncio.ensure_future(gateway.drain(grace))
        cutting = asyncio.ensure_future(self._cut.wait())
        await asyncio.wait([draining, cutting], return_when=asyncio.FIRST_COMPLETED)
        cutting.cancel()
        if draining.done() and draining.result():
            return
        draining.cancel()
        self._say(f"{len(gateway.in_flight)} exchanges did not end in time and are cut off.")
