"""Keys of the store as requests ask for them: remembered for half a second, and forgotten at a word.

A record is trusted for `FRESH` seconds from when it was asked for, not from when it came; so a revocation holds
everywhere after at most that long, whatever became of the word about it. While the store is away nothing newer can
be known, and `StoreError` is the answer.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tollhouse import Principal
from tollhouse.store import Store

from .keyring import IDS, KEYS
from .record import Record, unpacked

FRESH = 0.5
"""Seconds a record is trusted: half of the second in which a revocation must hold."""

ROOM = 10_000
"""Keys remembered at most."""


@dataclass(slots=True)
class Known:
    """A record, and the caller it stands for once somebody asked."""

    record: Record
    version: int
    asked_at: float
    principal: Principal | None = None


class Lookup:
    """Finds keys by the public id of a secret. At most one question about a key is under way at a time."""

    def __init__(self, store: Store, monotonic: Callable[[], float], *, fresh: float = FRESH, room: int = ROOM) -> None:
        self._store, self._now, self._fresh, self._room = store, monotonic, fresh, room
        self._names: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Known | None]] = {}
        self._tasks: set[asyncio.Task[Known | None]] = set()

    async def find(self, id_: str) -> Known | None:
        """The key one of whose secrets has this id, no older than `FRESH`; None when there is none. Raises
        StoreError."""
        name, asked_at = self._names.get(id_, ("", 0.0))
        if not name and (id_ not in self._names or self._now() - asked_at > self._fresh):
            began = self._now()
            [value] = await self._store.get(IDS + id_)
            name = value.data.decode() if value else ""
            _remember(self._names, id_, (name, began), self._room)
        if not name:
            return None
        known = self._known.get(name)
        if known is not None and self._now() - known.asked_at <= self._fresh:
            self._known.move_to_end(name)
            return known
        return await asyncio.shield(self._asking.get(name) or self._ask(name))

    def forget(self, name: str) -> None:
        """A key has changed: what is remembered of it, or under way, is not used again."""
        if known := self._known.get(name):
            known.asked_at = float("-inf")
        self._asking.pop(name, None)

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _ask(self, name: str) -> asyncio.Task[Known | None]:
        task = asyncio.get_running_loop().create_task(self._fetch(name))
        self._asking[name] = task
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._done(name, done))
        return task

    async def _fetch(self, name: str) -> Known | None:
        began = self._now()
        [value] = await self._store.get(KEYS + name)
        if value is None:
            self._known.pop(name, None)
            return None
        known = self._known.get(name)
        if known is None or known.version != value.version:
            known = Known(unpacked(value.data), value.version, began)
        if self._asking.get(name) is asyncio.current_task():
            known.asked_at = began
            _remember(self._known, name, known, self._room)
        return known

    def _done(self, name: str, task: asyncio.Task[Known | None]) -> None:
        self._tasks.discard(task)
        if self._asking.get(name) is task:
            del self._asking[name]
        if not task.cancelled():
            task.exception()


def _remember(into: OrderedDict[str, Any], key: str, value: Any, room: int) -> None:
    into[key] = value
    into.move_to_end(key)
    if len(into) > room:
        into.popitem(last=False)
