"""The memory tier: bounded by bytes, and not emptied by a flood of questions that nobody asks twice.

S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023): what is new passes a small queue,
and reaches the large one only when it is asked for again, or comes back soon after it was pushed out.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

OVERHEAD = 640
"""Bytes an entry costs beyond its own: both keys, its item, its places in the tables, and its ghost later."""

SMALL = 10
"""The part of the room that the small queue has: one in so many."""

_MOST = 3


@dataclass(slots=True)
class _Item:
    value: bytes
    uses: int = 0

    @property
    def size(self) -> int:
        return len(self.value) + OVERHEAD


class Memory:
    """Values by key, at most `room` bytes of them with all they cost."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.used = 0
        self._small: OrderedDict[bytes, _Item] = OrderedDict()
        self._main: OrderedDict[bytes, _Item] = OrderedDict()
        self._ghosts: OrderedDict[bytes, None] = OrderedDict()
        self._small_used = 0

    def __len__(self) -> int:
        return len(self._small) + len(self._main)

    def get(self, key: bytes) -> bytes | None:
        """The value, which counts as asked for."""
        item = self._small.get(key) or self._main.get(key)
        if item is None:
            return None
        item.uses = min(_MOST, item.uses + 1)
        return item.value

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value, at the expense of others; one that is larger than the room is not kept."""
        self.drop(key)
        item = _Item(value)
        if item.size > self.room:
            return
        known = key in self._ghosts
        if known:
            del self._ghosts[key]
        self._add(key, item, main=known)
        self._shrink()

    def drop(self, key: bytes) -> None:
        """Forget a value, if it is there."""
        item = self._small.pop(key, None)
        if item is not None:
            self._small_used -= item.size
        else:
            item = self._main.pop(key, None)
        if item is not None:
            self.used -= item.size

    def clear(self) -> None:
        """Forget everything."""
        self._small.clear()
        self._main.clear()
        self._ghosts.clear()
        self.used = self._small_used = 0

    def resize(self, room: int) -> None:
        """Have another room from now on."""
        self.room = room
        self._shrink()

    def _add(self, key: bytes, item: _Item, *, main: bool) -> None:
        item.uses = 0
        (self._main if main else self._small)[key] = item
        self.used += item.size
        if not main:
            self._small_used += item.size

    def _shrink(self) -> None:
        while self.used > self.room:
            full = self._small_used > self.room // SMALL and len(self._small) > 1  # what came last stays
            if full or not self._main:
                self._push_out()
            else:
                self._sweep()
        while len(self._ghosts) > len(self):
            self._ghosts.popitem(last=False)

    def _push_out(self) -> None:
        """The oldest of the small queue goes on to the large one if it was asked for, else out."""
        key, item = self._small.popitem(last=False)
        self._small_used -= item.size
        self.used -= item.size
        if item.uses:
            self._add(key, item, main=True)
        else:
            self._ghosts[key] = None

    def _sweep(self) -> None:
        """The oldest of the large queue begins anew if it was asked for, else it is out."""
        key, item = self._main.popitem(last=False)
        if item.uses:
            item.uses -= 1
            self._main[key] = item
        else:
            self.used -= item.size
