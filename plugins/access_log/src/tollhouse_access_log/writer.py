"""Writes lines in a thread of its own, so that a slow disk delays no request."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import Protocol

from tollhouse.events import RequestEnded

from .line import line, lost

log = logging.getLogger("tollhouse.access_log")

ROOM = 10_000
"""Events that may wait; further ones are counted as lost."""
TOGETHER = 500
"""Lines written at once."""


class Place(Protocol):
    """Where lines go."""

    def write(self, data: bytes) -> None:
        """Write whole lines. Raises OSError."""
        ...

    def close(self) -> None:
        """No further line comes."""
        ...


class Writer:
    """Owns its place. `close` writes what waits first."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._waiting: queue.SimpleQueue[RequestEnded | None] = queue.SimpleQueue()
        self.lost = 0
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="access_log", daemon=True)
        self._thread.start()

    def put(self, event: RequestEnded) -> None:
        """Take one; never waits."""
        if self._waiting.qsize() >= ROOM:
            self.lost += 1
        else:
            self._waiting.put(event)

    def close(self, seconds: float = 10.0) -> None:
        """Write what waits, for so many seconds at most, and close."""
        self._waiting.put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():
            log.error("the access log could not be finished within %g s", seconds)

    def _run(self) -> None:
        going = True
        while going:
            taken = [self._waiting.get()]
            while len(taken) < TOGETHER and not self._waiting.empty():
                taken.append(self._waiting.get())
            going = None not in taken
            self._write([event for event in taken if event is not None])
        self._place.close()

    def _write(self, events: list[RequestEnded]) -> None:
        count, self.lost = self.lost, 0
        parts = [lost(time.time(), count)] if count else []
        parts += [line(event) for event in events]
        if not parts:
            return
        try:
            self._place.write(b"".join(parts))
        except OSError as error:
            self.lost += count + len(events)
            if not self._failing:
                log.error("the access log cannot be written: %s", error)
            self._failing = True
        else:
            self._failing = False
