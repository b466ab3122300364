"""The store client of one process: checks arguments, sends jobs to its threads, and polls for messages."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from ...errors import ConfigError, StoreError
from ..arguments import (
    check_claim,
    check_columns,
    check_data,
    check_dimensions,
    check_keys,
    check_put,
    check_settle,
    check_ttl,
)
from ..counters import micros
from ..interface import Demand, Grant, Level, Lost, Mail, Refusal, Row, Settled, Store, Sum, Value
from ..tally import month_of
from ..topics import Subscription, Topics
from . import claims, ledger, logs, outbox, upkeep, values
from .database import connect
from .worker import Tx, Worker

POLL = 0.25
"""Seconds between two looks for other processes' messages, while somebody listens."""

_SWEEP_EVERY = 60.0
_CHECKPOINT_EVERY = 250


def open_sqlite(url: str, *, clock: Callable[[], float] = time.time) -> Store:
    """Open `sqlite:PATH`, relative to the working directory. Nothing is touched before the first call.

    `clock` gives unix seconds; all processes on a file must agree on it, which those of one machine do.
    """
    scheme, _, path = url.partition(":")
    if scheme != "sqlite" or not path or path == ":memory:" or path.startswith("//"):
        raise ConfigError(
            f"{url!r} is not a SQLite store",
            path="store.url",
            hint="Write `sqlite:PATH`, such as `sqlite:.tollhouse/state.db`, or `memory:`.",
        )
    return SQLiteStore(Path.cwd() / path, clock)


class SQLiteStore:
    """`Store` over one file. A writer thread batches what changes; a reader thread never waits for it.

    Checkpoints run on a third thread, so that a slow disk's sync holds no claim up.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._connect = partial(connect, path)
        self._me = secrets.token_hex(8)
        self._writer = Worker("store-writer", self._connect, clock, begin="BEGIN IMMEDIATE", after=self._tidy)
        self._reader = Worker("store-reader", self._connect, clock, begin="BEGIN")
        self._checkpointer = Worker("store-checkpointer", self._connect, clock, begin="")
        self._batches, self._swept = 0, time.monotonic()
        self._topics = Topics()
        self._poller: asyncio.Task[None] | None = None

    async def claim(self, hold: str, demands: Sequence[Demand], ttl: float) -> Grant | Refusal:
        """See `Store.claim`."""
        check_claim(hold, demands, ttl)
        return await self._writer.run(lambda tx: claims.claim(tx, hold, demands, ttl))

    async def settle(
        self,
        hold: str,
        actual: Mapping[str, int],
        *,
        row: Row | None = None,
        mail: Sequence[tuple[str, bytes]] = (),
    ) -> Settled:
        """See `Store.settle`."""
        check_settle(hold, actual, row, mail)
        return await self._writer.run(lambda tx: claims.settle(tx, hold, actual, row, mail))

    async def renew(self, holds: Sequence[str], ttl: float) -> set[str]:
        """See `Store.renew`."""
        check_ttl(ttl)
        return await self._writer.run(lambda tx: claims.renew(tx, holds, ttl))

    async def expired(self, limit: int) -> list[Lost]:
        """See `Store.expired`."""
        return await self._writer.run(lambda tx: claims.expired(tx, limit))

    async def levels(self, demands: Sequence[Demand]) -> list[Level]:
        """See `Store.levels`."""
        return await self._reader.run(lambda tx: claims.levels(tx, demands))

    async def get(self, *keys: str) -> list[Value | None]:
        """See `Store.get`."""
        return await self._reader.run(lambda tx: values.get(tx, keys))

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
        check_put(key, data, ttl, tags)
        return await self._writer.run(lambda tx: values.put(tx, key, data, ttl, tags, expect))

    async def drop(self, *keys: str, tag: str | None = None) -> int:
        """See `Store.drop`."""
        return await self._writer.run(lambda tx: values.drop(tx, keys, tag))

    async def scan(self, prefix: str, after: str = "", limit: int = 100) -> AsyncIterator[tuple[str, Value]]:
        """See `Store.scan`."""
        for pair in await self._reader.run(lambda tx: values.scan(tx, prefix, after, limit)):
            yield pair

    async def append(self, log: str, items: Sequence[bytes]) -> str:
        """See `Store.append`."""
        check_keys(log)
        check_data(items)
        return await self._writer.run(lambda tx: logs.append(tx, log, items))

    async def read(self, log: str, after: str = "", limit: int = 1000) -> list[tuple[str, bytes]]:
        """See `Store.read`."""
        return await self._reader.run(lambda tx: logs.read(tx, log, after, limit))

    async def trim(self, log: str, before: float) -> int:
        """See `Store.trim`."""
        return await self._writer.run(lambda tx: logs.trim(tx, log, before))

    async def sums(
        self, by: Sequence[str], since: float, until: float, where: Mapping[str, str] | None = None
    ) -> list[Sum]:
        """See `Store.sums`."""
        check_dimensions([*by, *(where or {})])
        return await self._reader.run(lambda tx: ledger.sums(tx, by, since, until, where or {}))

    async def rows(
        self, since: float, until: float, where: Mapping[str, str] | None = None, *, after: str = "", limit: int = 1000
    ) -> list[Row]:
        """See `Store.rows`."""
        check_columns(where or {})
        return await self._reader.run(lambda tx: ledger.rows(tx, since, until, where or {}, after, limit))

    async def forget(self, before: float) -> int:
        """See `Store.forget`. A portion is small, so that claims go on between two."""
        start = month_of(before)
        return await self._writer.run(lambda tx: ledger.forget(tx, start))

    async def take(self, queue: str, n: int, lease: float) -> list[Mail]:
        """See `Store.take`."""
        check_ttl(lease)
        return await self._writer.run(lambda tx: outbox.take(tx, queue, n, lease))

    async def done(self, queue: str, ids: Sequence[str], *, again_at: float | None = None, dead: bool = False) -> None:
        """See `Store.done`."""
        await self._writer.run(lambda tx: outbox.done(tx, queue, ids, again_at, dead))

    async def lead(self, name: str, ttl: float) -> bool:
        """See `Store.lead`."""
        check_keys(name)
        check_ttl(ttl)
        return await self._writer.run(lambda tx: logs.lead(tx, name, self._me, ttl))

    async def publish(self, topic: str, data: bytes) -> None:
        """See `Store.publish`. This process' subscribers hear it at once, others within a quarter second."""
        check_data([data])
        await self._writer.run(lambda tx: logs.publish(tx, topic, self._me, data))
        self._topics.deliver(topic, data)

    def subscribe(self, *topics: str) -> Subscription:
        """See `Store.subscribe`."""
        subscription = self._topics.subscribe(topics, micros(self._clock()))
        if self._poller is None or self._poller.done():
            self._poller = asyncio.get_running_loop().create_task(self._poll())
        return subscription

    async def close(self) -> None:
        """Run what is queued, give up every lead, end the threads."""
        if self._poller is not None:
            self._poller.cancel()
        self._topics.close()
        if self._writer.started:
            self._writer.post(lambda tx: logs.abdicate(tx, self._me))
        for worker in (self._writer, self._reader, self._checkpointer):
            await worker.close()

    async def _poll(self) -> None:
        seen, version = 0, -1

        def news(tx: Tx) -> tuple[int, list[tuple[int, int, str, bytes]]]:
            present = int(tx.db.execute("PRAGMA data_version").fetchone()[0])
            if present == version:
                return present, []
            return present, logs.messages(tx, seen, self._topics.since(), self._me)

        while self._topics:
            await asyncio.sleep(POLL)
            try:
                version, messages = await self._reader.run(news)
            except StoreError:
                version = -1
                continue
            for id_, at, topic, data in messages:
                seen = id_
                self._topics.deliver(topic, data, at)

    def _checkpoint_in_turn(self, tx: Tx) -> None:
        if upkeep.has_turn(tx, "checkpoint", upkeep.CHECKPOINT_EVERY):
            self._checkpointer.post(lambda tx: upkeep.checkpoint(tx, self._connect))

    def _tidy(self) -> None:
        """Behind a batch, on the writer's thread."""
        self._batches += 1
        if self._batches % _CHECKPOINT_EVERY == 0:
            self._writer.post(self._checkpoint_in_turn)
        if time.monotonic() - self._swept > _SWEEP_EVERY:
            self._swept = time.monotonic()
            self._writer.post(upkeep.sweep)
