"""Exact counts of what happened, in all and by second, in bounded space."""

from __future__ import annotations

from collections import Counter, deque


class Meter:
    """Counts by name. `of` the last seconds comes from one slot a second, at most `seconds` of them."""

    def __init__(self, seconds: int = 60) -> None:
        self.total: Counter[str] = Counter()
        self._slots: deque[tuple[int, Counter[str]]] = deque(maxlen=seconds)

    def add(self, name: str, now: float, many: int = 1) -> None:
        """Count; `now` never goes back by more than a second."""
        self.total[name] += many
        second = int(now)
        if not self._slots or self._slots[-1][0] < second:
            self._slots.append((second, Counter()))
        self._slots[-1][1][name] += many

    def of(self, name: str, now: float, seconds: int = 5) -> int:
        """How many within the last whole seconds and this one."""
        first = int(now) - seconds
        return sum(slot[name] for second, slot in self._slots if second > first)

    def series(self, name: str, now: float, seconds: int = 30) -> list[int]:
        """How many in each of the last whole seconds, oldest first."""
        found = {second: slot[name] for second, slot in self._slots}
        last = int(now)
        return [found.get(second, 0) for second in range(last - seconds, last)]
