"""A budget of extra attempts: within a minute they are at most a share of the plain ones."""

from __future__ import annotations

from collections import deque

MINUTE = 60.0
SLOTS = 20
"""Parts of the minute that are forgotten as a whole."""


class Budget:
    """Counts the plain and the extra attempts of the latest minute. Times are monotonic seconds."""

    __slots__ = ("_slots", "extra", "plain")

    def __init__(self) -> None:
        self._slots: deque[list[int]] = deque()
        self.plain = 0
        self.extra = 0

    def add(self, now: float) -> None:
        """A plain attempt was made."""
        self._slot(now)[1] += 1
        self.plain += 1

    def take(self, now: float, share: float, reserve: int) -> bool:
        """Whether an extra attempt may be made, which is counted then: as long as there were fewer within the minute
        than this share of the plain ones, or than `reserve`."""
        slot = self._slot(now)
        if self.extra + 1 > max(float(reserve), share * self.plain + 1e-9):
            return False
        slot[2] += 1
        self.extra += 1
        return True

    def _slot(self, now: float) -> list[int]:
        number = int(now * SLOTS / MINUTE)
        slots = self._slots
        while slots and slots[0][0] <= number - SLOTS:
            _, plain, extra = slots.popleft()
            self.plain -= plain
            self.extra -= extra
        if not slots or slots[-1][0] < number:
            slots.append([number, 0, 0])
        return slots[-1]
