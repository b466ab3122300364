"""The store as the gateway uses it: bounded in time, with a policy for when it is down."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from ..errors import ConfigError, StoreError
from .breaker import Breaker
from .counters import capacity
from .interface import (
    Demand,
    Grant,
    Level,
    Lost,
    Mail,
    Refusal,
    Row,
    Settled,
    Store,
    Subscription,
    Sum,
    Value,
)
from .memory import MemoryStore
from .spool import Entry, Spool

log = logging.getLogger("tollhouse.store")

T = TypeVar("T")

RETRY_IN = 1.0
"""Seconds a caller is asked to wait while the store is down."""

_PATIENT = 20
_CLOSING = 5.0


class Guarded:
    """`Store` around a store that may hang, fail or be gone. Owns it: `close` closes both.

    Every call ends within `bound` seconds; background work and the first call of all, which may have to open
    files or connections, within 20 times that. What overruns or fails is a `StoreError`, except:

    - `claim` follows each demand's `if_lost`, all or nothing: `refuse`, a `share` of the limit (divided by
      `share()` workers, counted here and forgotten when the store is back), or `allow`. A shadow demand
      allows.
    - `settle` goes to a spool in the folder `spool` and is made when the store is back: never an error.

    A claim that timed out may still be applied; its hold then runs out by itself.
    """

    def __init__(
        self,
        store: Store,
        *,
        bound: float = 0.05,
        clock: Callable[[], float] = time.time,
        on_change: Callable[[bool, str], None] | None = None,
        share: Callable[[], int] = lambda: 1,
        spool: Path | None = None,
    ) -> None:
        self._store, self._bound, self._clock, self._share = store, bound, clock, share
        self._breaker = Breaker(clock, on_change)
        self._alone = MemoryStore(clock)
        self._spool = Spool(spool)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._replaying: asyncio.Task[None] | None = None
        self._answered = False

    @property
    def healthy(self) -> bool:
        """Whether the store is asked at all."""
        return not self._breaker.open

    @property
    def spooled(self) -> int:
        """Settlements that wait for the store."""
        return len(self._spool)

    @property
    def dropped(self) -> int:
        """Settlements that the full spool lost."""
        return self._spool.dropped

    async def claim(self, hold: str, demands: Sequence[Demand], ttl: float) -> Grant | Refusal:
        """See `Store.claim`; while the store is down, as each demand's `if_lost` says."""
        try:
            return await self._ask(self._store.claim(hold, demands, ttl))
        except StoreError:
            return await self._claim_alone(hold, demands, ttl)

    async def settle(
        self,
        hold: str,
        actual: Mapping[str, int],
        *,
        row: Row | None = None,
        mail: Sequence[tuple[str, bytes]] = (),
    ) -> Settled:
        """See `Store.settle`; spooled while the store is down, and when the caller is cancelled meanwhile."""
        if await self._alone.renew([hold], RETRY_IN):
            await self._alone.settle(hold, actual)
        entry = Entry(hold, dict(actual), row, tuple(mail))
        try:
            return await self._ask(self._store.settle(hold, actual, row=row, mail=mail))
        except StoreError:
            self._spool.add(entry)
            return Settled(first=True)
        except asyncio.CancelledError:
            self._spool.add(entry)
            raise

    async def renew(self, holds: Sequence[str], ttl: float) -> set[str]:
        """See `Store.renew`."""
        alone = await self._alone.renew(holds, ttl)
        return alone | await self._ask(self._store.renew(holds, ttl))

    async def expired(self, limit: int) -> list[Lost]:
        """See `Store.expired`."""
        return await self._ask(self._store.expired(limit), patient=True)

    async def levels(self, demands: Sequence[Demand]) -> list[Level]:
        """See `Store.levels`."""
        return await self._ask(self._store.levels(demands))

    async def get(self, *keys: str) -> list[Value | None]:
        """See `Store.get`."""
        return await self._ask(self._store.get(*keys))

    async def put(
        self,
        key: str,
        data: bytes,
        *,
        ttl: float | None = None,
        tags: Sequence[str] = (),
        expect: int | None = None,
    ) -> int | None:
        """See `Store.put`."""
        return await self._ask(self._store.put(key, data, ttl=ttl, tags=tags, expect=expect))

    async def drop(self, *keys: str, tag: str | None = None) -> int:
        """See `Store.drop`."""
        return await self._ask(self._store.drop(*keys, tag=tag))

    async def scan(self, prefix: str, after: str = "", limit: int = 100) -> AsyncIterator[tuple[str, Value]]:
        """See `Store.scan`."""

        async def collect() -> list[tuple[str, Value]]:
            return [pair async for pair in self._store.scan(prefix, after, limit)]

        for pair in await self._ask(collect(), patient=True):
            yield pair

    async def append(self, log: str, items: Sequence[bytes]) -> str:
        """See `Store.append`."""
        return await self._ask(self._store.append(log, items), patient=True)

    async def read(self, log: str, after: str = "", limit: int = 1000) -> list[tuple[str, bytes]]:
        """See `Store.read`."""
        return await self._ask(self._store.read(log, after, limit), patient=True)

    async def trim(self, log: str, before: float) -> int:
        """See `Store.trim`."""
        return await self._ask(self._store.trim(log, before), patient=True)

    async def sums(
        self, by: Sequence[str], since: float, until: float, where: Mapping[str, str] | None = None
    ) -> list[Sum]:
        """See `Store.sums`."""
        return await self._ask(self._store.sums(by, since, until, where), patient=True)

    async def rows(
        self, since: float, until: float, where: Mapping[str, str] | None = None, *, after: str = "", limit: int = 1000
    ) -> list[Row]:
        """See `Store.rows`."""
        return await self._ask(self._store.rows(since, until, where, after=after, limit=limit), patient=True)

    async def forget(self, before: float) -> int:
        """See `Store.forget`."""
        return await self._ask(self._store.forget(before), patient=True)

    async def take(self, queue: str, n: int, lease: float) -> list[Mail]:
        """See `Store.take`."""
        return await self._ask(self._store.take(queue, n, lease), patient=True)

    async def done(self, queue: str, ids: Sequence[str], *, again_at: float | None = None, dead: bool = False) -> None:
        """See `Store.done`."""
        await self._ask(self._store.done(queue, ids, again_at=again_at, dead=dead), patient=True)

    async def lead(self, name: str, ttl: float) -> bool:
        """See `Store.lead`."""
        return await self._ask(self._store.lead(name, ttl))

    async def publish(self, topic: str, data: bytes) -> None:
        """See `Store.publish`."""
        await self._ask(self._store.publish(topic, data))

    def subscribe(self, *topics: str) -> Subscription:
        """See `Store.subscribe`; waiting for a message is not bounded."""
        return self._store.subscribe(*topics)

    async def close(self) -> None:
        """Cancel what is under way, leave the spool for the next process, close the store."""
        under_way = [*self._tasks, *filter(None, [self._replaying])]
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way, timeout=self._bound)
        self._spool.close()
        closing = asyncio.ensure_future(self._store.close())
        await asyncio.wait([closing], timeout=_CLOSING)
        if not closing.done():
            closing.cancel()
            log.warning("the store did not close within %g seconds", _CLOSING)

    async def _ask(self, call: Coroutine[Any, Any, T], *, patient: bool = False) -> T:
        if not self._breaker.admits():
            call.close()
            raise StoreError(f"the store is down: {self._breaker.why}")
        bound = self._bound * (_PATIENT if patient or not self._answered else 1)
        task = asyncio.get_running_loop().create_task(call)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        try:
            await asyncio.wait([task], timeout=bound)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not task.done():
            task.cancel()
            raise self._failed(StoreError(f"the store did not answer within {bound:g} seconds"))
        try:
            result = task.result()
        except (ValueError, TypeError, ConfigError):
            raise
        except asyncio.CancelledError:
            raise StoreError("the store is closing") from None
        except Exception as error:
            raise self._failed(StoreError(f"{error}")) from error
        self._succeeded()
        return result

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    def _failed(self, error: StoreError) -> StoreError:
        self._breaker.failed(str(error))
        return error

    def _succeeded(self) -> None:
        self._answered = True
        if self._breaker.succeeded():
            self._alone = MemoryStore(self._clock)
        if len(self._spool) and (self._replaying is None or self._replaying.done()):
            self._replaying = asyncio.get_running_loop().create_task(self._replay())

    async def _replay(self) -> None:
        while (entry := self._spool.first()) is not None:
            try:
                await self._ask(self._store.settle(entry.hold, entry.actual, row=entry.row, mail=entry.mail))
            except StoreError:
                return
            except (ValueError, TypeError) as error:
                log.error("a spooled settlement cannot be made, and is dropped: %s", error)
            self._spool.delivered(entry)

    async def _claim_alone(self, hold: str, demands: Sequence[Demand], ttl: float) -> Grant | Refusal:
        standing = tuple(Level(key=demand.key, used=0, limit=capacity(demand)) for demand in demands)
        for demand, level in zip(demands, standing, strict=True):
            if demand.enforce and demand.if_lost == "refuse":
                return Refusal(key=demand.key, level=level, retry_in=RETRY_IN, levels=standing, lost=True)
        workers = max(1, self._share())
        shared = [
            replace(demand, limit=demand.limit // workers, burst=demand.burst // workers, marks=())
            for demand in demands
            if demand.enforce and demand.if_lost == "share"
        ]
        outcome = await self._alone.claim(hold, shared, ttl) if shared else Grant()
        counted = {level.key: level for level in outcome.levels}
        levels = tuple(counted.get(level.key, level) for level in standing)
        if isinstance(outcome, Refusal):
            return replace(outcome, levels=levels, retry_in=outcome.retry_in or RETRY_IN)
        return Grant(levels=levels)
