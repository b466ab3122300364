"""All series of one worker, and the writing of them."""

from __future__ import annotations

from bisect import bisect_left

from . import families
from .family import Family
from .page import SPILL, Page

Labels = tuple[str, ...]


class Book:
    """Counts into a page. Labels are values in the family's order; bounding them is the caller's work. Of a page that
    is full, further series are not counted, but that is."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._values = page.values
        self._places: dict[tuple[str, Labels], int] = {}
        self._told: dict[tuple[str, Labels, int], float] = {}
        self.add(families.FULL, (), 0.0)

    def add(self, family: Family, labels: Labels, value: float = 1.0) -> None:
        """More of a counter."""
        self._values[self._at(family, labels)] += value

    def set(self, family: Family, labels: Labels, value: float) -> None:
        """A gauge stands here now."""
        self._values[self._at(family, labels)] = value

    def advance(self, family: Family, labels: Labels, total: float, part: int = 0) -> None:
        """A counter that is counted elsewhere has come so far; `part` tells apart those of one series that begin at
        0 one after the other."""
        key = (family.name, labels, part)
        self.add(family, labels, max(0.0, total - self._told.get(key, 0.0)))
        self._told[key] = total

    def forget(self, part: int) -> None:
        """No part but this one will advance any more."""
        self._told = {key: total for key, total in self._told.items() if key[2] in (0, part)}

    def observe(self, family: Family, labels: Labels, value: float) -> None:
        """One more value in a histogram; it is at most the bound of its bucket."""
        at = self._at(family, labels)
        if at != SPILL:
            self._values[at + bisect_left(family.bounds, value)] += 1.0
            self._values[at + len(family.bounds) + 1] += value

    def adopt(self, family: Family, labels: Labels, values: list[float]) -> None:
        """Add what another page counted."""
        at = self._at(family, labels)
        if at != SPILL:
            for offset, value in enumerate(values):
                self._values[at + offset] += value

    def _at(self, family: Family, labels: Labels) -> int:
        key = (family.name, labels)
        at = self._places.get(key)
        if at is None:
            at = self.page.place(family, labels)
            if at == SPILL:
                self._values[self._places[families.FULL.name, ()]] += 1.0
            else:
                self._places[key] = at
        return at
