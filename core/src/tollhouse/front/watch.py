"""Watching for the caller leaving, from the end of their request on."""

from __future__ import annotations

import asyncio

from ..exchange import Exchange
from ..lapse import Lapses
from .asgi import Receive

LATE = 0.02
"""Seconds before a task is made to listen: most answers from memory are out by then, and need none."""


class Watch:
    """Tells the exchange when its caller leaves. Begin it once, at the end of the body; close it at the end."""

    __slots__ = ("_exchange", "_late", "_receive", "_task")

    def __init__(self, receive: Receive, exchange: Exchange, late: Lapses) -> None:
        """`late` holds all that have begun, for LATE seconds."""
        self._receive, self._exchange, self._late = receive, exchange, late
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """The body has been read: whatever comes now is the caller leaving."""
        self._late.add(self)

    def close(self) -> None:
        """Nobody needs to know any more."""
        self._late.drop(self)
        if self._task is not None:
            self._task.cancel()

    def lapse(self) -> None:
        """It is late: listen."""
        self._task = asyncio.ensure_future(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._exchange.leave()
