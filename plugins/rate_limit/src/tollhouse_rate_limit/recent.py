"""The counters used of late, so that operators can ask where they stand."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from .limits import Asked

REMEMBERED = 1000


class Recent:
    """The counters asked last by this process; outlives reloads."""

    def __init__(self) -> None:
        self._asked: OrderedDict[str, Asked] = OrderedDict()

    def add(self, asked: Mapping[str, Asked]) -> None:
        """These were asked now."""
        kept = self._asked
        for key, one in asked.items():
            kept[key] = one
            kept.move_to_end(key)
        while len(kept) > REMEMBERED:
            kept.popitem(last=False)

    def latest(self, count: int) -> list[Asked]:
        """At most so many, the latest first."""
        return [one for one, _ in zip(reversed(self._asked.values()), range(count), strict=False)]
