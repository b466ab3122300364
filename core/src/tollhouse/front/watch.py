"""Watching for the caller leaving, from the end of their request on."""

from __future__ import annotations

import asyncio

from ..exchange import Exchange
from .asgi import Receive

LATE = 0.02
"""Seconds before a task is made to listen: most answers from memory are out by then, and need none."""


class Watch:
    """Tells the exchange when its caller leaves. Begin it once, at the end of the body; close it at the end."""

    __slots__ = ("_exchange", "_handle", "_receive", "_task")

    def __init__(self, receive: Receive, exchange: Exchange) -> None:
        self._receive, self._exchange = receive, exchange
        self._handle: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """The body has been read: whatever comes now is the caller leaving."""
        self._handle = asyncio.get_running_loop().call_later(LATE, self._listen)

    def close(self) -> None:
        """Nobody needs to know any more."""
        if self._handle is not None:
            self._handle.cancel()
        if self._task is not None:
            self._task.cancel()

    def _listen(self) -> None:
        self._task = asyncio.ensure_future(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._exchange.leave()
