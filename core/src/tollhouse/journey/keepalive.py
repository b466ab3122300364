"""Keepalives: comments into a silent stream, so that nobody between us and the caller hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Keepalive:
    """Calls `beat` after so many seconds of silence, one at a time. One timer, re-armed when it fires."""

    __slots__ = ("_beat", "_beating", "_every", "_handle", "_loop", "_touched", "stopped")

    def __init__(self, every: float, beat: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """From now on, until it is stopped."""
        self._every, self._beat = every, beat
        self._loop = asyncio.get_running_loop()
        self._touched = self._loop.time()
        self._handle: asyncio.TimerHandle | None = self._loop.call_later(every, self._fire)
        self._beating: asyncio.Task[None] | None = None
        self.stopped = False

    def touch(self) -> asyncio.Task[None] | None:
        """Something else is about to be sent; a beat that is under way must end before."""
        self._touched = self._loop.time()
        return self._beating

    def stop(self) -> asyncio.Task[None] | None:
        """No more beats; one may be under way."""
        self.stopped = True
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        return self._beating

    async def close(self) -> None:
        """Stop, and end a beat that hangs on a reader who is gone."""
        beating = self.stop()
        if beating is not None:
            beating.cancel()
            await asyncio.wait([beating])

    def _fire(self) -> None:
        rest = self._touched + self._every - self._loop.time()
        if rest <= 0:
            rest = self._every
            if self._beating is None:
                self._touched = self._loop.time()
                self._beating = self._loop.create_task(self._beat())
                self._beating.add_done_callback(self._beaten)
        self._handle = self._loop.call_later(rest, self._fire)

    def _beaten(self, _: object) -> None:
        self._beating = None
