"""Keepalives: comments into a silent stream, so that nobody between us and the caller hangs up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .delivery import Delivery


class Keepalive:
    """Beats after `server.keepalive` seconds of silence, for streams only. One timer, re-armed when it fires."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._every = delivery.exchange.edition.config.server.keepalive
        self._loop = asyncio.get_running_loop()
        self._touched = self._loop.time()
        self._handle: asyncio.TimerHandle | None = None
        self._beat: asyncio.Task[None] | None = None
        self.stopped = True

    def start(self) -> None:
        """From now on; harmless for a reply that does not stream."""
        if self._every and self._delivery.exchange.request.stream and self.stopped:
            self.stopped = False
            self._touched = self._loop.time()
            self._handle = self._loop.call_later(self._every, self._fire)

    def touch(self) -> None:
        """Something else was sent."""
        self._touched = self._loop.time()

    def stop(self) -> None:
        """No more beats. Whoever holds the delivery's lock may be sure that none is under way."""
        self.stopped = True
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    async def close(self) -> None:
        """Stop, and end a beat that hangs on a reader who is gone."""
        self.stop()
        if self._beat is not None and not self._beat.done():
            self._beat.cancel()
            await asyncio.wait([self._beat])

    def _fire(self) -> None:
        rest = self._touched + self._every - self._loop.time()
        if rest <= 0:
            rest = self._every
            if self._beat is None or self._beat.done():
                self._touched = self._loop.time()
                self._beat = self._loop.create_task(self._delivery.beat())
        if not self.stopped:
            self._handle = self._loop.call_later(rest, self._fire)
