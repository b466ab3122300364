"""The connections of a transport: which are alive, and which are idle, newest first, by origin."""

from __future__ import annotations

import asyncio

from .address import Origin
from .connection import Connection

KEPT_FOR = 30.0
"""Seconds a connection may be idle."""

KEPT_IDLE = 512
"""Idle connections kept for one origin."""

FAREWELL = 2.0
"""Seconds that connections have to end when the transport is closed."""


class Pool:
    """Home of connections. Taking and returning one costs the same however many there are."""

    def __init__(self, most: int = KEPT_IDLE, seconds: float = KEPT_FOR) -> None:
        self._most, self._seconds = most, seconds
        self._alive: set[Connection] = set()
        self._idle: dict[Origin, dict[Connection, None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._empty: asyncio.Future[None] | None = None

    @property
    def alive(self) -> int:
        """Connections whose socket is open."""
        return len(self._alive)

    @property
    def idle(self) -> int:
        """Connections waiting for a call."""
        return sum(map(len, self._idle.values()))

    def take(self, origin: Origin) -> Connection | None:
        """The connection that was idle for the shortest time, if one is fit."""
        idle = self._idle.get(origin)
        while idle:
            connection, _ = idle.popitem()
            if connection.expires > connection.loop.time():
                return connection
            connection.retire()
        return None

    def joined(self, connection: Connection) -> None:
        """See Home."""
        self._alive.add(connection)

    def left(self, connection: Connection) -> None:
        """See Home."""
        self._alive.discard(connection)
        if not self._alive and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    def rest(self, connection: Connection, seconds: float) -> None:
        """See Home."""
        loop = connection.loop
        idle = self._idle.setdefault(connection.origin, {})
        connection.expires = loop.time() + min(seconds, self._seconds)
        idle[connection] = None
        if len(idle) > self._most:
            oldest = next(iter(idle))
            del idle[oldest]
            oldest.retire()
        if self._timer is None:
            self._timer = loop.call_later(self._seconds / 4, self._sweep)

    def unrest(self, connection: Connection) -> None:
        """See Home."""
        self._idle.get(connection.origin, {}).pop(connection, None)

    async def close(self) -> None:
        """Drop every connection, and wait until their sockets are closed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._idle.clear()
        if not self._alive:
            return
        self._empty = asyncio.get_running_loop().create_future()
        for connection in list(self._alive):
            connection.drop()
        await asyncio.wait([self._empty], timeout=FAREWELL)

    def _sweep(self) -> None:
        """Let go of those that were idle for too long; runs only while there are any."""
        now = asyncio.get_running_loop().time()
        for origin, idle in list(self._idle.items()):
            for connection in [one for one in idle if one.expires <= now]:
                del idle[connection]
                connection.retire()
            if not idle:
                del self._idle[origin]
        self._timer = asyncio.get_running_loop().call_later(self._seconds / 4, self._sweep) if self._idle else None
