"""The store's contract: what every back end promises, and the values that cross it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct

MAX_AMOUNT = 2**53 - 1
"""The largest amount a counter holds: exact in SQLite, in Redis' Lua numbers and in JSON."""


class Demand(Struct, frozen=True, kw_only=True):
    """One thing that must be held before an exchange may go upstream.

    `kind` says how the counter refills: `rate` is GCRA (a bucket of `limit + burst` that refills `limit` over
    `period` seconds, no double burst at an edge), `window` a counter that starts again at `until` (unix
    seconds; the end of the calendar window the claim falls in), `slots` leased concurrency (`amount` slots,
    freed by settle or when the hold expires).
    """

    key: str
    """`plugin:scope...`, the plugin's name first, so that a refusal finds its owner."""
    kind: Literal["rate", "window", "slots"]
    measure: str
    """requests | input | output | tokens | nano_usd | slot: which actual settles it."""
    amount: int
    limit: int
    period: float = 0.0
    burst: int = 0
    until: float = 0.0
    enforce: bool = True
    """False is shadow mode: counted and reported, never refused."""
    if_lost: Literal["refuse", "share", "allow"] = "refuse"
    """What to do while the store is down: refuse (503), hold a local share of the limit, or allow."""
    marks: tuple[int, ...] = ()
    """Thresholds in the measure's unit; each is returned by the claim or settle that crosses it upwards, once
    a window in all processes together. Rates and slots have no window: there a mark comes again after the
    level fell below it."""


class Level(Struct, frozen=True, kw_only=True):
    """Where a counter stands: `used` of `limit` (a rate's burst included); `resets_in` seconds until nothing
    of it is used any more (0 for slots)."""

    key: str
    used: int
    limit: int
    resets_in: float = 0.0

    @property
    def remaining(self) -> int:
        """What is left, never negative."""
        return max(0, self.limit - self.used)


class Grant(Struct, frozen=True, kw_only=True):
    """All demands are held. `levels` are in the demands' order; `crossed` are (key, mark) reached now."""

    levels: tuple[Level, ...] = ()
    crossed: tuple[tuple[str, int], ...] = ()
    shadowed: tuple[str, ...] = ()
    """Keys of shadow demands that would have refused."""


class Refusal(Struct, frozen=True, kw_only=True):
    """Nothing was held. `key` names the demand that refused; `retry_in` is when it frees enough, in seconds.

    Of several demands that refuse, the one that frees last is named; `levels` are in the demands' order.
    `retry_in` is None when waiting cannot help: the amount exceeds what the counter can ever hold. For slots
    it is one second, since nobody knows when a call ends.
    `lost` says that the store is down and the demand's policy is to refuse.
    """

    key: str
    level: Level
    retry_in: float | None
    levels: tuple[Level, ...] = ()
    lost: bool = False


class Settled(Struct, frozen=True, kw_only=True):
    """`first` is False when this hold was settled before: then nothing changed."""

    first: bool
    crossed: tuple[tuple[str, int], ...] = ()


class Lost(Struct, frozen=True, kw_only=True):
    """A hold whose process died: slots and rates were freed, money is booked at the input estimate."""

    hold: str
    demands: tuple[Demand, ...]


class Value(Struct, frozen=True, kw_only=True):
    """A stored value with the version that compare-and-set expects."""

    data: bytes
    version: int


class Row(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One ledger row: one exchange. Tokens by usage bucket, money in nano-USD, None when unpriced."""

    id: str
    """The exchange's id; also the idempotency key."""
    at: float
    """When the exchange started, unix seconds."""
    outcome: str
    key: str = ""
    user: str = ""
    team: str = ""
    model: str = ""
    """The model as the caller asked for it."""
    target: str = ""
    """`provider/model` that answered."""
    provider: str = ""
    tags: tuple[str, ...] = ()
    tokens: Mapping[str, int] = {}
    cost: int | None = 0
    saved: int = 0
    """Nano-USD not spent because a cache answered."""
    attempts: tuple[Mapping[str, Any], ...] = ()
    usage_source: str = ""
    request_id: str = ""


class Sum(Struct, frozen=True, kw_only=True):
    """A rollup: `by` holds the grouped columns' values in the order asked for."""

    by: tuple[str, ...]
    requests: int
    input: int
    output: int
    cost: int
    unpriced: int
    saved: int = 0


class Mail(Struct, frozen=True, kw_only=True):
    """One message of an outbox queue, leased to the taker. `tries` counts leases including this one."""

    id: str
    queue: str
    data: bytes
    tries: int


class Subscription(Protocol):
    """An async iterator of messages as (topic, data); ends by itself when the store closes."""

    def __aiter__(self) -> AsyncIterator[tuple[str, bytes]]: ...

    async def __anext__(self) -> tuple[str, bytes]: ...

    async def aclose(self) -> None:
        """Stop listening."""
        ...


class Store(Protocol):
    """What a back end promises. Every method may raise `StoreError`; none blocks the event loop.

    Writes of one call are atomic. Keys are UTF-8 of at most 512 bytes; values of at most 8 MiB.
    """

    async def claim(self, hold: str, demands: Sequence[Demand], ttl: float) -> Grant | Refusal:
        """Hold all demands or none, in one round trip. The same hold again replaces what it holds with these
        demands (a raise is granted or refused as a whole; a refused raise leaves the earlier hold as it was).
        After `ttl` seconds without `renew` or `settle` the hold is lost (see `expired`)."""
        ...

    async def settle(
        self,
        hold: str,
        actual: Mapping[str, int],
        *,
        row: Row | None = None,
        mail: Sequence[tuple[str, bytes]] = (),
    ) -> Settled:
        """Replace held amounts by actual ones (by measure; a measure not named is refunded, `requests` keeps
        its hold unless named), free slots, append the ledger row with its hourly rollups and the outbox mail,
        all atomically and once: settling a settled hold changes nothing. A window that has rolled over since
        the claim is not refunded into. An unknown hold settles its row and mail only, and not even those when
        the row's id is booked already. Counters never go negative."""
        ...

    async def renew(self, holds: Sequence[str], ttl: float) -> set[str]:
        """Keep holds alive for `ttl` seconds from now; returns those that still exist."""
        ...

    async def expired(self, limit: int) -> list[Lost]:
        """Take up to `limit` expired holds: all they held was freed when their time ran out, except that
        `nano_usd` demands stay as held (the caller books the row with a `settle` of `lost:<hold>`). Each lost
        hold is returned once. A hold that is settled late, before it is taken, is not lost."""
        ...

    async def levels(self, demands: Sequence[Demand]) -> list[Level]:
        """Where these counters stand now; holds nothing."""
        ...

    async def get(self, *keys: str) -> list[Value | None]:
        """Values in the keys' order; None where absent or past its ttl."""
        ...

    async def put(
        self,
        key: str,
        data: bytes,
        *,
        ttl: float | None = None,
        tags: Sequence[str] = (),
        expect: int | None = None,
    ) -> int | None:
        """Store a value; returns its new version, which no value of this key had before. With `expect` (0 =
        must not exist) it is compare-and-set, and None means that another version was there."""
        ...

    async def drop(self, *keys: str, tag: str | None = None) -> int:
        """Delete keys, returning how many existed; or forget all values that carry `tag`, in O(1) by raising
        the tag's generation number (returns 1 if the tag had ever been used, else 0)."""
        ...

    def scan(self, prefix: str, after: str = "", limit: int = 100) -> AsyncIterator[tuple[str, Value]]:
        """Live values whose key starts with `prefix`, in key order, after the key `after`."""
        ...

    async def append(self, log: str, items: Sequence[bytes]) -> str:
        """Append to a log, returning the last item's id. Ids sort as strings in the order of appending."""
        ...

    async def read(self, log: str, after: str = "", limit: int = 1000) -> list[tuple[str, bytes]]:
        """Items after the id `after`, oldest first."""
        ...

    async def trim(self, log: str, before: float) -> int:
        """Delete items appended before a unix time in seconds, returning how many."""
        ...

    async def sums(
        self, by: Sequence[str], since: float, until: float, where: Mapping[str, str] | None = None
    ) -> list[Sum]:
        """Hourly rollups of the ledger summed over hours that start in [since, until), grouped by any of key,
        user, team, model, target, provider, outcome, hour (unix seconds as a string); most cost first."""
        ...

    async def rows(
        self, since: float, until: float, where: Mapping[str, str] | None = None, *, after: str = "", limit: int = 1000
    ) -> list[Row]:
        """Up to `limit` ledger rows of exchanges that started in [since, until), newest first, of those that come
        after the row with the id `after` in that order (none when that row was forgotten: what follows it is older;
        of rows of one instant the larger id is newer). `where` takes the columns of `sums` but the hour, and `id`
        and `request_id`."""
        ...

    async def forget(self, before: float) -> int:
        """Delete the ledger's rows and rollups of whole UTC months that ended by a unix time in seconds, returning
        how many rows; space is given back without a rewrite of what stays. It may take a portion at a time, the
        oldest first: call again until it returns 0."""
        ...

    async def take(self, queue: str, n: int, lease: float) -> list[Mail]:
        """Lease up to `n` due messages for `lease` seconds, oldest first; unfinished ones come again."""
        ...

    async def done(self, queue: str, ids: Sequence[str], *, again_at: float | None = None, dead: bool = False) -> None:
        """Finish messages: delete them, put them back for the unix time `again_at`, or keep them as dead
        letters (queue `<queue>:dead`)."""
        ...

    async def lead(self, name: str, ttl: float) -> bool:
        """Whether this store client is the elected leader for `name`, extended to `ttl` seconds from now."""
        ...

    async def publish(self, topic: str, data: bytes) -> None:
        """Tell every subscriber of the topic, in every process on this store; at most once, not kept."""
        ...

    def subscribe(self, *topics: str) -> Subscription:
        """Messages published from now on (the subscription stands when this returns; call it on the event
        loop that reads it). A subscriber that falls far behind misses the oldest messages."""
        ...

    async def close(self) -> None:
        """Flush what is under way and release everything; no call afterwards."""
        ...
