"""Whether the store is worth asking: closed while it answers, open after failures in a row."""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger("tollhouse.store")

IN_A_ROW = 3
"""Failures in a row that open it."""
PROBE_EVERY = 1.0
"""Seconds between two callers that may try while it is open."""


class Breaker:
    """Says each change once: one log line and one call of `on_change(up, why)`."""

    def __init__(self, clock: Callable[[], float], on_change: Callable[[bool, str], None] | None) -> None:
        self._clock, self._on_change = clock, on_change
        self._failures = 0
        self._tried = 0.0
        self.open = False
        self.why = ""

    def admits(self) -> bool:
        """Whether this caller may ask; while open, one a second may."""
        if not self.open:
            return True
        now = self._clock()
        if 0 <= now - self._tried < PROBE_EVERY:
            return False
        self._tried = now
        return True

    def succeeded(self) -> bool:
        """The store answered; True when that closed the breaker."""
        self._failures = 0
        if not self.open:
            return False
        self.open = False
        self._tell("the store answers again")
        return True

    def failed(self, why: str) -> None:
        """The store did not answer, or with an error."""
        self._failures += 1
        self.why = why
        if not self.open and self._failures >= IN_A_ROW:
            self.open, self._tried = True, self._clock()
            self._tell(f"the store is down after {self._failures} failures in a row: {why}")

    def _tell(self, what: str) -> None:
        log.log(logging.WARNING if self.open else logging.INFO, "%s", what)
        if self._on_change is not None:
            self._on_change(not self.open, what)
