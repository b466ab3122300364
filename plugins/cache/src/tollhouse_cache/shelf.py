"""Where entries are kept: memory in front, the store behind it; and the calls under way. Lives as long as a process."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from typing import TYPE_CHECKING

from tollhouse import StoreError

from .clears import Clear, Clears, store_tag
from .counts import Counts, tell
from .entry import ALL, Entry, Label, unpacked
from .flight import Flight
from .memory import Memory

if TYPE_CHECKING:
    from tollhouse.gateway import Gateway

log = logging.getLogger("tollhouse.cache")

EVERY = 0.5
"""Seconds between two looks for what was cleared."""

TELL = 10
"""Looks after which the counts are told."""

RECENT = 5.0
"""Seconds for which a clearing of everything is taken to leave nothing."""

WAITING = 16 << 20
"""Bytes that wait to be written to the store at most; what comes beyond stays in memory alone."""

_PREFIX = "cache:entry:"


class Shelf:
    """Entries by key. A store that is away costs its bound once, and is left out until it is back."""

    def __init__(self, gateway: Gateway, room: int) -> None:
        self.memory, self.clears, self.counts = Memory(room), Clears(), Counts()
        self.flights: dict[bytes, Flight] = {}
        self.worker = secrets.token_hex(4)
        self._gateway = gateway
        self.writing = False
        """Whether entries are on their way to the store."""
        self._waiting: deque[tuple[bytes, bytes, Label]] = deque()
        self._waiting_bytes = 0

    def held(self, key: bytes, max_age: float | None) -> Entry | None:
        """The entry in memory that may answer now."""
        data = self.memory.get(key)
        return None if data is None else self._usable(key, data, max_age)

    async def fetch(self, key: bytes, max_age: float | None) -> Entry | None:
        """The entry in the store that may answer now; in memory too from now on."""
        try:
            [value] = await self._gateway.store.get(_name(key))
        except StoreError:
            return None
        if value is None:
            return None
        entry = self._usable(key, value.data, max_age)
        if entry is not None:
            self.memory.put(key, value.data)
        return entry

    def keep(self, key: bytes, entry: Entry, *, store: bool) -> None:
        """Keep an entry in memory and, without anybody waiting for it, in the store."""
        if not self.clears.allow(entry.label):
            return
        data = entry.packed()
        self.memory.put(key, data)
        self.counts.stored += 1
        self.counts.plain_bytes += entry.label.size
        self.counts.kept_bytes += len(entry.data)
        if store and self._gateway.store.healthy and self._waiting_bytes + len(data) <= WAITING:
            self._waiting.append((key, data, entry.label))
            self._waiting_bytes += len(data)
            if not self.writing:
                self.writing = True
                self._gateway.finishing(self._write())

    async def begin(self) -> None:
        """Learn what was cleared before this process began; a store that is away is asked again later."""
        try:
            await self.catch_up()
        except StoreError as error:
            log.debug("the cache begins without knowing what was cleared: %s", error)

    async def watch(self) -> None:
        """Follow what is cleared, and tell what is counted, for ever."""
        looks = 0
        while True:
            await asyncio.sleep(EVERY)
            looks += 1
            try:
                await self.catch_up()
                if looks % TELL == 0:
                    await tell(self._gateway.store, self.worker, self.now())
            except StoreError as error:
                log.debug("the cache goes on by itself: %s", error)

    async def catch_up(self) -> None:
        """Learn what was cleared meanwhile. Raises StoreError."""
        for rule in await self.clears.catch_up(self._gateway.store):
            self.learn(rule)

    def learn(self, rule: Clear) -> None:
        """Keep to a rule; one that leaves nothing gives the memory back at once."""
        self.clears.learn(rule)
        if rule.tag == ALL and rule.before >= self._gateway.clock.time() - RECENT:
            self.memory.clear()

    def now(self) -> Counts:
        """The counts as they are."""
        self.counts.entries, self.counts.bytes = len(self.memory), self.memory.used
        return self.counts

    def _usable(self, key: bytes, data: bytes, max_age: float | None) -> Entry | None:
        entry, now = unpacked(data), self._gateway.clock.time()
        if entry is None or not self.clears.allow(entry.label) or not entry.fresh(now, None):
            self.memory.drop(key)
            return None
        return entry if entry.fresh(now, max_age) else None

    async def _write(self) -> None:
        """Write what waits, one after the other: limits and budgets need the store more urgently."""
        try:
            while self._waiting:
                key, data, label = self._waiting.popleft()
                self._waiting_bytes -= len(data)
                tags = [store_tag(tag) for tag in label.tags]
                try:
                    await self._gateway.store.put(_name(key), data, ttl=label.ttl, tags=tags)
                except StoreError as error:
                    log.debug("an entry stays in memory alone: %s", error)
        finally:
            self.writing = False


def _name(key: bytes) -> str:
    return _PREFIX + key.hex()
