"""A fixed delay for very many things of which hardly any waits for its end: one timer for all."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Lapsing(Protocol):
    """What can wait."""

    def lapse(self) -> None:
        """The time is over."""
        ...


class Lapses:
    """Calls `lapse` of everything that was added so many seconds ago and not dropped since; the oldest comes first."""

    __slots__ = ("_due", "_handle", "_loop", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._due: dict[Lapsing, float] = {}
        self._handle: asyncio.TimerHandle | None = None

    def add(self, one: Lapsing) -> None:
        """Its time begins; it must not be waiting already."""
        self._due[one] = self._loop.time() + self._seconds
        if self._handle is None:
            self._handle = self._loop.call_later(self._seconds, self._look)

    def drop(self, one: Lapsing) -> None:
        """It waits no more; harmless if it does not."""
        self._due.pop(one, None)

    def _look(self) -> None:
        self._handle = None
        now = self._loop.time()
        over = []
        for one, due in self._due.items():
            if due > now:
                self._handle = self._loop.call_at(due, self._look)
                break
            over.append(one)
        for one in over:
            self.drop(one)
            one.lapse()
