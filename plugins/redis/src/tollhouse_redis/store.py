"""The store client of one process: checks arguments, sends operations on their line, reads the answers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from tollhouse.store import Demand, Grant, Level, Lost, Mail, Refusal, Row, Settled, Store, Subscription, Sum, Value
from tollhouse.store.arguments import (
    check_claim,
    check_columns,
    check_data,
    check_dimensions,
    check_keys,
    check_put,
    check_settle,
    check_ttl,
)
from tollhouse.store.counters import micros
from tollhouse.store.tally import month_of

from . import claims, ledger
from .address import Address, parse_url
from .dialer import Dialer
from .line import Line
from .listener import Listener
from .packing import blob, operation
from .scripts import CLAIMS, STATE

CLOSES_WITHIN = 2.0
"""Seconds that calls under way may still take when the store closes."""


def open_redis(url: str, *, clock: Callable[[], float] | None = None) -> Store:
    """Open a store URL (see the README). Nothing is connected before the first call. Raises ConfigError.

    Time is Redis' own; `clock`, unix seconds, stands in for it in tests.
    """
    return RedisStore(parse_url(url), clock)


class RedisStore:
    """`Store` over one Redis.

    Three lines, each with a connection of its own, so that nothing waits behind something of another kind: claims;
    values, leads and messages; what runs in the background (logs, outbox, ledger, scans).
    """

    def __init__(self, address: Address, clock: Callable[[], float] | None) -> None:
        self._address = address
        dialer = Dialer(address)
        self._me = secrets.token_hex(8)
        self._leads: set[str] = set()
        self._claims = Line(dialer, address.root, CLAIMS, clock, batch=64)
        self._values = Line(dialer, address.root, STATE, clock, batch=16)
        self._background = Line(dialer, address.root, STATE, clock, batch=16)
        self._listener = Listener(dialer, address.root + b":news", clock)

    def __repr__(self) -> str:
        return f"RedisStore({self._address})"

    async def claim(self, hold: str, demands: Sequence[Demand], ttl: float) -> Grant | Refusal:
        """See `Store.claim`."""
        check_claim(hold, demands, ttl)
        return claims.claimed(await self._claims.run(claims.claim(hold, demands, ttl)), demands)

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
        return claims.settled(await self._claims.run(claims.settle(hold, actual, row, mail)))

    async def renew(self, holds: Sequence[str], ttl: float) -> set[str]:
        """See `Store.renew`."""
        check_ttl(ttl)
        alive = await self._claims.run(operation("renew", micros(ttl), tuple(holds)))
        return {hold for hold, there in zip(holds, alive, strict=True) if there}

    async def expired(self, limit: int) -> list[Lost]:
        """See `Store.expired`."""
        return claims.lost(await self._claims.run(operation("expired", limit)))

    async def levels(self, demands: Sequence[Demand]) -> list[Level]:
        """See `Store.levels`."""
        packed = blob(claims.packed_demands(demands))
        return claims.levels(await self._claims.run(operation("levels", packed)), demands)

    async def get(self, *keys: str) -> list[Value | None]:
        """See `Store.get`."""
        found = await self._values.run(operation("get", keys))
        return [Value(data=one[1], version=int(one[0])) if one else None for one in found]

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
        lives = False if ttl is None else micros(ttl)
        expected = False if expect is None else expect
        op = operation("put", key, blob(bytes(data)), lives, tuple(tags), expected)
        version: int = await self._values.run(op)
        return version or None

    async def drop(self, *keys: str, tag: str | None = None) -> int:
        """See `Store.drop`."""
        dropped: int = await self._values.run(operation("drop", keys, False if tag is None else tag))
        return dropped

    async def scan(self, prefix: str, after: str = "", limit: int = 100) -> AsyncIterator[tuple[str, Value]]:
        """See `Store.scan`. What is put meanwhile may be among it."""
        place = f"({after}" if after >= prefix and after else f"[{prefix}"
        while place and limit > 0:
            following, *parts = await self._background.run(operation("scan", prefix, place, limit))
            place = following.decode()
            limit -= len(parts) // 3
            for key, version, data in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
                yield key.decode(), Value(data=data, version=int(version))

    async def append(self, log: str, items: Sequence[bytes]) -> str:
        """See `Store.append`."""
        check_keys(log)
        check_data(items)
        last = await self._background.run(operation("append", log, [blob(bytes(data)) for data in items]))
        return f"{last:016d}" if items else ""

    async def read(self, log: str, after: str = "", limit: int = 1000) -> list[tuple[str, bytes]]:
        """See `Store.read`."""
        if limit <= 0:
            return []
        place = f"({int(after)}-0" if after else "-"
        found = await self._background.run(operation("read", log, place, limit))
        items = zip(found[::2], found[1::2], strict=True)
        return [(id_.partition(b"-")[0].decode().zfill(16), data) for id_, data in items]

    async def trim(self, log: str, before: float) -> int:
        """See `Store.trim`."""
        trimmed: int = await self._background.run(operation("trim", log, str(max(0, micros(before)))))
        return trimmed

    async def sums(
        self, by: Sequence[str], since: float, until: float, where: Mapping[str, str] | None = None
    ) -> list[Sum]:
        """See `Store.sums`."""
        check_dimensions([*by, *(where or {})])
        return await ledger.sums(self._background.run, by, since, until, where or {})

    async def rows(
        self, since: float, until: float, where: Mapping[str, str] | None = None, *, after: str = "", limit: int = 1000
    ) -> list[Row]:
        """See `Store.rows`."""
        check_columns(where or {})
        return await ledger.rows(self._background.run, since, until, where or {}, after, limit)

    async def forget(self, before: float) -> int:
        """See `Store.forget`."""
        forgotten: int = await self._background.run(operation("forget", month_of(before)))
        return forgotten

    async def take(self, queue: str, n: int, lease: float) -> list[Mail]:
        """See `Store.take`."""
        check_ttl(lease)
        taken = await self._background.run(operation("take", queue, n, micros(lease)))
        letters = zip(taken[::3], taken[1::3], taken[2::3], strict=True)
        return [Mail(id=id_.decode(), queue=queue, data=data, tries=tries) for id_, data, tries in letters]

    async def done(self, queue: str, ids: Sequence[str], *, again_at: float | None = None, dead: bool = False) -> None:
        """See `Store.done`."""
        again = False if again_at is None else micros(again_at)
        await self._background.run(operation("done", queue, tuple(ids), again, dead))

    async def lead(self, name: str, ttl: float) -> bool:
        """See `Store.lead`."""
        check_keys(name)
        check_ttl(ttl)
        leads = bool(await self._values.run(operation("lead", name, self._me, micros(ttl))))
        if leads:
            self._leads.add(name)
        return leads

    async def publish(self, topic: str, data: bytes) -> None:
        """See `Store.publish`."""
        check_data([data])
        await self._values.run(operation("publish", topic, blob(bytes(data))))

    def subscribe(self, *topics: str) -> Subscription:
        """See `Store.subscribe`."""
        return self._listener.subscribe(topics)

    async def close(self) -> None:
        """Let calls under way end, give up every lead, hang up."""
        await self._listener.close()
        if self._leads and self._values.connected:
            self._values.post(operation("abdicate", self._me, tuple(self._leads)))
        lines = (self._claims, self._values, self._background)
        await asyncio.gather(*(line.close(CLOSES_WITHIN) for line in lines))
