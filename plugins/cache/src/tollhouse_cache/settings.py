"""What gateway.toml says about the cache: the table [cache], and the key of every level."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct
from tollhouse.config import Duration, DurationOrOff, Size

Mode = Literal["on", "read", "write", "off"]
Share = Literal["team", "key", "all"]

LONGEST = 30 * 86400.0
"""Seconds an entry lives at most, and the time for which a clearing is remembered."""

LARGEST = 4 << 20
"""The most that `max_entry` may allow: half of what a store keeps as one value."""


class CacheSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The table [cache]."""

    ttl: Duration = Duration("10m")
    """How long an entry lives, at most 30d."""
    mode: Mode = "on"
    """Whether entries are read and written: both, one of them, or neither."""
    max_age: DurationOrOff = DurationOrOff("off")
    """Oldest entry that may answer, whatever life time it was stored with; "off" sets no bound."""
    share: Share = "team"
    """Who shares entries: the keys of a team (a key without a team has its own), each key alone, or everybody."""
    deterministic_only: bool = False
    """Whether only calls with temperature 0 or with a seed are cached."""
    coalesce: bool = True
    """Whether a call waits for an identical one under way in the same process, and is answered by its reply."""
    headers: bool = True
    """Whether callers may narrow this by `cache-control`, `x-tollhouse-cache` and `x-tollhouse-cache-tags`."""
    memory: Size = Size("64 MiB")
    """Room for entries in the memory of each worker."""
    store: bool = True
    """Whether entries are also kept in the store, where all workers and their successors find them."""
    max_entry: Size = Size("1 MiB")
    """Largest reply that is stored, before it is compressed, at most 4 MiB."""

    def __post_init__(self) -> None:
        if self.ttl > LONGEST:
            raise ValueError("ttl: at most 30d.")
        if self.max_entry > LARGEST:
            raise ValueError("max_entry: at most 4 MiB.")
        if self.memory < self.max_entry:
            raise ValueError("memory: must hold at least one entry of the size `max_entry`.")


class CacheLevel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The key of a level in its long form."""

    ttl: Duration | None = None
    """As in [cache]."""
    mode: Mode | None = None
    """As in [cache]."""
    max_age: DurationOrOff | None = None
    """As in [cache]."""
    share: Share | None = None
    """As in [cache]."""
    deterministic_only: bool | None = None
    """As in [cache]."""

    def __post_init__(self) -> None:
        if self.ttl is not None and self.ttl > LONGEST:
            raise ValueError("ttl: at most 30d.")


Level: Any = DurationOrOff | CacheLevel
"""The type of the plugin's key at every level."""
