"""Time by parameter, so that tests can own it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where the gateway reads the time."""

    def monotonic(self) -> float:
        """Seconds that never go back; for durations."""
        ...

    def time(self) -> float:
        """Unix seconds; for records."""
        ...


class SystemClock:
    """The machine's own clocks."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)
