"""What a worker counts, told to the others through the store."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct
from tollhouse import Store

PREFIX = "cache:worker:"
LIFE = 60.0
"""Seconds after which a worker that tells nothing any more is left out."""


class Counts(Struct):
    """Since the worker began to serve, but for `entries` and `bytes`, which are what its memory holds now."""

    memory_hits: int = 0
    store_hits: int = 0
    coalesced: int = 0
    misses: int = 0
    bypassed: int = 0
    stored: int = 0
    not_stored: int = 0
    """Complete replies that are not kept: cut short, filtered, declined or too large."""
    plain_bytes: int = 0
    """What was stored, before it was compressed."""
    kept_bytes: int = 0
    """What was stored."""
    entries: int = 0
    bytes: int = 0

    @property
    def hit_ratio(self) -> float | None:
        """Calls answered without an upstream, of those that asked the cache; None before there were any."""
        hits = self.memory_hits + self.store_hits + self.coalesced
        asked = hits + self.misses
        return hits / asked if asked else None

    @property
    def compression(self) -> float | None:
        """How many times larger the entries stored were before; None before there were any."""
        return self.plain_bytes / self.kept_bytes if self.kept_bytes else None


def summed(counts: Iterable[Counts]) -> Counts:
    """Of several workers together."""
    total = Counts()
    for one in counts:
        for name in Counts.__struct_fields__:
            setattr(total, name, getattr(total, name) + getattr(one, name))
    return total


async def tell(store: Store, worker: str, counts: Counts) -> None:
    """Let the others know. Raises StoreError."""
    await store.put(PREFIX + worker, msgspec.json.encode(counts), ttl=LIFE)


async def told(store: Store) -> dict[str, Counts]:
    """What every worker said of late, by its name. Raises StoreError."""
    found = {}
    async for key, value in store.scan(PREFIX, limit=1000):
        found[key.removeprefix(PREFIX)] = msgspec.json.decode(value.data, type=Counts)
    return found
